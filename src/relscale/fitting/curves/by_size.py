"""Two optimizers by size: ratios of errors between runs of equal parameters and tokens, as a law of the parameters.

Along the compute-optimal frontier each optimizer has sizes of its own; here both trained the same model on as many
tokens. Every such pair is a point, at all budgets: a size that several budgets tried has several points, whose scatter
is in the interval. Repeated seeds of one design are one point, their geometric mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.spread import spread
from relscale.fitting.settings import Settings
from relscale.laws import relative

Row = dict[str, Any]

OPTIMIZER = "optimizer"  # corpora are compared by compute alone: their losses are on different text
OF_COMPUTE = ("reference_flops", "flops_low", "flops_high")


@dataclass(frozen=True)
class BySize:
    """Rows of the tables ``sizes`` and ``fits``."""

    sizes: list[Row]
    fits: list[Row]


def by_size(run_matrices: Sequence[RunMatrix], chosen: Settings) -> BySize:
    """Ratios to the baseline that ``fit.contrasts`` names for optimizers; nothing where it names none."""
    found = BySize([], [])
    if OPTIMIZER not in chosen.contrasts:
        return found
    each_run = replace(chosen, frontier="all")
    frontiers = [frontier_curves(matrix, each_run) for matrix in run_matrices]
    for curves in contrasts(frontiers, OPTIMIZER, chosen.contrasts[OPTIMIZER]):
        params = np.array([point.params for point in curves.points])
        if not np.isfinite(params).all():
            continue  # a table that does not say how large its models are
        found.sizes.extend(row for j in range(len(curves.keys)) for row in _points(curves, j))
        along_size = replace(curves, log_flops=np.log(params))
        for row in law_rows(relative.BY_SIZE, along_size, chosen):
            found.fits.append(row | {"predictor": "params"} | dict.fromkeys(OF_COMPUTE))
    return found


def _points(curves: Curves, j: int) -> list[Row]:
    """Pair ``j`` at every design."""
    stderr = spread(curves.replicates[:, j])
    return [
        curves.keys[j]
        | {
            "budget": point.budget,
            "training_flops": point.training_flops,
            "params": point.params,
            "tokens": point.tokens,
            "ratio": np.exp(curves.value[p, j]),
            "log_ratio": curves.value[p, j],
            "stderr_log": stderr[p],
            "status": curves.status[p, j],
        }
        for p, point in enumerate(curves.points)
    ]
