"""Notes on curves: their intervals, what is clipped or not shown, and failed fits."""

from collections.abc import Iterable, Sequence

from relscale.figures.chart.numbers import number
from relscale.figures.curves import Curve, interval_curves, strip_curves
from relscale.figures.data import distinct
from relscale.figures.select import ESTIMAND_WORDS, ESTIMANDS, interval, listed
from relscale.fitting.inference.method import BOOTSTRAPS


def curve_notes(panels: Iterable[Sequence[Curve]]) -> list[str]:
    """Notes on the curves of all panels of a figure."""
    panels = list(panels)
    curves = [curve for panel in panels for curve in panel]
    lines = [line for _, line in interval_curves(curves)]
    intervals = {(number(line.slope.level), line.estimand) for line in lines}
    estimands = [
        f"{level:.0%} interval for {ESTIMAND_WORDS[estimand]}"
        for level, estimand in sorted(intervals, key=lambda pair: ESTIMANDS.index(pair[1]))
    ]
    marks, in_strips = "Band", [bool(strip_curves(panel)) for panel in panels if interval_curves(panel)]
    if any(in_strips):
        marks = "Bars at the right of a panel (fitted line at its largest compute)"
        marks += "" if all(in_strips) else ", else bands"
    notes = [f"{marks}: {'; if not available, '.join(estimands)}."] if estimands else []
    if any(curve.is_clipped for curve in curves):
        notes.append("Intervals are clipped at the edge of a panel.")
    methods = {interval(line.slope) for line in lines if line.slope.method in BOOTSTRAPS}
    notes += [f"Intervals by {method}." for method in sorted(methods)]
    n_hidden = sum(len(curve.flops) for curve in curves if not curve.shows_points)
    notes += [f"Lines only: {n_hidden:,} points are not shown."] if n_hidden else []
    for series, status in distinct((curve.series, curve.status) for curve in curves if curve.status != "ok"):
        series_curves = [curve for curve in curves if curve.series == series]
        names = distinct(curve.label for curve in series_curves if curve.status == status)
        is_all = names == distinct(curve.label for curve in series_curves)
        notes.append(f"{series}{'' if is_all else f', {listed(names)}'}: {status}.")
    return notes
