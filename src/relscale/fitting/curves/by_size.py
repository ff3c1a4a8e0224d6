"""Comparison of optimizers by size: ratios of errors between runs of equal parameters and tokens, as a law of the
parameters.

Along the compute-optimal frontier each optimizer has its own sizes; here both trained the same model on the same number
of tokens. Every such pair is a point, at all budgets: a size that occurs in several budgets has several points, whose
scatter contributes to the interval. Repeated seeds of one design are one point, their geometric mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.spread import spread
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.laws import relative
from relscale.storage.rows import column, fields_of

# Corpora are compared by compute alone: their losses are on different text.


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow(CurveKey):
    """One row per target, baseline and run: the ratio between two optimizers at equal parameters and tokens."""

    budget: float | None = column("Nominal compute of the budget.", "FLOPs")
    training_flops: float | None = column("Compute of the target's run.", "FLOPs")
    params: float | None = column("Number of parameters of both models.")
    tokens: float | None = column("Training tokens of both models.", "tokens")
    ratio: float | None = column("The target's error divided by the baseline's.")
    log_ratio: float | None = column("Its natural logarithm.")
    stderr_log: float | None = column("Standard error of the logarithm, over items.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


@dataclass(frozen=True)
class BySize:
    """Rows of the tables ``sizes`` and ``fits``."""

    sizes: list[SizeRow]
    fits: list[ParameterRow]


def by_size(matrices: Sequence[RunMatrix], settings: Settings) -> BySize:
    """Ratios to the baseline that ``fit.contrasts`` names for optimizers; empty if it names none."""
    result = BySize([], [])
    baseline = settings.contrasts.optimizer
    if baseline is None:
        return result
    per_run = settings.model_copy(update={"frontier": "all"})
    frontiers = [frontier_curves(matrix, per_run) for matrix in matrices]
    for curves in contrasts(frontiers, "optimizer", baseline):
        params = np.array([point.params for point in curves.points])
        if not np.isfinite(params).all():
            continue  # parameters are unknown
        result.sizes.extend(row for j in range(len(curves.keys)) for row in _points(curves, j))
        along_size = replace(curves, log_flops=np.log(params))
        for row in law_rows(relative.BY_SIZE, along_size, settings):
            result.fits.append(
                replace(row, predictor="params", reference_flops=None, flops_low=None, flops_high=None)
            )
    return result


def _points(curves: Curves, j: int) -> list[SizeRow]:
    """Rows of pair ``j``, one per design (parameters and tokens)."""
    stderr = spread(curves.replicates[:, j])
    return [
        SizeRow(
            **fields_of(curves.keys[j]),
            budget=point.budget,
            training_flops=point.training_flops,
            params=point.params,
            tokens=point.tokens,
            ratio=np.exp(curves.value[p, j]),
            log_ratio=curves.value[p, j],
            stderr_log=stderr[p],
            **fields_of(curves.status[p, j]),
        )
        for p, point in enumerate(curves.points)
    ]
