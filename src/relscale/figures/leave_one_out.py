"""Leave-one-out changes of Δβ, by the compute of the budget, run or training left out."""

from collections.abc import Mapping, Sequence

from relscale.figures import chart
from relscale.figures.data import FigureData
from relscale.figures.suite import Suite
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.verdicts.verdict import DIRECTIONS

LOST_VERDICT = chart.Style("#d55e00", "circle-open", size=15)


def draw_leave_one_out(
    panel: chart.Panel,
    data: FigureData,
    suite: Suite,
    series: str,
    rows: Sequence[InfluenceRow],
    styles: Mapping[str, chart.Style],
) -> None:
    """Draw leave-one-out changes of Δβ with rings around lost verdicts, and state how many depend on a single unit."""
    x = chart.compute_axis([row.training_flops for row in rows], panel.width)
    panel.axes(x, chart.linear_axis([row.change for row in rows], "change of Δβ", most=6, zero=True))
    panel.reference_line(0.0)
    panel.message("too few points for leave-one-out" if not rows else "")
    for group, style in styles.items():
        hover = f"{suite.labels[group]} without %{{customdata}}<br>Δβ changes by %{{y}}"
        _draw_changes(panel, [row for row in rows if row.group == group], style, hover, group)
    lost = [row for row in rows if row.carries]
    _draw_changes(panel, lost, LOST_VERDICT, "without %{customdata}")
    directions = {row.group for row in rows if data.verdict(row) in DIRECTIONS}
    dependent = f"{len({row.group for row in lost})} of {len(directions)} verdicts depend on one"
    units = len({row.without for row in rows})
    panel.heading(
        "Leave-one-out Δβ",
        series,
        f"{units} left out in turn; {dependent if directions else 'no gap is resolved'}" if rows else "",
    )


def _draw_changes(
    panel: chart.Panel, rows: Sequence[InfluenceRow], style: chart.Style, hover: str, group: str | None = None
) -> None:
    flops, changes = [row.training_flops for row in rows], [row.change for row in rows]
    without = [f"{row.without}: {chart.verdict_words(row.verdict)}" for row in rows]
    panel.points(flops, changes, style, details=without, hover=hover, group=group)
