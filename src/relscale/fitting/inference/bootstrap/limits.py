"""Confidence limits from bootstrap draws.

With θ the estimate, θ* the draws, q_p(·) a quantile over the draws, α = 1 − level:

| kind | limits |
|---|---|
| percentile | q_{α/2}(θ*), q_{1−α/2}(θ*) |
| studentised | θ − se · q_{1−α/2}(t*), θ − se · q_{α/2}(t*),  t* = (θ* − θ) / se* |
| symmetric studentised | θ ∓ se · q_{level}(abs t*) |
| bca | q_{p}(θ*) with p = Φ(z0 + (z0 + z_p) / (1 − a·(z0 + z_p))), z_p = ∓z_{1−α/2} |

z0 = Φ⁻¹(share of draws below θ), ties half; a is the skewness of the jackknife's influence values over 6.

A draw whose fit failed is nan. Failed draws are counted and left out; if more than ``TOO_MANY`` failed, the limits are
from a selection, and the status states it. Draws in which a parameter has no effect on the fitted curve have not
failed, but contain no information about it: they are left out too, and counted separately.

Sources: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 12–14; Davison and Hinkley, 1997,
chapter 5; equation 5.47 for the acceleration over strata; Hall, *On symmetric bootstrap confidence intervals*, 1988.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.fitting.status import OK, Remark, Status, choose

PERCENTILE, STUDENTISED, BCA = "percentile", "studentised", "bca"
SYMMETRIC = "symmetric studentised"
KINDS = (PERCENTILE, STUDENTISED, SYMMETRIC, BCA)

TOO_MANY = 0.05  # share of failed draws, or of those without an effect, above which limits are flagged
FEWEST = 20  # minimum number of draws for limits
NO_LIMITS = Remark(Status.NO_LIMITS)
BIASED = Remark(Status.BIASED_DRAWS)


@dataclass(frozen=True)
class Limits:
    """Limits of parameters; arrays of one shape.

    Attributes
    ----------
    low, high
        nan if there are none.
    failed, without_effect
        Number of failed draws, and of others in which the parameter has no effect.
    status
        ``OK`` or a remark on a problem of the draws.
    """

    low: Floats
    high: Floats
    failed: NDArray[np.int64]
    without_effect: NDArray[np.int64]
    status: NDArray[np.object_]


def limits(
    estimate: ArrayLike,
    draws: Floats,
    level: float,
    kind: str = PERCENTILE,
    *,
    stderr: ArrayLike | None = None,
    draw_stderr: Floats | None = None,
    jackknife: Floats | None = None,
    strata: ArrayLike | None = None,
    without_effect: NDArray[np.bool_] | None = None,
) -> Limits:
    """Limits of each parameter.

    Parameters
    ----------
    estimate
        (...) estimates from the data.
    draws
        (..., B), nan if the fit of a draw failed.
    level
        Level of the two-sided interval, in (0, 1).
    stderr, draw_stderr
        (...) and (..., B), for studentised limits.
    jackknife
        (..., n) estimates without each unit that the bootstrap draws (a run, or a block), for BCa limits.
    strata
        (n,) the stratum of each of these units as a number from 0, if draws were stratified.
    without_effect
        (..., B) draws whose curve does not depend on the parameter.
    """
    estimate = np.asarray(estimate, dtype=float)
    scale = np.asarray(np.nan if stderr is None else stderr, dtype=float)
    tail = np.array([(1 - level) / 2, (1 + level) / 2])
    number = draws.shape[-1]
    unaffected = np.zeros(draws.shape, dtype=bool) if without_effect is None else without_effect
    unaffected = unaffected & np.isfinite(draws)
    n_unaffected = unaffected.sum(axis=-1)
    draws = np.where(unaffected, np.nan, draws)
    if kind in (STUDENTISED, SYMMETRIC):
        if stderr is None or draw_stderr is None:
            raise ValueError("studentised limits need the standard error of the estimate and of each draw")
        with np.errstate(invalid="ignore", divide="ignore"):
            draws = (draws - estimate[..., None]) / draw_stderr
    if kind == SYMMETRIC:
        draws, tail = np.abs(draws), np.array([level, level])
    ordered = np.sort(np.where(np.isfinite(draws), draws, np.nan), axis=-1)  # nan last
    n_finite = np.isfinite(ordered).sum(axis=-1)
    if kind == BCA:
        if jackknife is None:
            raise ValueError("BCa limits need the jackknife")
        tail_of = _bca_tails(estimate, ordered, n_finite, acceleration(jackknife, strata), tail)
    elif kind in KINDS:
        tail_of = [np.broadcast_to(p, estimate.shape) for p in tail]
    else:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
    low, high = (_quantile(ordered, n_finite, p) for p in tail_of)
    if kind == STUDENTISED:
        low, high = estimate - scale * high, estimate - scale * low
    elif kind == SYMMETRIC:
        low, high = estimate - scale * high, estimate + scale * high
    known = (n_finite >= FEWEST) & np.isfinite(low) & np.isfinite(high) & np.isfinite(estimate)
    failed = number - n_finite - n_unaffected
    status = choose(known, OK, NO_LIMITS)
    with np.errstate(invalid="ignore"):
        status[known & ((estimate < low) | (high < estimate))] = BIASED
    flagged = failed + n_unaffected > TOO_MANY * number
    lost = zip(failed[flagged], n_unaffected[flagged], strict=True)
    status[flagged] = [_lost_draws(int(failures), int(idle), number) for failures, idle in lost]
    return Limits(np.where(known, low, np.nan), np.where(known, high, np.nan), failed, n_unaffected, status)


def _lost_draws(failed: int, without_effect: int, draws: int) -> Remark:
    """The status if too many draws are left out: the more frequent reason, and both counts."""
    parts = [f"{failed} of {draws} bootstrap draws failed"] if failed else []
    if without_effect:
        parts.append(f"in {without_effect} of {draws} bootstrap draws the parameter has no effect")
    kind = Status.FAILED_DRAWS if failed >= without_effect else Status.NO_EFFECT
    return Remark(kind, "; ".join(parts))


def draws_note(kind: str, draws: int, failed: int, without_effect: int = 0, asked: int = 0) -> str:
    """Description of a bootstrap in a table: "studentised, 1000 draws, 0 failed".

    If more draws were ``asked`` for than a large table allows, both numbers are given.
    """
    number = f"{draws} of {asked}" if asked > draws else f"{draws}"
    note = f"{'BCa' if kind == BCA else kind}, {number} draws, {failed} failed"
    return f"{note}, {without_effect} without an effect" if without_effect else note


def acceleration(jackknife: Floats, strata: ArrayLike | None = None) -> Floats:
    """a of BCa limits, (...) from the estimates (..., n) without each unit.

    ``a = Σ l_i³ / (6 · (Σ l_i²)^(3/2))`` with the influence values ``l_i = (n_i − 1) / n_i · (mean − θ_(i))``, mean and
    n_i those of unit i's stratum. A stratum of one unit has an influence of 0.
    """
    n = jackknife.shape[-1]
    stratum = np.zeros(n, dtype=np.int64) if strata is None else np.asarray(strata)
    third, second = (np.zeros(jackknife.shape[:-1]) for _ in range(2))
    for s in np.unique(stratum):
        of_stratum = jackknife[..., stratum == s]
        size = of_stratum.shape[-1]
        if size > 1:
            influence = (size - 1) / size * (of_stratum.mean(axis=-1, keepdims=True) - of_stratum)
            third += np.sum(influence**3, axis=-1)
            second += np.sum(influence**2, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(second > 0, third / (6 * second**1.5), np.where(second == 0, 0.0, np.nan))


def _bca_tails(
    estimate: Floats, ordered: Floats, count: NDArray[np.int64], a: Floats, tail: Floats
) -> list[Floats]:
    """The two probabilities at which the draws' quantiles are the BCa limits, each (...)."""
    from scipy.special import ndtr, ndtri

    with np.errstate(invalid="ignore", divide="ignore"):
        below = (
            np.sum(ordered < estimate[..., None], axis=-1)
            + np.sum(ordered == estimate[..., None], axis=-1) / 2
        )
        z0 = ndtri(below / count)
        return [ndtr(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in ndtri(tail)]


def _quantile(ordered: Floats, count: NDArray[np.int64], p: Floats) -> Floats:
    """The p-quantile, linear between order statistics, of the first ``count`` along the last axis; nan for p nan."""
    place = np.where(np.isfinite(p), p, 0) * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    at_low, at_high = (np.take_along_axis(ordered, i[..., None], axis=-1)[..., 0] for i in (low, high))
    return np.where(np.isfinite(p), at_low + (at_high - at_low) * (place - low), np.nan)
