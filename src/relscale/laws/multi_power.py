"""Multi-power law: the loss at every step of a training run under any schedule, with a power law of annealing.

    L(t) = L0 + A · S1(t)^(−α) − B · Σ_{k≤t} (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k(t))^(−β))

    S1(t) = Σ_{i≤t} η_i,    S_k(t) = Σ_{k≤i≤t} η_i

η is linear between logged steps, and rises from 0 before the first. Warm-up counts at its actual rate, and the sum
includes its increases; the loss before the peak of the rate is not fitted. The sum is over bins of
rate changes, not over all steps (``relscale.laws.rate_changes``), with a mean error of 10⁻⁴ nats.

Source: Luo et al., *A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules*, arXiv 2503.12811.
"""

import numpy as np

from relscale.laws.law import Array, Parameter, computed_together
from relscale.laws.profile import crossed
from relscale.laws.rate_changes import ALL_BINS, changes
from relscale.laws.separable import separable

ALPHAS, BETAS, GAMMAS = np.array([0.3, 0.5, 0.9]), np.array([0.1, 0.4, 1.2]), np.array([0.2, 0.6, 1.2])
RESPONSES = np.array([1.0, 20.0, 400.0])  # C · η^(−γ) · S at the median decrease


def annealing_gain(g: Array, z: Array, slopes: list[Array] | None = None) -> Array:
    """The sum over all changes, (n, ...), of α, C, β, γ (4, ...) at S1 and the bins (1 + 3·``ALL_BINS``, n, ...).

    If ``slopes`` is given, the derivatives of the sum by C, β and γ are appended to it.

        v = ln C − γ ln η + ln S,  f = ln(1 + e^v):    d(1 − e^(−βf)) = e^(−βf) · (f dβ + β · (1 − e^(−f)) dv)
    """
    _, c, beta, gamma = g
    change, rate, area = z[1 : 1 + ALL_BINS], z[1 + ALL_BINS : 1 + 2 * ALL_BINS], z[1 + 2 * ALL_BINS :]
    shape = np.broadcast_shapes(np.shape(c), z.shape[1:])
    total, by_v, by_beta, by_gamma = (np.zeros(shape) for _ in range(4))
    log_c = np.log(c)
    with np.errstate(divide="ignore"):
        log_rate, log_area = np.log(rate), np.log(area)
    shared_steps = z.shape[1:] == (z.shape[1], *[1] * (z.ndim - 2)) and total.shape[:1] == z.shape[1:2]
    for b in range(ALL_BINS):
        changed = change[b] != 0
        if not changed.any():
            continue
        rows = changed.reshape(len(changed)) if shared_steps else slice(None)
        size, log_eta = change[b][rows], log_rate[b][rows]
        v = log_c - gamma * log_eta + log_area[b][rows]
        small = np.exp(-np.abs(v))
        log_response = np.maximum(v, 0) + np.log1p(small)
        decay = np.exp(-beta * log_response)
        total[rows] += size * (1 - decay)
        if slopes is not None:
            decay *= size
            by_beta[rows] += decay * log_response
            decay *= beta * np.where(v < 0, small, 1.0) / (1 + small)  # 1 − e^(−f) = 1 / (1 + e^(−v))
            by_v[rows] += decay
            decay *= log_eta
            by_gamma[rows] -= decay
    if slopes is not None:
        slopes += [by_v / c, by_beta, by_gamma]
    return total


def terms(g: Array, z: Array) -> Array:
    """The terms of L0, A and B, (3, n, ...)."""
    power = np.exp(-g[0] * np.log(z[0]))
    return np.stack(np.broadcast_arrays(np.ones_like(power), power, -annealing_gain(g, z)))


def value_and_jacobian(theta: Array, x: Array) -> tuple[Array, Array]:
    """L (n, ...), and its derivatives by L0, A, B, α, C, β and γ, (7, n, ...), from one sum over the bins."""
    loss, amplitude, per_rate, g = theta[0], theta[1], theta[2], theta[3:]
    log_sum = np.log(x[0])
    power = np.exp(-g[0] * log_sum)
    slopes: list[Array] = []
    total = annealing_gain(g, x, slopes)
    rows = [np.ones_like(power), power, -total, -amplitude * power * log_sum]
    rows += [-per_rate * slope for slope in slopes]
    return loss + amplitude * power - per_rate * total, np.stack(np.broadcast_arrays(*rows))


def grid(z: Array) -> Array:
    """α, C, β and γ; C follows from the argument of the power at the median decrease."""
    alpha, response, beta, gamma = crossed(ALPHAS, RESPONSES, BETAS, GAMMAS)
    change, rate, area = np.split(z[1:], 3)
    decreases = (change > 0) & (area > 0)
    log_rate, log_area = np.log(rate[decreases]), np.log(area[decreases])
    middle = (np.median(log_rate), np.median(log_area)) if len(log_rate) else (0.0, 0.0)
    return np.stack([alpha, response * np.exp(gamma * middle[0] - middle[1]), beta, gamma])


LAW = separable(
    name="multi_power",
    predictors=("S1", *(f"{name}_{b + 1}" for name in ("change", "rate", "area") for b in range(ALL_BINS))),
    parameters=(
        Parameter("L0", "unit of the loss", "the loss after unlimited training", low=0),
        Parameter("A", "unit of the loss", "the amplitude of the power law, at S1 = 1", low=0, log=True),
        Parameter(
            "B", "unit of the loss per rate", "the final gain per decrease of the rate", low=0, log=True
        ),
        Parameter("alpha", "none", "the exponent of S1", low=0, high=5),
        Parameter("C", "rate^γ per S1", "the speed of the response to a decrease", low=0, log=True),
        Parameter("beta", "none", "the exponent of the response", low=1e-3, high=5, log=True),
        Parameter("gamma", "none", "the exponent of the rate in the speed of the response", low=0, high=3),
    ),
    linear=("L0", "A", "B"),
    terms=terms,
    grid=grid,
    coordinates=np.asarray,
    jacobian=lambda theta, x: value_and_jacobian(theta, x)[1],
    at=computed_together(value_and_jacobian),
    source="Luo et al., arXiv 2503.12811",
    formula="L = L0 + A · S1^(−α) − B · Σ_k (η_{k−1} − η_k) · (1 − (1 + C · η_k^(−γ) · S_k)^(−β))",
    traps="B, C, β and γ are correlated: compare curves. Under a constant rate they are undetermined. Log the corners "
    "of the schedule: a drop between two logged steps is treated as linear. Three runs give no valid interval.",
    source_columns=("step", "learning_rate"),
    make_predictors=changes,
)
