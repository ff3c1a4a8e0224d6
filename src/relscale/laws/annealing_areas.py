"""The predictors of the law ``annealing``: the sum of a run's learning rates, and the discounted sum of its decay.

    S1(s) = Σ_{i≤s} η_i,    S2(s) = Σ_{i≤s} m_i,    m_i = λ · m_{i−1} + (η_{i−1} − η_i),    λ = 0.999

m is the sum of all decreases so far, each discounted with rate λ, so
``S2 = Σ_{i≤s} Σ_{k≤i} (η_{k−1} − η_k) · λ^(i−k)``. Between two logged steps η is assumed to be linear, with equal
decreases f. Over L such steps, from a momentum m,

    S1 grows by Σ η,    S2 by m·q + (f / (1 − λ)) · (L − q),    m becomes λ^L·m + f·(1 − λ^L) / (1 − λ),

with q = λ·(1 − λ^L) / (1 − λ), so that the cost depends on the number of logged steps only.

Source: Tissue, Wang and Wang, *Scaling Law with Learning Rate Annealing*, arXiv 2408.11029, equation 1.
"""

import numpy as np
from numpy.typing import ArrayLike

from relscale.errors import RelscaleError
from relscale.laws.law import Array

FORGETTING = 0.999  # λ


def areas(
    steps: ArrayLike, learning_rates: ArrayLike, forgetting: float = FORGETTING, warm_up: str = "peak"
) -> Array:
    """S1 and S2, (2, n), at logged steps.

    Parameters
    ----------
    steps
        (n,) increasing; the schedule is linear between them, and before the first as ``warm_up`` specifies.
    learning_rates
        (n,) at these steps.
    forgetting
        λ.
    warm_up
        "peak": warm-up steps count in S1 at the peak rate; "real": at their actual rate. They do not count in S2.

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
    # The corners of the schedule from step 1 on; step 0 comes before any training.
    corners = np.unique(np.maximum(np.append(at, 1.0), 1.0))
    rate = np.interp(corners, at, rates)
    length, peak = np.diff(corners), int(rate.argmax())
    if warm_up == "peak":
        rate[:peak] = rate.max()
    s1 = np.cumsum(np.append(rate[0], length * rate[:-1] + np.diff(rate) * (length + 1) / 2))
    rate[:peak] = rate.max()
    fall = -np.diff(rate) / length
    discounted_steps = -np.expm1(length * np.log(forgetting)) / (1 - forgetting)  # (1 − λ^L) / (1 − λ)
    momentum, s2 = 0.0, [0.0]
    for f, count, q in zip(fall, length, discounted_steps, strict=True):
        s2.append(s2[-1] + momentum * forgetting * q + f / (1 - forgetting) * (count - forgetting * q))
        momentum = momentum * (1 - (1 - forgetting) * q) + f * q
    indices = np.searchsorted(corners, at)
    return np.where(at > 0, np.stack([s1, s2])[:, indices], 0.0)
