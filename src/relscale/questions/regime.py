"""Is a loss variance-limited or resolution-limited? Its exponent in one of N and D.

    L = L_∞ + c · x^(−p);    variance-limited: p = 1,    resolution-limited: p < 1, set by the data's dimension

The exponent is that of a law with a floor, fitted per value of the fixed variable. The loss is variance-limited if 1 is
in its interval, resolution-limited if the interval is below 1, and mixed if it is above 1 or too wide
(from below ½ to above 1). An exponent of 1 can be found only if the data reach the floor. If the best floor is 0, a
steeper exponent above a floor may fit nearly as well: the upper limit is where the best fit with any floor is worse by
what t allows (``profile_limits``).

Source: Bahri et al., *Explaining Neural Scaling Laws*, arXiv 2102.06701.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from relscale.confidence import LEVEL, check_level, t_quantile
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.profile_limits import FARTHEST
from relscale.laws.irreducible import LAW
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MIN_POINTS = 4  # one more than the parameters
WIDE = 0.5
EXACT = 1e-9  # of the exponent; an interval that is narrower is rounding, of points on a line
TRIED = 30  # exponents at which the best floor is searched for an upper limit
FLOOR, NO_FLOOR = LAW.names[2], 1e-6  # a floor below this share of the lowest loss counts as 0


class Regime(StrEnum):
    """The regime of a loss."""

    VARIANCE = "variance-limited"
    RESOLUTION = "resolution-limited"
    MIXED = "mixed"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeRow:
    """One row per value of the fixed variable."""

    fixed: str = column("Value of the fixed variable.")
    points: int = column("Number of points.")
    exponent: float | None = column("p of the loss above its floor.", default=None)
    low: float | None = column("Lower limit of its interval.", default=None)
    high: float | None = column("Upper limit of its interval.", default=None)
    floor: float | None = column("L_∞.", "unit of the loss", default=None)
    regime: Regime = column("Regime of the loss.")
    note: str | None = column("Reason for a missing regime.", default=None)


ROW = RegimeRow


def rows(table: Columns, *, x: str, y: str, by: str = "", level: float = LEVEL) -> Iterator[RegimeRow]:
    """The regime of the loss over x at each value of ``by``.

    Parameters
    ----------
    x
        Column of parameters, or of tokens.
    y
        Column of the loss.
    by
        Column of the fixed variable.
    level
        Confidence level of the intervals.

    Raises
    ------
    RelscaleError
        A column is missing or not positive.
    """
    check_level(level)
    table = table.without_blanks((x, y), (by,))
    sizes, loss, labels = table.positive(x), table.positive(y), table.labels(by)
    for name in dict.fromkeys(labels):
        selected = (labels == name) & np.isfinite(sizes) & np.isfinite(loss)
        if len(np.unique(sizes[selected])) < MIN_POINTS:
            note = f"{len(np.unique(sizes[selected]))} values of {x}; at least {MIN_POINTS}"
            yield RegimeRow(fixed=str(name), points=int(selected.sum()), regime=Regime.UNKNOWN, note=note)
            continue
        exponent, low, high, floor = exponent_above_floor(sizes[selected], loss[selected], level)
        known = bool(np.isfinite(low)) and not np.isnan(high)
        yield RegimeRow(
            fixed=str(name),
            points=int(selected.sum()),
            exponent=exponent,
            low=low if known else None,
            high=high if np.isfinite(high) else None,
            floor=floor,
            regime=regime_of(low, high) if known else Regime.UNKNOWN,
            note="the fit has no interval: add points, or points closer to the floor"
            if not known
            else None
            if np.isfinite(high)
            else "no upper limit: with a floor, any larger exponent fits nearly as well",
        )


def exponent_above_floor(x: Array, y: Array, level: float) -> tuple[float, float, float, float]:
    """The exponent of a law with a floor, its limits, and the floor, which is 0 if the data do not show one."""
    relative = x[None] / np.exp(np.log(x).mean())
    fit = estimate(LAW, relative, y)
    i, floor = LAW.names.index("beta"), LAW.names.index(FLOOR)
    if fit.theta[floor, 0] <= NO_FLOOR * y.min():
        fit = estimate(LAW, relative, y, fixed={FLOOR: 0.0})
    exponent, (low, high) = float(fit.theta[i, 0]), (float(side[i, 0]) for side in fit.interval(level))
    if FLOOR in fit.fixed and np.isfinite(high) and high > exponent * (1 + EXACT):
        high = max(high, _upper_limit(relative, y, fit, high, level))
    return exponent, low, high, float(fit.theta[floor, 0])


def _upper_limit(x: Array, y: Array, fit: Estimates, high: float, level: float) -> float:
    """The exponent above which the best floor leaves a worse fit than t of n − 3 allows; inf if there is none.

    ``fit`` has a floor of 0 and ``high`` as upper limit.
    """
    exponent, df = fit.theta[LAW.names.index("beta"), 0], max(int(fit.n[0]) - 3, 1)
    tried = exponent + (high - exponent) * np.geomspace(0.5, FARTHEST, TRIED)
    best = estimate(LAW, x, np.tile(y[:, None], len(tried)), fixed={"beta": tried})
    tau = np.sqrt(np.maximum(best.objective / fit.objective - 1, 0) * df)
    beyond = tau >= t_quantile(df, level)
    if not beyond.any():
        return np.inf
    first = int(beyond.argmax())
    if first == 0:
        return high
    pair = slice(first - 1, first + 1)
    return float(np.interp(t_quantile(df, level), tau[pair], tried[pair]))


def regime_of(low: float, high: float) -> Regime:
    """The regime for an interval of the exponent."""
    if low <= 1 <= high and low > WIDE:
        return Regime.VARIANCE
    return Regime.RESOLUTION if high < 1 else Regime.MIXED
