"""Intervals of questions: bootstrap percentiles, paired means, zeros of a line."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import LEVEL, t_quantile
from relscale.fitting.estimation.estimates import Estimates
from relscale.laws.derivatives import by_differences
from relscale.laws.law import Array

MIN_DRAWS = 20  # minimum number of resamples for percentiles
MIN_DEFINED_SHARE = 0.9  # smallest share of defined resamples
MAX_LOG = 300.0  # logarithms beyond this would overflow
NO_STDERR = "limits may be too narrow: the value has no standard error to first order"
EQUAL_SCORES = "no limits: all scores are equal"
Scale = Literal["log", "logit", "linear"]
_SCALES: dict[Scale, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "log": (np.log, np.exp),
    "logit": (lambda share: np.log(share / (1 - share)), lambda odds: 1 / (1 + np.exp(-odds))),
    "linear": (np.asarray, np.asarray),
}
_SLOPES: dict[Scale, Callable[[float], float]] = {  # d scale / d value
    "log": lambda value: 1 / value,
    "logit": lambda share: 1 / (share * (1 - share)),
    "linear": lambda _: 1.0,
}


def range_of(scores: Array) -> float:
    """The largest difference of two scores, by which wrong and right ones differ; 1 if all are wrong or all are right.

    Examples
    --------
    >>> range_of(np.array([0.0, 1.0, 1.0])), range_of(np.array([1.0, 1.0])), range_of(np.array([0.5, 0.25, 0.75]))
    (1.0, 1.0, 0.5)
    """
    known = scores[np.isfinite(scores)]
    if not len(known):
        return 0.0
    low, high = float(known.min()), float(known.max())
    return 1.0 if low == high in (0, 1) else high - low


def mean_with_limits(
    differences: Array, score_range: float = 0.0
) -> tuple[float, float | None, float | None]:
    """Mean of paired differences of items, with limits by Student's t; without limits if all scores are equal.

    Right and wrong answers may differ in few or no items, and graded scores in none, which makes their scatter
    unreliable. If items differ by nothing or the range of the scores, the limits thus include one more discordant item
    on either side (Bonett and Price, *Adjusted Wald confidence interval for a difference of binomial proportions based
    on paired data*, J. Educational and Behavioral Statistics 37, 2012); likewise if all differences are equal.
    """
    is_discordant = np.isin(np.abs(differences), (0.0, score_range)).all() or np.ptp(differences) == 0
    shown = np.concatenate([differences, [score_range, -score_range]]) if is_discordant else differences
    if np.ptp(shown) == 0:
        return float(differences.mean()), None, None
    half = float(t_quantile(len(shown) - 1, LEVEL) * shown.std(ddof=1) / np.sqrt(len(shown)))
    return float(differences.mean()), float(shown.mean() - half), float(shown.mean() + half)


class Percentiles(NamedTuple):
    """The 2.5th and 97.5th percentiles of ``draws`` resamples, of which ``undefined`` are undefined.

    ``remark`` says what else is missing.
    """

    low: float | None
    high: float | None
    draws: int
    undefined: int
    remark: str = ""

    @property
    def note(self) -> str:
        """Why there is no interval, or the number of undefined resamples and the remark; else empty."""
        if self.draws and self.low is None:
            few = f"{self.draws} resamples are fewer than {MIN_DRAWS}"
            undefined = f"{self.undefined} of {self.draws} resamples are undefined"
            return f"no interval: {few if self.draws < MIN_DRAWS else undefined}"
        undefined = f"{self.undefined} of {self.draws} resamples are undefined" if self.undefined else ""
        return joined_notes(undefined, self.remark) or ""


def percentiles(drawn: Sequence[float] | Array, draws: int) -> Percentiles:
    """The percentile interval of ``draws`` resamples; without limits if too few are defined.

    A resample is undefined if its value is not finite or missing in ``drawn``.

    Examples
    --------
    >>> percentiles([*range(39), np.nan], 40).note
    '1 of 40 resamples are undefined'
    >>> percentiles([1.0, 2.0], 40).note
    'no interval: 38 of 40 resamples are undefined'
    """
    defined = np.asarray(drawn, dtype=float)
    defined = defined[np.isfinite(defined)]
    undefined = draws - len(defined)
    if len(defined) < max(MIN_DRAWS, MIN_DEFINED_SHARE * draws):
        return Percentiles(None, None, draws, undefined)
    low, high = np.percentile(defined, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Percentiles(float(low), float(high), draws, undefined)


def widened(
    limits: Percentiles,
    value: float,
    factor: float,
    scale: Scale,
    least: float = -np.inf,
    most: float = np.inf,
    *,
    stderr: float = 0.0,
    df: int = 1,
) -> Percentiles:
    """Limits ``factor`` times as far from the estimate, in logarithms, log-odds, or as they are, within bounds.

    With a standard error of the value, limits are at least as far as those of its t interval with ``df`` degrees of
    freedom on the scale; if it is nan (`stderr_of`), the note says so.

    Examples
    --------
    >>> wide = widened(Percentiles(0.5, 2.0, 100, 0), 1.0, 2.0, "log")
    >>> f"{wide.low:.2f} {wide.high:.2f}"
    '0.25 4.00'
    >>> widened(Percentiles(1.2, 2.0, 100, 0), 1.0, 2.0, "linear")[:2]
    (1.2, 3.0)
    """
    if limits.low is None or limits.high is None:
        return limits
    ends = np.array([limits.low, limits.high])
    to, back = _SCALES[scale]
    with np.errstate(all="ignore"):
        centre = to(np.array(value))
        half = t_quantile(df, LEVEL) * stderr * _SLOPES[scale](value)
        wide = back(np.stack([centre + factor * (to(ends) - centre), centre + half * np.array([-1.0, 1.0])]))
    wide = np.where(np.isfinite(wide), wide, ends)[: 2 if stderr else 1]
    # An estimate outside the percentiles would only move them.
    low, high = np.clip([min(*wide[:, 0], ends[0]), max(*wide[:, 1], ends[1])], least, most)
    return limits._replace(low=float(low), high=float(high), remark=NO_STDERR if np.isnan(stderr) else "")


def stderr_of(value: Callable[[Array], float], fit: Estimates) -> float:
    """The standard error of a value of the parameters to first order, √(gᵀ C g), in its units; nan if it has none.

    It has none where the value is not defined on both sides of an estimate, or the estimates have no covariance.
    """

    def formula(theta: Array, x: Array) -> Array:
        return np.asarray(value(theta))

    slopes = by_differences(formula, fit.law.parameters)(fit.theta[:, 0], np.empty(0))
    variance = float(slopes @ fit.covariance[..., 0] @ slopes)
    return float(np.sqrt(variance)) if 0 <= variance < np.inf else np.nan


def factor_of_few(count: int, df: int) -> float:
    """Factor of percentile limits from ``count`` resampled points or clusters, with ``df`` degrees of freedom.

    Resampled points scatter by √(df / count) too little, and percentiles are those of a known variance:
    ``t / z · √(count / df)`` with the quantiles of Student's t and of the normal distribution.
    """
    from scipy.special import ndtri

    return float(t_quantile(df, LEVEL) / ndtri((1 + LEVEL) / 2) * np.sqrt(count / df))


def joined_notes(*notes: str | None) -> str | None:
    """Notes joined into one; None if all are empty."""
    return "; ".join(note for note in notes if note) or None


def left_out(used: NDArray[np.bool_], what: str, columns: Sequence[str]) -> str:
    """A note on the rows of a table that are excluded because they lack a number; empty if there are none.

    Examples
    --------
    >>> left_out(np.array([True, False, True]), "runs", ("loss", "share"))
    '1 of 3 runs excluded: no number in loss or share'
    """
    missing = int((~used).sum())
    named = " or ".join(filter(None, [", ".join(columns[:-1]), columns[-1]]))
    return f"{missing} of {len(used)} {what} excluded: no number in {named}" if missing else ""


def zero_of_line(
    level: float, slope: float, covariance: Array, df: int
) -> tuple[float, float | None, float | None]:
    """Zero of ``level + slope·s`` with Fieller's limits, None if the confidence set is unbounded.

    With quantile t and covariance V of level and slope (2, 2): ``(level + slope·s)² ≤ t²·(V_11 + 2 V_12 s + V_22 s²)``.
    """
    v = covariance * t_quantile(df, LEVEL) ** 2
    a, b, c = slope**2 - v[1, 1], level * slope - v[0, 1], level**2 - v[0, 0]
    if slope == 0:
        return np.nan, None, None
    if not a > 0:
        return -level / slope, None, None
    root = float(np.sqrt(max(b * b - a * c, 0.0)))
    return -level / slope, float((-b - root) / a), float((-b + root) / a)
