"""Confidence limits after selection: for gaps whose adjusted p-value is significant.

The interval of one gap covers its Δβ at its level. Intervals of gaps selected from many cover less often, because some
are selected by chance. Of m gaps of a family of which R are selected at the rate q = 1 − level, intervals at level

    1 − R · q / m

cover all but an expected share of at most q of the selected Δβ: the false coverage rate. An interval excludes 0 exactly
if Benjamini and Hochberg's procedure selects the gap. A bootstrap interval is widened by the same factor as its t
interval.

Source: Benjamini and Yekutieli, *False discovery rate-adjusted multiple confidence intervals for selected parameters*,
JASA 100, 2005.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from relscale.fitting.inference.interval import quantile
from relscale.fitting.inference.parameter_row import ParameterRow

Limits = tuple[float | None, float | None]
NONE: Limits = (None, None)


def limits_after_selection(
    slopes: Sequence[ParameterRow], p_bh: Sequence[float], families: Sequence[Hashable], level: float
) -> Iterator[Limits]:
    """The limits of each slope at the false coverage rate 1 − level; none if it was not selected.

    Parameters
    ----------
    slopes, p_bh, families
        One per gap: its Δβ, its adjusted p-value, and the family of the adjustment.
    """
    of_families = list(zip(families, p_bh, strict=True))
    tests = Counter(family for family, p in of_families if not math.isnan(p))
    selected = Counter(family for family, p in of_families if p < 1 - level)
    for slope, (family, p) in zip(slopes, of_families, strict=True):
        wider = 1 - selected[family] * (1 - level) / max(1, tests[family])
        yield _limits_at(slope, level, wider) if p < 1 - level else NONE


def _limits_at(slope: ParameterRow, level: float, wider: float) -> Limits:
    """The limits at another level."""
    if slope.low is None or slope.high is None or slope.value is None or slope.df is None:
        return NONE
    share = 1.0 if slope.share is None else slope.share
    items_df = math.inf if slope.items_df is None else slope.items_df
    usual, wide = (
        float(quantile((1 + coverage) / 2, np.array(slope.df), share, items_df))
        for coverage in (level, wider)
    )
    factor = wide / usual
    return slope.value + (slope.low - slope.value) * factor, slope.value + (slope.high - slope.value) * factor
