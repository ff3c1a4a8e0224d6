"""Multiple testing: p-values adjusted to control the false discovery rate of a family.

Benjamini–Hochberg is valid for independent tests and those with positive dependence; Benjamini–Yekutieli for any, at
the cost of a factor ``Σ 1/i``. Groups scored on the same models are dependent, so both are given.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow


@dataclass(frozen=True, slots=True)
class Family:
    """Family of tests for the adjustment: all groups, corpora and optimizers with one method of interval."""

    experiment: str | None
    suite: str | None
    prompt: str | None
    metric: str | None
    law: str
    parameter: str | None
    estimand: Estimand | None
    contrast: str | None
    method: Method | None


def with_adjusted_p(rows: Sequence[ParameterRow]) -> list[ParameterRow]:
    """The rows with the p-values adjusted over each family."""
    names = Family.__dataclass_fields__
    families = [Family(**{name: getattr(row, name) for name in names}) for row in rows]
    adjusted_p = zip(*adjusted([row.p_value for row in rows], families), strict=True)
    return [
        replace(row, p_bh=float(bh), p_by=float(by)) for row, (bh, by) in zip(rows, adjusted_p, strict=True)
    ]


def adjusted(
    p_values: Sequence[float | None], families: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Benjamini–Hochberg and Benjamini–Yekutieli p-values, adjusted within each family; nan if there is none."""
    p = np.array([np.nan if value is None else value for value in p_values], dtype=float)
    bh, by = np.full_like(p, np.nan), np.full_like(p, np.nan)
    members: dict[Hashable, list[int]] = {}
    for i, family in enumerate(families):
        if not np.isnan(p[i]):
            members.setdefault(family, []).append(i)
    for rows in members.values():
        bh[rows], by[rows] = _of_family(p[rows])
    return bh, by


def _of_family(p: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``min over j ≥ i of p₍ⱼ₎ m / j`` of the i-th smallest of m, and this times ``Σ 1/j``; at most 1.

    Like `scipy.stats.false_discovery_control`, without importing `scipy.stats`, which takes longer than a fit.
    """
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1, dtype=float)
    bh, by = np.empty_like(p), np.empty_like(p)
    scaled = p[order] * (len(p) / ranks)
    for values, into in ((scaled, bh), (scaled * np.sum(1 / ranks), by)):
        into[order] = np.clip(np.minimum.accumulate(values[::-1])[::-1], 0, 1)
    return bh, by
