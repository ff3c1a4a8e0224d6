"""Notes on curves: what their bands are, what is clipped or not shown, and which fits failed."""

from collections.abc import Iterable, Sequence

from relscale.figures.chart.numbers import number
from relscale.figures.curves import Curve, banded_curves, side_by_side
from relscale.figures.data import distinct
from relscale.figures.select import ABOUT, ESTIMANDS, interval, listed
from relscale.fitting.inference.method import BOOTSTRAPS


def curve_notes(panels: Iterable[Sequence[Curve]]) -> list[str]:
    """Notes on the bands or intervals, and on each fit whose status is not ok."""
    panels = list(panels)
    curves = [curve for panel in panels for curve in panel]
    lines = [line for _, line in banded_curves(curves)]
    intervals = {(number(line.slope.level), line.estimand) for line in lines}
    about = [
        f"{level:.0%} interval for {ABOUT[estimand]}"
        for level, estimand in sorted(intervals, key=lambda pair: ESTIMANDS.index(pair[1]))
    ]
    name, in_strips = "Band", [bool(side_by_side(panel)) for panel in panels if banded_curves(panel)]
    if any(in_strips):
        name = "Bars at the right of a panel (fitted line at its largest compute)"
        name += "" if all(in_strips) else ", else bands"
    notes = [f"{name}: {'; if not available, '.join(about)}."] if about else []
    notes += (
        ["Intervals are clipped at the edge of a panel."] if any(curve.is_cut for curve in curves) else []
    )
    methods = {interval(line.slope) for line in lines if line.slope.method in BOOTSTRAPS}
    notes += [f"Intervals by {method}." for method in sorted(methods)]
    n_hidden = sum(len(curve.flops) for curve in curves if not curve.dotted)
    notes += [f"Lines only: {n_hidden:,} points are not shown."] if n_hidden else []
    for series, status in distinct((curve.series, curve.status) for curve in curves if curve.status != "ok"):
        of_series = [curve for curve in curves if curve.series == series]
        names = distinct(curve.label for curve in of_series if curve.status == status)
        which = "" if names == distinct(curve.label for curve in of_series) else f", {listed(names)}"
        notes.append(f"{series}{which}: {status}.")
    return notes
