"""Direction of a gap from the last observation to a forecast.

The gap is |ln G|. From the last observation to F, Δβ has the sign of ln G(F) − ln G_last; at F the gap closes if Δβ ·
ln G(F) < 0.

    closes    the whole interval of ln G(F) is between 0 and ln G_last
    widens    the whole interval is beyond: |ln G(F)| > |ln G_last|, on either side of 0
    unclear   all else

In the first two, the direction at F equals that since the end of the data. A gap that may have changed sign and is not
yet larger than before has closed and widened, so it is unclear; a gap that is larger on the other side widens.
"""

import math

from relscale.fitting.inference.direction import Direction


def gap_direction(last: float, low: float, high: float) -> Direction | None:
    """The direction, from the last observed ln G and the limits of the forecast ln G; None if one is nan."""
    if math.isnan(last) or math.isnan(low) or math.isnan(high):
        return None
    if last < 0:
        last, low, high = -last, -high, -low
    if low > last or high < -last:
        return Direction.WIDENS
    return Direction.CLOSES if low > 0 and high < last else Direction.UNCLEAR
