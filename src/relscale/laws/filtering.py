"""Data filtering: the error of a data pool is a power law of the samples seen, whose exponent decays with every epoch.

    y(n) = d + (a · n_1 / 10⁵)^(b_1) · Π_{k=2..K} (n_k / n_{k−1})^(b_k),    b_k = b · 2^(−(k−1)/τ)

n are samples seen, P is the size of the pool, n_k = min(k·P, n), K = ⌈n / P⌉. A smaller, better pool is optimal at
small compute and a larger one later. For mixtures of pools see ``mixture_errors``. Epochs beyond ``MAX_SUMMED`` are
approximated by an integral.

Source: Goyal et al., *Scaling Laws for Data Filtering*, arXiv 2404.07177.
"""

from collections.abc import Sequence

import numpy as np

from relscale.laws.derivatives import by_differences
from relscale.laws.law import Array, Law, Parameter
from relscale.laws.linear_terms import least_squares

SAMPLES = 1e5  # unit of samples in a
HALF_LIVES = np.array([0.5, 1, 2, 4, 8, 16, 64])
FLOORS = np.array([0, 0.25, 0.5, 0.7, 0.85, 0.95])  # d, as shares of the lowest error
MAX_SUMMED = 500  # epochs; the integral over further ones has an error below 1e-6 of ln(y − d)


def log_samples(tau: Array, x: Array) -> tuple[Array, Array]:
    """ln of the samples of the first epoch, and the discounted ln factors of further epochs, (n, ...) each."""
    samples, pool = x
    first = np.minimum(samples, pool)
    further = np.zeros(np.broadcast_shapes(np.shape(tau), samples.shape))
    epochs = samples / pool
    for k in range(2, int(min(np.ceil(epochs.max()), MAX_SUMMED)) + 1):
        after, before = np.minimum(k * pool, samples), np.minimum((k - 1) * pool, samples)
        further = further + np.exp2(-(k - 1) / tau) * np.log(after / before)
    if (epochs > MAX_SUMMED).any():
        from scipy.special import exp1

        # Σ 2^(−(k−1)/τ) · ln(k / (k−1)) ≈ ∫ 2^(−(t−½)/τ) / t dt
        rate = np.log(2) / tau
        rest = exp1(rate * MAX_SUMMED) - exp1(rate * np.maximum(epochs, MAX_SUMMED))
        further = further + np.exp2(np.minimum(0.5 / tau, 500)) * rest
    return np.asarray(np.log(first / SAMPLES)), further


def value(theta: Array, x: Array) -> Array:
    """y, (n, ...), of a, b, τ, d (4, ...) at n, P (2, n, ...)."""
    a, b, tau, d = theta
    first, further = log_samples(tau, x)
    return np.asarray(d + np.exp(b * (np.log(a) + first + further)))


def mixture_error(
    a: float, d: float, b: Sequence[float], tau: Sequence[float], samples: float, pool: float
) -> float:
    """The error after ``samples`` samples of a mixture of equal pools of ``pool`` samples each."""
    return float(mixture_errors(a, d, b, tau, np.array([samples]), pool)[0])


def mixture_errors(
    a: float, d: float, b: Sequence[float], tau: Sequence[float], samples: Array, pool: float
) -> Array:
    """The errors (n,) after ``samples`` (n,) samples of a mixture of equal pools of ``pool`` samples each.

    Each of p pools is repeated after p times the samples, so the exponent of epoch k is the mean over the pools of
    ``b_i · 2^(−(k−1) / (p · τ_i))``.
    """
    powers, half_lives = np.asarray(b, dtype=float), len(b) * np.asarray(tau, dtype=float)
    at = np.stack([samples, np.full_like(samples, pool * len(powers))])
    first, _ = log_samples(np.array(1.0), at)
    total = powers.mean() * (np.log(a) + first)
    for power, half_life in zip(powers, half_lives, strict=True):
        total = total + power * log_samples(np.array(half_life), at)[1] / len(powers)
    return np.asarray(d + np.exp(total))


def starts(x: Array, y: Array) -> Array:
    """A grid of τ and d, each with the least-squares solution in ln(y − d)."""
    points, misfits = [], []
    for tau in HALF_LIVES:
        first, further = log_samples(np.array(tau), x)
        columns = np.stack([first + further, np.ones_like(y)], axis=1)
        for share in FLOORS:
            target = np.log(y - share * y.min())
            b, level = least_squares(columns, target)
            b = min(b, -1e-3)
            points.append([np.exp(np.clip(level / b, -700, 700)), b, tau, share * y.min()])
            misfits.append(
                float((((np.exp(b * columns[:, 0] + level) + share * y.min()) / y - 1) ** 2).sum())
            )
    return np.array(points)[np.argsort(misfits)[:8]]


PARAMETERS = (
    Parameter("a", "1 / 10⁵ samples", "the scale of the samples seen", low=0, log=True),
    Parameter("b", "none", "the exponent of the first epoch", low=-5, high=0),
    Parameter("tau", "epochs", "the half-life of the exponent, in epochs", low=0, high=1e4, log=True),
    Parameter("d", "unit of the error", "the irreducible error", low=0),
)
LAW = Law(
    name="filtering",
    predictors=("samples", "pool_samples"),
    parameters=PARAMETERS,
    value=value,
    jacobian=by_differences(value, PARAMETERS),
    starts=starts,
    source="Goyal et al., arXiv 2404.07177",
    formula="y = d + (a · n_1 / 10⁵)^b · Π_k (n_k / n_{k−1})^(b · 2^(−(k−1)/τ)), n_k = min(k·P, n)",
    traps="τ needs points beyond two epochs, d points where the curve flattens. Samples seen are not unique "
    "samples. Pools share a in the paper: fit one and --fix a for the others.",
)
