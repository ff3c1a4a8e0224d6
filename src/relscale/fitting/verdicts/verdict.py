"""The verdict on one gap, one of five, accounting for multiple testing.

The gap is ``|ln G(F)|`` from the smallest to the largest compute of the data, and Δβ the slope of ln G.

============= =========================================================================================================
closes        the adjusted p-value of Δβ = 0 is below 1 − level, ln G has one sign throughout, and it moves towards 0
widens        the same, and it moves away from 0
crosses       the adjusted p-value is below 1 − level, and the whole interval of the compute where G = 1 is inside
              the data
flat          none of these, and the whole interval of the change per tenfold of compute is within ± the margin
not resolved  none of these: the data are inconclusive
============= =========================================================================================================

The p-value is adjusted (Benjamini–Hochberg) over the family of the gap, so among gaps with a direction an expected
share of at most 1 − level does not have it. The limits of Δβ, of ln G and of the crossing are not adjusted; in addition
there are limits of Δβ that account for the selection (``after_selection``). "Flat" is an equivalence test: an interval
at level 95% inside the margin rejects a change larger than the margin at 2.5% on either side. A gap with a direction
may also change by less than the margin: with many points a small change is significant, and its size is given beside
the verdict.

Sources: Benjamini & Hochberg, *Controlling the false discovery rate*, JRSS B 57, 1995; Schuirmann, *A comparison of the
two one-sided tests procedure*, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
"""

import math
from enum import StrEnum

from pydantic import Field

from relscale.experiments.section import Fraction, Section
from relscale.fitting.inference.direction import Direction


class Verdict(StrEnum):
    """The verdicts on a gap, the most definite first."""

    WIDENS = "widens"
    CLOSES = "closes"
    CROSSES = "crosses"
    FLAT = "flat"
    NOT_RESOLVED = "not resolved"


DIRECTIONS = (Verdict.CLOSES, Verdict.WIDENS, Verdict.CROSSES)
"""The verdicts with a direction."""


class Options(Section):
    """Options of verdicts."""

    equivalence_margin: Fraction = Field(
        default=0.01,
        description="A gap is flat if the whole interval of its ratio's change per tenfold of compute is within "
        "± this share (0.01 is 1%).",
    )


Limits = tuple[float | None, float | None]


def verdict(
    p_adjusted: float | None,
    level: float,
    direction: Direction | None,
    crossing: Limits,
    data: Limits,
    change: Limits,
    margin: float,
) -> Verdict | None:
    """The verdict on one gap; None if Δβ has no interval.

    Parameters
    ----------
    p_adjusted
        p-value of Δβ = 0, adjusted over the family.
    direction
        Whether the gap closes or widens by the limits of Δβ and of ln G alone.
    crossing
        Limits of the compute where G = 1; None if there is no such limit.
    data
        Smallest and largest compute of the data.
    change
        Limits of ``10^Δβ − 1``, the change of the ratio per tenfold of compute.
    margin
        Largest change that is considered flat.

    Examples
    --------
    >>> verdict(0.01, 0.95, Direction.CLOSES, (None, None), (1e20, 1e23), (-0.06, -0.02), 0.01)
    <Verdict.CLOSES: 'closes'>
    >>> verdict(0.07, 0.95, Direction.CLOSES, (None, None), (1e20, 1e23), (-0.06, -0.02), 0.01)
    <Verdict.NOT_RESOLVED: 'not resolved'>
    >>> verdict(0.01, 0.95, Direction.UNCLEAR, (1e21, 3e21), (1e20, 1e23), (-0.06, -0.02), 0.01)
    <Verdict.CROSSES: 'crosses'>
    """
    if p_adjusted is None or None in change:
        return None
    if p_adjusted < 1 - level:
        if direction == Direction.CLOSES:
            return Verdict.CLOSES
        if direction == Direction.WIDENS:
            return Verdict.WIDENS
        if _inside(crossing, data):
            return Verdict.CROSSES
    return Verdict.FLAT if _inside(change, (-margin, margin)) else Verdict.NOT_RESOLVED


def change_per_tenfold(slope: float | None) -> float | None:
    """``10^Δβ − 1``; None if it overflows."""
    if slope is None or not math.isfinite(slope):
        return None
    return 10.0**slope - 1 if slope < 300 else None


def _inside(limits: Limits, outer: Limits) -> bool:
    """Whether both limits are known and within the others."""
    (low, high), (least, largest) = limits, outer
    if low is None or high is None or least is None or largest is None:
        return False
    return math.isfinite(low) and math.isfinite(high) and least <= low and high <= largest
