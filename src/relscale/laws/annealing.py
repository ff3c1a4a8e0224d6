"""Learning-rate annealing law: the loss at every step of a training, under any schedule.

    L(s) = L0 + A · S1^(−α) − C · S2

    S1(s) = Σ_{i≤s} η_i,    S2(s) = Σ_{i≤s} m_i,    m_i = λ · m_{i−1} + (η_{i−1} − η_i),    λ = 0.999

S1 measures how far training has gone, S2 what the decay of the learning rate η has gained: m is the sum of all
decreases so far, each discounted with rate λ, so ``S2 = Σ_{i≤s} Σ_{k≤i} (η_{k−1} − η_k) · λ^(i−k)``. Between two logged
steps η is taken to be linear, with equal decreases f. Over L such steps, from a momentum m,

    S1 grows by Σ η,    S2 by m·q + (f / (1 − λ)) · (L − q),    m becomes λ^L·m + f·(1 − λ^L) / (1 − λ),

with q = λ·(1 − λ^L) / (1 − λ): the cost is that of the logged steps, however far apart they are.

Identifiable where the learning rate decays: under a constant one S2 is 0 and C is free.

Source: Tissue, Wang and Wang, *Scaling Law with Learning Rate Annealing*, arXiv 2408.11029, equation 1. Warm-up as
there (section 3): its steps count as if they had been at the peak, in S1 as in S2, so nothing anneals before the peak;
the loss during warm-up is not fitted.
"""

import numpy as np
from numpy.typing import ArrayLike

from relscale.errors import RelscaleError
from relscale.laws.law import Array, Parameter
from relscale.laws.separable import separable

FORGETTING = 0.999  # λ
ALPHAS = np.array([0.05, 0.12, 0.2, 0.3, 0.42, 0.55, 0.75, 1.0, 1.5, 2.2])


def areas(steps: ArrayLike, learning_rates: ArrayLike, forgetting: float = FORGETTING) -> Array:
    """S1 and S2, (2, n), at logged steps.

    Parameters
    ----------
    steps
        (n,) increasing; between them the schedule is a straight line, before the first it is as warm-up.
    learning_rates
        (n,) at these steps.
    forgetting
        λ.

    Raises
    ------
    RelscaleError
        The steps do not increase, are not whole and positive, or a learning rate is negative.
    """
    at, rates = np.asarray(steps, dtype=float), np.asarray(learning_rates, dtype=float)
    if at.shape != rates.shape or at.ndim != 1 or not len(at):
        raise RelscaleError(
            f"annealing: {at.shape} steps and {rates.shape} learning rates; give one for each step"
        )
    if (np.diff(at) <= 0).any() or (at != np.round(at)).any() or at[0] < 0:
        raise RelscaleError("annealing: steps must be whole, from 0 on, and increase")
    if not (np.isfinite(rates) & (rates >= 0)).all():
        raise RelscaleError("annealing: a learning rate is negative or missing")
    # The schedule's corners from step 1 on; a step 0 is before the first.
    corner = np.unique(np.maximum(np.append(at, 1.0), 1.0))
    rate = np.interp(corner, at, rates)
    rate[: int(rate.argmax())] = rate.max()
    length = np.diff(corner)
    s1 = np.cumsum(np.append(rate[0], length * rate[:-1] + np.diff(rate) * (length + 1) / 2))
    fall = -np.diff(rate) / length
    forgotten = -np.expm1(length * np.log(forgetting)) / (1 - forgetting)  # (1 − λ^L) / (1 − λ)
    momentum, s2 = 0.0, [0.0]
    for f, steps_on, q in zip(fall, length, forgotten, strict=True):
        s2.append(s2[-1] + momentum * forgetting * q + f / (1 - forgetting) * (steps_on - forgetting * q))
        momentum = momentum * (1 - (1 - forgetting) * q) + f * q
    places = np.searchsorted(corner, at)
    return np.where(at > 0, np.stack([s1, s2])[:, places], 0.0)


def after_warm_up(curve: Array) -> Array:
    """S1 and S2, (2, n), of steps and learning rates (2, n); nan before the learning rate's peak."""
    steps, rates = curve
    return np.where(steps >= steps[rates.argmax()], areas(steps, rates), np.nan)


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of L0, A, C, α (4, ...) at S1, S2 (2, n, ...)."""
    l0, a, c, alpha = theta
    return np.asarray(l0 + np.exp(np.log(a) - alpha * np.log(x[0])) - c * x[1])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by L0, A, C, α, (4, n, ...)."""
    _, a, _, alpha = theta
    log_s = np.log(x[0])
    left = np.exp(-alpha * log_s)
    return np.stack(np.broadcast_arrays(np.ones_like(left), left, -x[1], -a * left * log_s))


def terms(g: Array, z: Array) -> Array:
    """What L0, A and C are multiplied with, (3, n, ...), of α (1, ...) at ln S1, S2 (2, n, ...)."""
    left = np.exp(-g[0] * z[0])
    return np.stack(np.broadcast_arrays(np.ones_like(left), left, -z[1]))


LAW = separable(
    name="annealing",
    predictors=("S1", "S2"),
    parameters=(
        Parameter("L0", "unit of the loss", "what is left after endless training", low=0),
        Parameter("A", "unit of the loss", "what training takes away, at S1 = 1", low=0, log=True),
        Parameter("C", "unit of the loss per learning rate", "what a unit of S2 gives", low=0),
        Parameter("alpha", "none", "how fast training takes it away", low=0, high=5),
    ),
    value=value,
    jacobian=jacobian,
    source="Tissue et al., arXiv 2408.11029, equation 1",
    formula="L = L0 + A · S1^(−α) − C · S2",
    traps="Under a constant learning rate S2 is 0 and C is free; the steps of one training are not independent.",
    linear=("L0", "A", "C"),
    terms=terms,
    grid=lambda z: ALPHAS[None],
    coordinates=lambda x: np.stack([np.log(x[0]), x[1]]),
    centre=lambda z: np.array([z[0].mean(), 0.0]),
    signed=("C",),
    made_of=("step", "learning_rate"),
    make=after_warm_up,
)
