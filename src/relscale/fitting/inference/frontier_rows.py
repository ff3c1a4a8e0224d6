"""Rows of the laws along a frontier of parabolas, with the whole pipeline resampled: parabola, optimum, errors, lines.

With 4 to 7 budgets the t interval of the last stage is to be preferred: noise of whole budgets is not in a bootstrap of
runs within budgets at all. It is there to see what the choice of the optimum
adds, and for bands around curves (``relscale.fitting.inference.bootstrap.frontier``).
"""

from typing import Any

import numpy as np

from relscale.fitting.curves.allocation import allocation
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.run_matrix import Floats, Series
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap.frontier import frontier_draws
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, label, limits
from relscale.fitting.inference.law_rows import VALIDATION_LOSS, status_of
from relscale.fitting.inference.log_log_lines import curve_lines, lines
from relscale.fitting.inference.spread import spread
from relscale.fitting.settings import Settings
from relscale.laws import power, relative
from relscale.laws.loglog import LogLogLaw
from relscale.measurements.metric import VALIDATION

Row = dict[str, Any]

TAG = 43  # of the random numbers


def frontier_rows(one: FrontierCurves, chosen: Settings) -> list[Row]:
    """Both parameters of the power law, relative law and allocation laws, percentile limits; none without parabolas.

    A draw that has no interior minimum at a budget that has one is a failed draw: left out of every line, and counted.
    """
    optima, scheme = allocation(one), chosen.frontier_bootstrap
    if not optima or scheme is None:
        return []
    rng = np.random.default_rng([chosen.seed, TAG])
    draws = frontier_draws(one.matrix, one.points, scheme, chosen.bootstrap, rng)
    column = {series: k for k, series in enumerate(one.matrix.series)}

    def errors(curves: Curves, group: str) -> Floats:
        """(P, J, B) ln E of the target or of the baseline of each curve."""
        series = [Series(key["suite"], key["prompt"], key["metric"], key[group]) for key in curves.keys]
        value = draws.value[:, [column[one] for one in series]]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(value > 0, np.log(value), np.nan)

    rows = _rows(power.LINE, one.errors, errors(one.errors, "group"), chosen)
    gaps = errors(one.ratios, "group") - errors(one.ratios, "baseline")
    rows += _rows(relative.LINE, one.ratios, gaps, chosen)
    for (law, curves), drawn in zip(optima, (draws.log_tokens, draws.log_params), strict=True):
        rows += _rows(law, curves, drawn[:, None], chosen)
    return rows


def _rows(law: LogLogLaw, curves: Curves, drawn: Floats, chosen: Settings) -> list[Row]:
    """Rows of each curve, from its values (P, J, B) in each draw."""
    if not curves.keys:
        return []
    estimate = curve_lines(curves)
    used = np.isfinite(curves.value)[..., None]
    whole = (np.isfinite(drawn) | ~used).all(axis=0)
    of_draws = lines(curves.log_flops, np.where(used & whole, drawn, np.nan))
    slope = limits(estimate.slope, of_draws.slope, chosen.level, PERCENTILE)
    level = limits(estimate.level, of_draws.level, chosen.level, PERCENTILE)
    slope_stderr, level_stderr = spread(of_draws.slope), spread(of_draws.level)
    rows: list[Row] = []
    for j, key in enumerate(curves.keys):
        status = status_of(curves, j)
        common = key | {
            "law": law.name,
            "predictor": "training_flops",
            "level": chosen.level,
            "scheme": label(
                str(chosen.frontier_bootstrap), PERCENTILE, chosen.bootstrap, int(slope.failed[j])
            ),
            "estimand": VALIDATION_LOSS if key["suite"] == VALIDATION.suite else interval.THESE_ITEMS,
            "n": int(estimate.n[j]),
            "reference_flops": np.exp(estimate.reference[j]),
            "flops_low": np.exp(estimate.low[j]),
            "flops_high": np.exp(estimate.high[j]),
            "status": status if status != "ok" else str(slope.status[j]),
        }
        low, high = sorted((law.sign * slope.low[j], law.sign * slope.high[j]))
        of_slope = {
            "parameter": law.slope,
            "value": law.sign * estimate.slope[j],
            "stderr": slope_stderr[j],
            "low": low,
            "high": high,
        }
        of_level = {
            "parameter": law.level,
            "value": np.exp(estimate.level[j]),
            "stderr": np.exp(estimate.level[j]) * level_stderr[j],
            "low": np.exp(level.low[j]),
            "high": np.exp(level.high[j]),
        }
        rows += [common | of_slope, common | of_level]
    return rows
