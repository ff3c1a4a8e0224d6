"""The power law of errors and the relative law of gaps, of which Δβ is computed here: lines in logarithms.

    E(F) = α · F^−β                          ln E = ln α − β · ln F
    G(F) = E_t(F) / E_b(F) = γ · F^Δβ        ln G = ln γ + Δβ · ln F

with E_t the error of a target, E_b that of its baseline and F the training FLOPs. Δβ is the slope of a line through
ln G on ln F (``log_log_lines``), positive if the target improves more slowly than the baseline. Its interval is that of
a slope (``interval``). The gap |ln G| closes or widens from the smallest to the largest compute if the intervals of Δβ
and of ln G at both ends and in the middle all agree (``direction``).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.line_with_intervals import NO_SPREAD, LineWithIntervals, curve_intervals
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import points_remark
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.laws import relative
from relscale.laws.loglog import LogLogLaw
from relscale.measurements.metric import VALIDATION
from relscale.storage.rows import fields_of

NO_REPLICATES = Remark(Status.NO_REPLICATES)
NO_SCATTER = Remark(Status.NO_SCATTER)
TOO_WIDE = "a limit overflows"


def law_rows(law: LogLogLaw, curves: Curves, settings: Settings) -> list[ParameterRow]:
    """Rows of a law that is a line in logs: both parameters and each estimand of every curve.

    These items: the t interval of the last stage. If points are checkpoints of shared training runs, it is a block
    bootstrap by trajectory, symmetric and studentised by the jackknife over trajectories; with fewer than
    ``interval.ENOUGH_BLOCKS`` trajectories there are too few different draws, and it is the t interval of the
    jackknife, whose coverage is as good for many trajectories (the table is in ``inference.bootstrap.blocks``).

    Item population: in both cases runs and items, their interaction counted once (``inference.interval``).
    """
    if not curves.keys:
        return []
    remarks = [points_remark(curves, j) for j in range(len(curves.keys))]
    return [
        row
        for fitted in curve_intervals(curves, settings)
        for row in _rows(law, curves, fitted, remarks, settings.level)
    ]


def curve_row(
    law: LogLogLaw, curves: Curves, line: LineWithIntervals, j: int, remark: Remark
) -> ParameterRow:
    """The cells of curve ``j`` that its parameters share: the law and the points."""
    of_loss = curves.keys[j].suite == VALIDATION.suite
    return ParameterRow(
        **fields_of(curves.keys[j]),
        law=law.name,
        predictor="training_flops",
        estimand=Estimand.VALIDATION_LOSS if of_loss else line.estimand,
        n=int(line.line.n[j]),
        reference_flops=np.exp(line.line.reference[j]),
        flops_low=np.exp(line.line.low[j]),
        flops_high=np.exp(line.line.high[j]),
        **fields_of(remark),
    )


def _rows(
    law: LogLogLaw, curves: Curves, fitted: LineWithIntervals, remarks: list[Remark], level: float
) -> Iterator[ParameterRow]:
    """Both parameters of every curve for one estimand."""
    slope, (_, at_reference, _) = fitted.slope, fitted.ends
    slope_p, reference_p = slope.p_value, at_reference.p_value
    correlation = law.sign * _correlation(fitted)
    for j, key in enumerate(curves.keys):
        if key.suite == VALIDATION.suite and fitted.estimand == Estimand.ITEM_POPULATION:
            continue
        known = bool(np.isfinite(slope.low[j]))
        remark = remarks[j] if remarks[j] != OK else _remark(fitted, j)
        low, high = sorted((law.sign * slope.low[j], law.sign * slope.high[j]))
        of_slope = replace(
            curve_row(law, curves, fitted, j, remark),
            parameter=law.slope,
            value=law.sign * slope.value[j],
            stderr=slope.stderr[j],
            low=low,
            high=high,
            level=level,
            df=slope.df[j] if known else None,
            share=slope.share[j] if known else None,
            items_df=_finite(slope.items_df, j) if known else None,
            correlation=correlation[j],
            method=fitted.method,
            method_note=fitted.method_note,
            p_value=slope_p[j],
        )
        with np.errstate(over="ignore"):
            limits = np.exp(at_reference.low[j]), np.exp(at_reference.high[j])
        of_level = replace(
            of_slope,
            parameter=law.level,
            value=np.exp(at_reference.value[j]),
            stderr=np.exp(at_reference.value[j]) * at_reference.stderr[j],
            low=limits[0],
            high=limits[1],
            df=at_reference.df[j] if known else None,
            share=at_reference.share[j] if known else None,
            p_value=None,
        )
        if law is relative.LINE:
            of_slope = replace(of_slope, interval_direction=fitted.direction(j))
            of_level = replace(of_level, p_value=reference_p[j])  # of no gap, G = 1
        if known and remark == OK and not np.isfinite(limits).all():
            of_level = replace(of_level, status=Status.BEYOND_RANGE, note=TOO_WIDE)
        yield of_slope
        yield of_level


def _finite(df: Floats | float, j: int) -> float | None:
    value = float(df if np.ndim(df) == 0 else np.asarray(df)[j])
    return value if np.isfinite(value) else None


def _correlation(fitted: LineWithIntervals) -> Floats:
    """Correlation of the line's level at the mean of ln F with its slope s, from the variances at both ends.

    ``V(z) = V_level + 2 C z + V_s z²`` at distance z from the mean, so that the difference of two gives C. It is 0 if
    all points have the same variance, but not under a jackknife over training runs or with the items' variance.
    """
    line = fitted.line
    with np.errstate(invalid="ignore", divide="ignore"):
        low, level, high = (end.stderr for end in fitted.ends)
        z, w = line.low - line.reference, line.high - line.reference
        covariance = ((high**2 - low**2) / (w - z) - fitted.slope.stderr**2 * (w + z)) / 2
        return np.clip(covariance / (level * fitted.slope.stderr), -1, 1)


def _remark(fitted: LineWithIntervals, j: int) -> Remark:
    """The remark on an interval without a problem of its points."""
    few = interval.too_few_blocks(fitted.line, j) or fitted.too_few_clusters(j)
    if few:
        return few
    if fitted.slope.status is not None:
        remark: Remark = fitted.slope.status[j]
        return remark
    if np.isfinite(fitted.slope.low[j]):
        return NO_SCATTER if fitted.line.exact[j] else OK
    return NO_SPREAD if fitted.estimand == Estimand.THESE_ITEMS else NO_REPLICATES
