"""Fit of a further law of the config: estimates, intervals, and rows of the table ``fits``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.fitted_law import Fitted, residual_variance
from relscale.fitting.estimation.law_columns import LawColumns
from relscale.fitting.estimation.law_draws import Draws
from relscale.fitting.estimation.law_intervals import Intervals, draw_intervals, draws_of, t_intervals
from relscale.fitting.estimation.law_model_error import law_model_error
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.fitting.estimation.law_problem import Problem
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import listed
from relscale.fitting.keys import CurveKey, SeriesKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Remark, Status, together
from relscale.storage.rows import fields_of, names_of

NO_DRAWS = Remark(
    Status.NO_INTERVAL,
    "no intervals: checkpoints of one training run are not independent, and the config sets no bootstrap over "
    "training runs",
)


def fit_law(
    of: LawColumns, entry: FurtherLaw, data: Points, settings: Settings, values: Mapping[str, object]
) -> tuple[Fitted, list[ParameterRow]]:
    """Fit, resample, and return the rows of the table ``fits``.

    Parameters
    ----------
    data
        The n points to fit.
    values
        Values of the ``by`` columns, which distinguish this fit from others of the entry.

    Raises
    ------
    RelscaleError
        The entry requests weights that the points do not have, or a method that does not apply to its residuals or
        loss.
    """
    problem = Problem.of(of.law, entry, data, settings, values)
    estimates = problem.estimates()
    intervals, drawn, remark = _intervals(problem, estimates)
    remarks = [estimates.status[0], *_left_out(data), *([remark] if remark else [])]
    fitted = Fitted(
        problem.law,
        estimates,
        drawn,
        problem.by_t,
        problem.reference,
        residual_variance(estimates, problem.weights)
        if problem.least_squares and estimates.df[0] > 0
        else np.nan,
        problem.log_residual,
        of.predictors,
        data,
        law_model_error(problem) if entry.predict else None,
    )
    return fitted, _rows(problem, fitted, intervals, together(*remarks))


def _intervals(
    problem: Problem, estimates: Estimates
) -> tuple[Intervals | None, Draws | None, Remark | None]:
    """The intervals of the parameters, draws if these or predictions need them, and why there is no interval."""
    bootstrap = problem.settings.bootstrap
    if problem.shared and not problem.is_requested and not bootstrap:
        return None, None, NO_DRAWS
    intervals = t_intervals(problem, estimates)
    may_draw = bootstrap and np.isfinite(estimates.theta).all()
    if not may_draw or not (problem.entry.predict or not problem.by_t):
        return intervals, None, None
    try:
        drawn = draws_of(problem, estimates)
        return (intervals if problem.by_t else draw_intervals(problem, estimates, drawn)), drawn, None
    except RelscaleError as error:  # the scheme requires information that the data lack
        return None, None, Remark(Status.NO_INTERVAL, str(error))


def _rows(
    problem: Problem, fitted: Fitted, intervals: Intervals | None, remark: Remark
) -> list[ParameterRow]:
    """One row per parameter, and one of the objective."""
    data, entry, estimates = problem.data, problem.entry, fitted.estimates
    flops = [row.training_flops for row in data.rows if row.training_flops is not None]
    common = ParameterRow(
        **fields_of(curve_key(data.rows, problem.values)),
        fit=entry.name,
        law=problem.law.name,
        predictor=", ".join(fitted.columns),
        level=problem.settings.level,
        estimand=Estimand.THESE_ITEMS,
        n=len(data.y),
        reference_flops=problem.reference,
        flops_low=min(flops, default=None),
        flops_high=max(flops, default=None),
        **fields_of(remark),
    )
    rows = []
    for i, name in enumerate(problem.law.names):
        row = replace(common, parameter=name, value=estimates.theta[i, 0])
        if name in entry.fixed:
            row = replace(row, method=Method.FIXED, method_note="by the config")
        rows.append(intervals.of(row, i) if intervals and name not in entry.fixed else row)
    return [*rows, replace(common, parameter="objective", value=estimates.objective[0])]


def _left_out(data: Points) -> list[Remark]:
    """A remark on rows that were not fitted, if there are any."""
    if not data.lost:
        return []
    reasons = listed(list(dict.fromkeys(data.lost)))
    used = f"fitted on {len(data.y)} of {len(data.y) + len(data.lost)} rows ({reasons})"
    return [Remark(Status.MISSING_POINTS, used)]


def curve_key(rows: Sequence[PointRow], values: Mapping[str, object]) -> CurveKey:
    """Key of a fit: the cells that all its points share, with ``values`` in the columns of the key."""
    shared: dict[str, Any] = {}
    for name in names_of(SeriesKey):
        distinct = {getattr(row, name) for row in rows}
        shared[name] = distinct.pop() if len(distinct) == 1 else None
    known = {name: value for name, value in values.items() if name in (*shared, "baseline")}
    return CurveKey(**(shared | known))
