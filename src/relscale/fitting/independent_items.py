"""Sensitivity to clustering: every law refitted as if clustered items were independent.

Questions on the same file are correlated, so they are resampled by file (``relscale.measurements.collect``). The rows
of this module show how much that widens an interval: the same estimates, from resamplings of single items, with the
estimand ``Estimand.INDEPENDENT_ITEMS``.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.fitting.curves.contrasts import BY, contrasts
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.replicate_array import Replicates
from relscale.fitting.curves.run_matrix import RunMatrix, run_matrices
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.measurements.metric import VALIDATION


def independent_item_rows(
    measurements: pa.Table, replicates: "Replicates | None", matrices: list[RunMatrix], settings: Settings
) -> list[ParameterRow]:
    """Rows of the power law and of the relative law, for the series whose items are in clusters; else none."""
    suites = {
        series.suite
        for matrix in matrices
        for series, clusters in zip(matrix.series, _clusters(matrix), strict=True)
        if np.isfinite(clusters)
    }
    if replicates is None or not suites:
        return []
    suite_names = pa.array(sorted(suites))
    of_suites = measurements.filter(
        pc.or_(
            pc.is_in(measurements["suite"], suite_names),
            pc.equal(measurements["suite"], VALIDATION.suite),
        )
    )
    draws = replicates.filter(pc.field("suite").isin(suite_names))
    alone = run_matrices(of_suites, draws, independent=True)
    frontiers = [frontier_curves(matrix, settings) for matrix in alone]
    return [row for curves in _curves(frontiers, settings) for row in _rows(curves, matrices, settings)]


def _clusters(matrix: RunMatrix) -> list[float]:
    return [np.nan] * len(matrix.series) if matrix.clusters is None else matrix.clusters.tolist()


def _curves(frontiers: list[FrontierCurves], settings: Settings) -> Iterator[Curves]:
    for frontier in frontiers:
        yield frontier.errors
        yield frontier.ratios
    for by in BY:
        baseline = getattr(settings.contrasts, by)
        if baseline is not None:
            yield from contrasts(frontiers, by, baseline)


def _rows(curves: Curves, matrices: list[RunMatrix], settings: Settings) -> Iterator[ParameterRow]:
    """The rows of those curves whose target has clusters."""
    clustered = {
        (matrix.key.experiment, matrix.key.corpus, matrix.key.optimizer, *series)
        for matrix in matrices
        for series, clusters in zip(matrix.series, _clusters(matrix), strict=True)
        if np.isfinite(clusters)
    }
    keep = [
        (key.experiment, key.corpus, key.optimizer, key.suite, key.prompt, key.metric, key.group) in clustered
        for key in curves.keys
    ]
    selected = curves.select(np.array(keep, dtype=bool))
    if not selected.keys:
        return
    for row in law_rows(selected.law, selected, settings):
        if row.estimand == Estimand.ITEM_POPULATION:
            yield replace(row, estimand=Estimand.INDEPENDENT_ITEMS)
