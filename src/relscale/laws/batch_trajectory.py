"""Loss as a function of parameters, steps and batch: unlimited batches, with steps corrected for finite ones.

    L = (N_c / N)^αN + (S_c / S_min)^αS,    S_min = S / (1 + B_crit(L) / B),    B_crit(L) = B_c · L^(−1/αB)

The critical batch depends on the loss alone, so L is on both sides of the equation. The right side decreases in L, so
there is one solution, above the first term. N are parameters without embeddings, S steps, B tokens per step.

Source: Kaplan et al., *Scaling Laws for Neural Language Models*, arXiv 2001.08361, equations 1.4 to 1.6 and 5.6; Su et
al., *Unraveling the Mystery of Scaling Laws: Part I*, arXiv 2403.06563.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.implicit import implicit
from relscale.laws.law import Array, Law, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import best_grid_points, crossed

ALPHAS_N = np.array([0.03, 0.06, 0.1, 0.2, 0.4])
ALPHAS_S = np.array([0.3, 0.5, 0.8, 1.2])
ALPHAS_B = np.array([0.1, 0.2, 0.4, 0.8])
BATCHES = np.array([0.03, 0.3, 1.5, 6.0, 40.0])  # B_crit at the middle loss, in units of the middle batch


def critical_batch(theta: Array, loss: Array) -> Array:
    """B_crit (n, ...) at a loss."""
    return np.asarray(theta[4] * np.exp(-np.log(loss) / theta[5]))


def _param_term(theta: Array, x: Array) -> Array:
    return np.asarray(np.exp(theta[1] * (np.log(theta[0]) - np.log(x[0]))))


def _step_term(loss: Array, theta: Array, x: Array) -> Array:
    log_correction = np.log1p(critical_batch(theta, loss) / x[2])
    return np.asarray(np.exp(theta[3] * (np.log(theta[2]) + log_correction - np.log(x[1]))))


def _equation(loss: Array, theta: Array, x: Array) -> Array:
    return _param_term(theta, x) + _step_term(loss, theta, x) - loss


def _bracket(theta: Array, x: Array) -> Array:
    low = _param_term(theta, x)
    return np.stack(np.broadcast_arrays(low, low + _step_term(low, theta, x)))


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of exponents and critical batches, each with its least-squares amplitudes."""
    log_n, log_s, log_b = np.log(x)
    a_n, a_s, a_b, ratio = crossed(ALPHAS_N, ALPHAS_S, ALPHAS_B, BATCHES)
    log_y = np.log(y)
    log_star = np.log(ratio) + log_b.mean() + log_y.mean() / a_b
    crit = np.exp(log_star[:, None] - log_y / a_b[:, None] - log_b)
    log_least = log_s - np.log1p(crit)  # ln S_min from the measured loss
    n_mid, s_mid = log_n.mean(), log_s.mean()
    columns = [np.exp(-a_n[:, None] * (log_n - n_mid)), np.exp(-a_s[:, None] * (log_least - s_mid))]
    (by_n, by_s), best = best_grid_points(np.stack(columns, axis=-1), y, count=8)
    a_n, a_s, a_b, log_star = a_n[best], a_s[best], a_b[best], log_star[best]
    log_nc, log_sc = np.log(by_n) / a_n + n_mid, np.log(by_s) / a_s + s_mid
    return np.stack([np.exp(log_nc), a_n, np.exp(log_sc), a_s, np.exp(log_star), a_b], axis=1)


PARAMETERS = (
    Parameter(
        "N_c", "parameters", "the parameters at which the first term is 1 unit of the loss", low=0, log=True
    ),
    Parameter("alpha_N", "none", "the exponent of the parameters", low=0, high=2),
    Parameter("S_c", "steps", "the steps at which the second term is 1 unit of the loss", low=0, log=True),
    Parameter("alpha_S", "none", "the exponent of the steps", low=0, high=5),
    Parameter("B_c", "tokens", "the critical batch at a loss of 1", low=0, log=True),
    Parameter("alpha_B", "none", "B_crit grows as L^(−1/αB)", low=0.02, high=2),
)
VALUE, JACOBIAN = implicit(_equation, _bracket, PARAMETERS)
LAW = Law(
    name="batch_trajectory",
    predictors=("params", "train_steps", "batch_tokens"),
    parameters=PARAMETERS,
    value=VALUE,
    jacobian=JACOBIAN,
    starts=starts,
    source="Kaplan et al., arXiv 2001.08361, equations 1.4 to 1.6, 5.6; Su et al., arXiv 2403.06563",
    formula="L = (N_c / N)^αN + (S_c · (1 + B_c · L^(−1/αB) / B) / S)^αS",
    traps="N_c, S_c and B_c are far outside any data: judge terms and the critical batch at losses inside. Runs "
    "with learning-rate annealing follow another law; the points of one training run are not independent.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    """The lowest loss: ``αN · (N_c / N)^αN = αS · (S_c / S_min)^αS``, so that ``L ∝ compute^(−1 / Σ 1/α)``."""
    amounts, alphas = np.log(theta[[0, 2, 4]]), theta[[1, 3, 5]]
    shares = np.array([alphas[1], alphas[0]]) / (alphas[0] + alphas[1])  # of the two terms in L
    ratio = known["batch_ratio"]
    at_one = amounts - np.log([*shares, 1.0]) / alphas  # ln N, S_min and B_crit at L = 1
    log_loss = (np.log(6 * (1 + ratio)) + at_one.sum() - np.log(known["training_flops"])) / (1 / alphas).sum()
    params, steps, batch = np.exp(at_one - log_loss / alphas) * [1, 1 + 1 / ratio, ratio]
    best = {"params": params, "train_steps": steps, "batch_tokens": batch, "loss": np.exp(log_loss)}
    return {name: float(value) for name, value in best.items()}


OPTIMUM = Optimum(
    {
        "training_flops": "compute, 6·N·B·S",
        "batch_ratio": "batch over the critical batch; with 1, steps and tokens are twice their minimum",
    },
    _optimum,
    "The smallest compute has a batch far below the critical one, and takes the most steps.",
    lambda x: {"training_flops": 6 * x[0] * x[1] * x[2]},
)
