"""Many groups are many tests: p-values adjusted to control the false discovery rate of a family.

Benjamini–Hochberg holds for independent tests and those with positive dependence; Benjamini–Yekutieli for any, at the
price of a factor ``Σ 1/i``. Groups scored on the same models are dependent, so both are given.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control


def adjusted(
    p_values: Sequence[float | None], families: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Benjamini–Hochberg and Benjamini–Yekutieli p-values, each family by itself; nan where there is none."""
    p = np.array([np.nan if value is None else value for value in p_values], dtype=float)
    bh, by = np.full_like(p, np.nan), np.full_like(p, np.nan)
    members: dict[Hashable, list[int]] = {}
    for i, family in enumerate(families):
        if not np.isnan(p[i]):
            members.setdefault(family, []).append(i)
    for rows in members.values():
        bh[rows] = false_discovery_control(p[rows], method="bh")
        by[rows] = false_discovery_control(p[rows], method="by")
    return bh, by
