"""Rows of the laws along a frontier of parabolas, from a bootstrap of the whole pipeline: parabola, optimum, errors,
lines.

With 4 to 7 budgets the t interval of the last stage is preferable: a bootstrap of runs within budgets does not include
noise of whole budgets. It shows the uncertainty added by the choice of the optimum, and gives bands around curves
(``relscale.fitting.inference.bootstrap.frontier``).
"""

from dataclasses import replace

import numpy as np

from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.gaps import log_or_nan
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.frontier import frontier_draws
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, draws_note, limits
from relscale.fitting.inference.bootstrap.schemes import PAIRS, RESIDUAL
from relscale.fitting.inference.law_rows import curve_row
from relscale.fitting.inference.line_with_intervals import with_intervals
from relscale.fitting.inference.log_log_lines import curve_lines, lines
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import points_remark
from relscale.fitting.inference.spread import spread
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK
from relscale.laws.loglog import LogLogLaw

TAG = 43  # of the random numbers
METHODS = {PAIRS: Method.FRONTIER_PAIRS, RESIDUAL: Method.FRONTIER_RESIDUAL}


def frontier_rows(frontier: FrontierCurves, settings: Settings) -> list[ParameterRow]:
    """Both parameters of the power law, relative law and allocation laws, with percentile limits; none without
    parabolas.

    A draw without an interior minimum at a budget that has one in the data is a failed draw: excluded from every line,
    and counted.
    """
    optima, scheme = allocation(frontier), settings.frontier_bootstrap
    if not optima or scheme is None:
        return []
    rng = np.random.default_rng([settings.seed, TAG])
    draws = frontier_draws(frontier.matrix, frontier.points, scheme, settings.bootstrap, rng)
    column = {tuple(series): k for k, series in enumerate(frontier.matrix.series)}

    def errors(curves: Curves, group: str) -> Floats:
        """(P, J, B) ln E of the target or of the baseline of each curve."""
        series = [(key.suite, key.prompt, key.metric, getattr(key, group)) for key in curves.keys]
        return log_or_nan(draws.value[:, [column[key] for key in series]])

    rows = _rows(frontier.errors.law, frontier.errors, errors(frontier.errors, "group"), settings)
    gaps = errors(frontier.ratios, "group") - errors(frontier.ratios, "baseline")
    rows += _rows(frontier.ratios.law, frontier.ratios, gaps, settings)
    for (law, curves), drawn in zip(optima, (draws.log_tokens, draws.log_params), strict=True):
        rows += _rows(law, curves, drawn[:, None], settings)
    return rows


def _rows(law: LogLogLaw, curves: Curves, drawn: Floats, settings: Settings) -> list[ParameterRow]:
    """Rows of each curve, from its values (P, J, B) in the draws."""
    if not curves.keys:
        return []
    estimate = curve_lines(curves)
    used = np.isfinite(curves.value)[..., None]
    complete = (np.isfinite(drawn) | ~used).all(axis=0)
    of_draws = lines(curves.log_flops, np.where(used & complete, drawn, np.nan))
    slope = limits(estimate.slope, of_draws.slope, settings.level, PERCENTILE)
    level = limits(estimate.level, of_draws.level, settings.level, PERCENTILE)
    slope_stderr, level_stderr = spread(of_draws.slope), spread(of_draws.level)
    line = with_intervals(estimate, settings.level)
    rows = []
    for j in range(len(curves.keys)):
        remark = points_remark(curves, j)
        low, high = sorted((law.sign * slope.low[j], law.sign * slope.high[j]))
        of_slope = replace(
            curve_row(law, curves, line, j, slope.status[j] if remark == OK else remark),
            parameter=law.slope,
            value=law.sign * estimate.slope[j],
            stderr=slope_stderr[j],
            low=low,
            high=high,
            level=settings.level,
            method=METHODS[str(settings.frontier_bootstrap)],
            method_note=draws_note(PERCENTILE, settings.bootstrap, int(slope.failed[j])),
        )
        of_level = replace(
            of_slope,
            parameter=law.level,
            value=np.exp(estimate.level[j]),
            stderr=np.exp(estimate.level[j]) * level_stderr[j],
            low=np.exp(level.low[j]),
            high=np.exp(level.high[j]),
        )
        rows += [of_slope, of_level]
    return rows
