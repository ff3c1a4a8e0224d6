"""From measurements to fitted laws: frontier, errors along it, gaps, and the answers to what is asked of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.fitting import fits as tables
from relscale.fitting.analyses.crossing import crossing_rows
from relscale.fitting.analyses.held_out_comparison import form_rows
from relscale.fitting.analyses.influence import influence_rows
from relscale.fitting.analyses.partial_pooling import pooled_rows
from relscale.fitting.analyses.prompt_forms import prompt_form_rows
from relscale.fitting.analyses.specification import specification_rows
from relscale.fitting.analyses.statistical_power import power_rows
from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.by_size import by_size
from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.point_rows import error_rows, frontier_row, gap_rows
from relscale.fitting.curves.run_matrix import Replicates, RunMatrix, run_matrices
from relscale.fitting.estimation.accuracy import sigmoid_rows
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.forecast import forecast_rows
from relscale.fitting.inference.frontier_rows import frontier_rows
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.settings import Settings, settings
from relscale.laws import power, relative
from relscale.laws.loglog import LogLogLaw

Row = dict[str, Any]
Rows = dict[str, list[Row]]

FAMILY = ("experiment", "suite", "prompt", "metric", "law", "parameter", "estimand", "contrast")


def fit(
    measurements: pa.Table,
    replicates: Replicates | None = None,
    options: Mapping[str, Any] | None = None,
    suites: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> Fits:
    """Fit an experiment's measurements.

    Parameters
    ----------
    measurements
        The tidy table; needs ``corpus, run, training_flops, suite, group, metric, value``, and for parabolas
        ``budget``, ``tokens`` and rows of the validation loss (suite "validation", group "all", "nats_per_token").
    replicates
        The same numbers under resamplings of the items; without it only these very items are spoken of. A data set is
        read a few rows at a time, and need not fit into memory.
    options, suites
        See ``relscale.fitting.settings``.
    seed
        Of every bootstrap and simulation.

    Raises
    ------
    RelscaleError
        The tables or options cannot be used; what can be fitted in part is fitted, and its status says so.
    """
    matrices = run_matrices(measurements, replicates)
    chosen = settings(options or {}, suites or {}, matrices, seed)
    frontiers = [frontier_curves(matrix, chosen) for matrix in matrices]
    rows: Rows = {name: [] for name in tables.SCHEMAS}
    for one in frontiers:
        _add_points(one, chosen, rows)
        for law, curves in allocation(one):
            rows["fits"] += law_rows(law, curves, chosen)
        _ask(power.LINE, one.errors, chosen, rows, one.matrix)
        _ask(relative.LINE, one.ratios, chosen, rows, one.matrix)
        rows["fits"] += one.orphans
        rows["fits"] += sigmoid_rows(one.matrix, chosen)
        if chosen.frontier_bootstrap:
            rows["fits"] += frontier_rows(one, chosen)
        rows["specifications"] += specification_rows(one.matrix, chosen)
        rows["prompt_forms"] += prompt_form_rows(one, chosen)
    for by, baseline in chosen.contrasts.items():
        for curves in contrasts(frontiers, by, baseline):
            rows["gaps"] += [row for j in range(len(curves.keys)) for row in gap_rows(curves, j)]
            _ask(relative.LINE, curves, chosen, rows)
    sizes = by_size(matrices, chosen)
    rows["sizes"] += sizes.sizes
    rows["fits"] += sizes.fits
    of_laws, predictions = law_fits(measurements, chosen)
    rows["fits"] += of_laws
    rows["predictions"] += predictions
    families = [_family(row) for row in rows["fits"]]
    bh, by_ = adjusted([row.get("p_value") for row in rows["fits"]], families)
    for row, p_bh, p_by in zip(rows["fits"], bh, by_, strict=True):
        row |= {"p_bh": p_bh, "p_by": p_by}
    return tables.from_rows(rows)


def _ask(
    law: LogLogLaw, curves: Curves, chosen: Settings, rows: Rows, matrix: RunMatrix | None = None
) -> None:
    """Fit the line to each curve, and answer what is asked of all of them."""
    if not curves.keys:
        return
    rows["fits"] += law_rows(law, curves, chosen)
    curves = curves.chosen(np.array([chosen.asks(key["suite"], key["metric"]) for key in curves.keys]))
    if not curves.keys:
        return
    rows["influence"] += influence_rows(curves, chosen)
    rows["forms"] += form_rows(curves, chosen, matrix)
    forecasts, backtests = forecast_rows(curves, chosen, matrix)
    rows["forecasts"] += forecasts
    rows["backtests"] += backtests
    if curves.quantity == RATIO:
        rows["fits"] += crossing_rows(curves, chosen)
        rows["fits"] += pooled_rows(curves, chosen)
        rows["power"] += power_rows(curves, chosen)


def _family(row: Row) -> tuple[Any, ...]:
    """The tests that p-values are adjusted over: all groups, corpora and optimizers under one kind of interval."""
    return (*(row.get(name) for name in FAMILY), str(row.get("scheme")).partition(",")[0])


def _add_points(one: FrontierCurves, chosen: Settings, rows: Rows) -> None:
    """The points of the frontier, and every error and gap there."""
    matrix = one.matrix
    whose = {"experiment": matrix.experiment, "corpus": matrix.corpus, "optimizer": matrix.optimizer}
    rows["frontier"] += [whose | frontier_row(point, chosen.level) for point in one.points]
    for i in one.fitted:
        rows["errors"] += [
            whose | matrix.series[i]._asdict() | row for row in error_rows(one.points, one.read, i)
        ]
    rows["gaps"] += [row for j in range(len(one.ratios.keys)) for row in gap_rows(one.ratios, j)]
