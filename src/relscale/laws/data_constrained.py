"""Data-constrained scaling: diminishing returns of repeated tokens and of excess parameters.

    L = E + A / N'^α + B / D'^β
    D' = U · (1 + R_D · (1 − e^(−r_D / R_D))),      r_D = max(D / U − 1, 0)          repetitions
    N' = U_N · (1 + R_N · (1 − e^(−r_N / R_N))),    r_N = max(N / U_N − 1, 0)        excess parameters
    U_N = min(N, G · (U · G)^(β/α)),    G = (αA / (βB))^(1/(α+β))

N are parameters, D training tokens, U ≤ D unique tokens; U_N are the compute-optimal parameters for U tokens. For
R_D, R_N → ∞ it is the law ``parametric``.

Source: Muennighoff et al., *Scaling Data-Constrained Language Models*, arXiv 2305.16264.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws import parametric
from relscale.laws.law import Array, Law, Parameter, computed_together
from relscale.laws.optimum import Optimum, compute
from relscale.laws.repetition import decayed, jacobian, optimal_params, value, value_and_jacobian

REPEATS = (2.0, 6.0, 15.0, 50.0, 200.0)
EXCESS = (0.5, 2.0, 5.0, 15.0, 100.0)


def starts(x: Array, y: Array) -> Array:
    """A grid of R_D and R_N, each with the best starts of ``parametric`` for tokens decayed by R_D.

    A start at which all runs have excess parameters, where A has no effect, begins with a larger A instead.
    """
    points = []
    params, tokens, unique = x[0], x[1], np.minimum(x[2], x[1])
    for repeats in REPEATS:
        effective_tokens = decayed(unique, tokens / unique - 1, np.array(repeats))
        surface = parametric.LAW.starts(np.stack([params, effective_tokens]), y)[:2]
        points += [[*start, repeats, excess] for start in surface for excess in EXCESS]
    theta = np.array(points).T
    all_excess = (params[:, None] > optimal_params(theta, unique[:, None])).all(axis=0)
    theta[1] = np.where(all_excess, _a_of_optimal(theta, np.median(params), np.median(unique)), theta[1])
    return np.asarray(theta.T)


def _a_of_optimal(theta: Array, params: Array, unique: Array) -> Array:
    """The A at which so many parameters are compute-optimal for so many unique tokens."""
    _, _, b, alpha, beta = theta[:5]
    log_g = (np.log(params) - beta / alpha * np.log(unique)) / (1 + beta / alpha)
    return np.asarray(beta * b / alpha * np.exp((alpha + beta) * log_g))


PARAMETERS = (
    *parametric.LAW.parameters,
    Parameter(
        "repeats",
        "repetitions",
        "R_D: the decay scale of repeated tokens, in repetitions",
        low=0,
        high=1e4,
        log=True,
    ),
    Parameter("excess", "multiples", "R_N: the decay scale of excess parameters", low=0, high=1e4, log=True),
)
LAW = Law(
    name="data_constrained",
    predictors=("params", "tokens", "unique_tokens"),
    parameters=PARAMETERS,
    value=value,
    jacobian=jacobian,
    at=computed_together(value_and_jacobian),
    starts=starts,
    source="Muennighoff et al., arXiv 2305.16264",
    formula="L = E + A / N'^α + B / D'^β, D' = U · (1 + R_D · (1 − e^(−r_D / R_D))), r_D = D / U − 1, U ≤ D; N' "
    "likewise of U_N, R_N and r_N = max(N / U_N − 1, 0), with U_N = min(N, G · (U · G)^(β/α)), "
    "G = (αA / (βB))^(1/(α+β))",
    traps="R_D needs runs of many epochs, R_N runs with excess parameters; both are correlated, and there "
    "are several optima. The law cannot represent a loss that rises with further epochs.",
)


def best(theta: Array, flops: float, unique: float) -> tuple[float, float, float]:
    """Parameters, tokens and loss of the best model for given training FLOPs (6ND) and unique tokens."""
    from scipy.optimize import minimize_scalar

    def loss(log_params: float) -> float:
        params = np.exp(log_params)
        return float(value(theta[:, None], np.array([[params], [flops / (6 * params)], [unique]]))[0])

    unconstrained, _ = parametric.compute_optimal(theta, flops)
    minimum = minimize_scalar(
        loss,
        bounds=np.log([unconstrained / 1e3, unconstrained * 1e2]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(minimum.x)), float(flops / (6 * np.exp(minimum.x))), float(minimum.fun)


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    params, tokens, loss = best(theta, fixed["training_flops"], fixed["unique_tokens"])
    return {"params": params, "tokens": tokens, "epochs": tokens / fixed["unique_tokens"], "loss": loss}


OPTIMUM = Optimum(
    {"training_flops": "compute, 6·N·D", "unique_tokens": "available unique tokens"},
    _optimum,
    derived=lambda x: compute(x) | {"epochs": x[1] / x[2]},
)
