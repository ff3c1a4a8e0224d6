"""Direction of a gap from the last observation to a forecast.

The gap is |ln G|. Over the way Δβ has the sign of ln G(F) − ln G_last, and at F the gap closes where Δβ · ln G(F) < 0.

    closes    the whole interval of ln G(F) lies between 0 and ln G_last
    widens    the whole interval lies beyond: |ln G(F)| > |ln G_last|, on either side of 0
    unclear   all else

In the first two, what the gap does at F and what it has done since the data's end are one. A gap that may have changed
sign and is not yet larger than it was has done both, so it is unclear; one that has come out larger on the other side
widens there.
"""

import math

from relscale.fitting.inference.direction import Direction


def gap_direction(last: float, low: float, high: float) -> Direction | None:
    """From ln G last observed and limits of ln G forecast; None where one is nan."""
    if math.isnan(last) or math.isnan(low) or math.isnan(high):
        return None
    if last < 0:
        last, low, high = -last, -high, -low
    if low > last or high < -last:
        return Direction.WIDENS
    return Direction.CLOSES if low > 0 and high < last else Direction.UNCLEAR
