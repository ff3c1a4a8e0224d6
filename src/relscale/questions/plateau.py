"""From which size does a family not improve further? Equivalence tests of the remaining gain within ±δ.

    gain = mean over items of (score of the largest − score of this one)

A size is on the plateau if the whole interval of its gain is within ±margin; otherwise there may be too few items.

Source: the question is that of arXiv 2505.16276, the statistics are relscale's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.questions.inversions import ScoreOptions, families
from relscale.questions.limits import EQUAL_SCORES, joined_notes, mean_with_limits, range_of
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

SMALLEST_MARGIN = 0.001  # share of the scores' range


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateauRow:
    """One row per family and size except the largest."""

    family: str = column("The family.")
    size: float = column("The size.")
    items: int = column("Number of items scored by both this size and the largest.")
    gain: float = column("Mean score of the largest model minus that of this size.")
    low: float | None = column("Lower limit of its 95% interval over paired items.")
    high: float | None = column("Upper limit of its 95% interval.")
    plateau: bool = column("Whether this and all larger sizes are within the margin of the largest.")
    note: str | None = column(
        "Why there are no limits, and thus no plateau; whether the margin is in other units.", default=None
    )


ROW = PlateauRow


def rows(table: Columns, *, scores: ScoreOptions, margin: float = 0.02) -> Iterator[PlateauRow]:
    """The remaining gain at each size.

    Parameters
    ----------
    scores
        The columns of items' scores.
    margin
        Equivalence margin, in units of the score.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, a model has two scores for an item, or the margin is not positive.
    """
    if not margin > 0:
        raise RelscaleError(f"margin: {margin:g} is not positive")
    for name, sizes, of_family in families(table, scores):
        results, within, score_range = [], True, range_of(of_family)
        is_tiny = margin < SMALLEST_MARGIN * score_range  # 0.02 of percentages, say
        unit = f"the margin, {margin:g}, is in units of the scores, whose range is {score_range:g}"
        for at, scored in reversed(list(zip(sizes[:-1], of_family[:-1], strict=True))):
            gain = of_family[-1] - scored
            gain = gain[np.isfinite(gain)]
            if len(gain) < 2:
                continue
            mean, low, high = mean_with_limits(gain, score_range)
            within = within and low is not None and high is not None and -margin < low and high < margin
            results.append(
                PlateauRow(
                    family=name,
                    size=float(at),
                    items=len(gain),
                    gain=mean,
                    low=low,
                    high=high,
                    plateau=within,
                    note=joined_notes(EQUAL_SCORES if low is None else "", unit if is_tiny else ""),
                )
            )
        yield from reversed(results)
