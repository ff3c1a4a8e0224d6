"""From measurements to fitted laws: frontier, errors along it, gaps, laws, analyses, forecasts and verdicts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.fitting.analyses.registry import analyses
from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.arm_contrasts import arm_contrasts
from relscale.fitting.curves.by_size import by_size
from relscale.fitting.curves.contrasts import BY, contrasts
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves, frontier_curves
from relscale.fitting.curves.item_responses import ResponseTable, with_responses
from relscale.fitting.curves.point_rows import error_rows, gap_rows, point_rows
from relscale.fitting.curves.replicate_array import Replicates
from relscale.fitting.curves.run_matrix import RunMatrix, run_matrices
from relscale.fitting.estimation.accuracy import sigmoid_rows
from relscale.fitting.estimation.law_fits import law_fits
from relscale.fitting.estimation.mixture_optima import mixture_optima
from relscale.fitting.estimation.multipliers import multiplier_rows
from relscale.fitting.fits import Fits, from_rows
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.forecast import forecast_rows
from relscale.fitting.independent_items import independent_item_rows
from relscale.fitting.inference.frontier_rows import frontier_rows
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.multiplicity import with_adjusted_p
from relscale.fitting.options import check_option_names
from relscale.fitting.settings import Settings, SuiteFacts, fit_settings
from relscale.fitting.verdicts.adjusted_verdicts import with_adjusted_verdicts
from relscale.fitting.verdicts.verdict import Options as VerdictOptions
from relscale.fitting.verdicts.verdict_rows import verdict_rows, with_carriers
from relscale.measurements.quantization import refuse_mixed_formats

AT_ONCE = ("fits", "errors", "influence", "specifications", "power")  # the tables from which verdicts follow
Part = Callable[[], Iterable[Any]]  # computes some rows of a table


def fit(
    measurements: pa.Table,
    replicates: "Replicates | None" = None,
    options: Mapping[str, Any] | None = None,
    suites: Mapping[str, SuiteFacts] | None = None,
    seed: int = 0,
    responses: "ResponseTable | None" = None,
) -> Fits:
    """Fit an experiment's measurements.

    Forecasts, backtests and the analyses that no verdict needs are computed when their tables are first read.

    Parameters
    ----------
    measurements
        The tidy table; needs ``corpus, run, training_flops, suite, group, metric, value``, and for parabolas
        ``budget``, ``tokens`` and rows of the validation loss (suite "validation", group "all", "nats_per_token").
    replicates
        The same numbers under resamplings of the items; without it intervals are for these items only. A data set is
        read in batches, and does not have to fit into memory.
    seed
        Seed of all bootstraps and simulations.
    responses
        Whether each model answers each question right, for forecasts of error rates by item response theory.

    Raises
    ------
    RelscaleError
        The tables or options cannot be used; forecast targets in other units are refused when the forecasts are read.
        Partial failures are rows with a status.
    """
    check_option_names(options or {})
    refuse_mixed_formats(measurements)
    matrices = run_matrices(measurements, replicates)
    settings = fit_settings(options or {}, suites or {}, matrices, seed)
    matrices = with_responses(matrices, responses, settings)
    frontiers = [frontier_curves(matrix, settings) for matrix in matrices]
    rows = _Rows()
    for frontier in frontiers:
        rows.add_frontier(frontier, settings)
    for by in BY:
        baseline = getattr(settings.contrasts, by)
        for ratios in contrasts(frontiers, by, baseline) if baseline is not None else ():
            rows.add("gaps", gap_rows(ratios))
            rows.add_curves(ratios, settings)
    for ratios in arm_contrasts(measurements, replicates, settings):
        rows.add("gaps", gap_rows(ratios))
        rows.add_curves(ratios, settings)
    rows.add("fits", independent_item_rows(measurements, replicates, matrices, settings))
    sizes = by_size(matrices, settings)
    rows.add("sizes", sizes.sizes)
    rows.add("fits", sizes.fits)
    parameters, predictions = law_fits(measurements, settings)
    rows.add("fits", parameters)
    rows.add("predictions", predictions)
    mixtures, mixture_points = mixture_optima(measurements, settings)
    rows.add("mixtures", mixtures)
    rows.add("mixture_points", mixture_points)
    rows.add("multipliers", multiplier_rows(measurements, settings))
    tables = {name: _adjusted(name, rows.tables[name], settings) for name in AT_ONCE}
    verdicts = verdict_rows(
        tables["fits"],
        tables["errors"],
        tables["influence"],
        tables["specifications"],
        tables["power"],
        settings,
    )
    return from_rows(
        rows.tables
        | tables
        | {name: partial(_rows_of, name, parts, settings) for name, parts in rows.later.items()}
        | {
            "fits": with_adjusted_p(tables["fits"]),
            "influence": with_carriers(tables["influence"], verdicts),
            "verdicts": verdicts,
        }
    )


class _Rows:
    """The rows of every table, collected during the fit, or the functions that compute them.

    Attributes
    ----------
    later
        By table, functions that each compute some of its rows.
    """

    def __init__(self) -> None:
        self.tables: dict[str, list[Any]] = defaultdict(list)
        self.later: dict[str, list[Part]] = defaultdict(list)

    def add(self, table: str, rows: Iterable[Any]) -> None:
        """Add rows to a table."""
        self.tables[table].extend(rows)

    def add_frontier(self, frontier: FrontierCurves, settings: Settings) -> None:
        """Add the points, errors, gaps and laws of one frontier."""
        matrix = frontier.matrix
        self.add("frontier", point_rows(matrix, frontier.points, settings.level))
        self.add("errors", error_rows(frontier))
        self.add("gaps", gap_rows(frontier.ratios))
        for law, optima in allocation(frontier):
            self.add("fits", law_rows(law, optima, settings))
        error_forecasts = ErrorForecasts()
        self.add_curves(frontier.errors, settings, matrix, error_forecasts)
        self.add_curves(frontier.ratios, settings, matrix, error_forecasts)
        self.add("fits", frontier.orphans)
        self.add("fits", sigmoid_rows(matrix, settings))
        self.add("fits", frontier_rows(frontier, settings))
        self.analyse(frontier, settings)

    def add_curves(
        self,
        curves: Curves,
        settings: Settings,
        matrix: RunMatrix | None = None,
        error_forecasts: ErrorForecasts | None = None,
    ) -> None:
        """Add the law of errors or of ratios, and for the headline metrics of suites analyses and forecasts."""
        self.add("fits", law_rows(curves.law, curves, settings))
        analysed = [settings.analyses_of(key.suite, key.metric) for key in curves.keys]
        curves = curves.select(np.array(analysed, dtype=bool))
        if curves.keys:
            self.analyse(curves, settings)
            both = cache(partial(forecast_rows, curves, settings, matrix, error_forecasts))
            self.later["forecasts"].append(lambda: both()[0])
            self.later["backtests"].append(lambda: both()[1]())

    def analyse(self, subject: Curves | FrontierCurves, settings: Settings) -> None:
        """Add the rows of every analysis of such a subject."""
        for analysis in analyses():
            settings.of(analysis.options)  # refused now, whenever its rows are computed
            if not isinstance(subject, analysis.subject):
                continue
            if analysis.table in AT_ONCE:
                self.add(analysis.table, analysis.rows(subject, settings))
            else:
                self.later[analysis.table].append(partial(analysis.rows, subject, settings))


def _rows_of(table: str, parts: Iterable[Part], settings: Settings) -> list[Any]:
    """The rows of a table, computed."""
    return _adjusted(table, [row for part in parts for row in part()], settings)


def _adjusted(table: str, rows: list[Any], settings: Settings) -> list[Any]:
    """Rows with p-values adjusted over each family, and verdicts by them, where an analysis has families."""
    margin = settings.of(VerdictOptions).equivalence_margin
    for analysis in analyses():
        if analysis.table == table and analysis.family:
            rows = with_adjusted_verdicts(rows, analysis.family, margin)
    return rows
