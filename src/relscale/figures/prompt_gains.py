"""The panel of accuracy gains of one prompt form over another, along compute and pooled over all computes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import known, number
from relscale.figures.curves import MOST_LARGE
from relscale.figures.groups import medians
from relscale.figures.suite import Suite
from relscale.fitting.analyses.prompt_forms import PromptFormRow

ASIDE, STEP = 28, 8  # pixels from the last compute to the pooled gains, and between groups there
MEDIAN = chart.Style(chart.INK, "diamond")
Styles = Mapping[str, chart.Style]


def draw_gains(
    panel: chart.Panel,
    at_points: Sequence[PromptFormRow],
    overall: Mapping[str, PromptFormRow],
    suite: Suite,
    style: Styles,
    y: Axis,
) -> None:
    """Draw the accuracy gain over compute and, right of a dotted line, pooled over all computes."""
    flops = sorted({number(row.training_flops) for row in at_points})
    margin = ASIDE + STEP * (0 if suite.is_crowded else len(suite.labels))
    panel.axes(chart.compute_axis(flops, panel.width, aside=margin) | {"minor": {}}, y)
    panel.message("" if flops else "no accuracy could be estimated under both forms")
    if not flops:
        return
    panel.reference_line(0.0)
    border = panel.shifted_x(flops[-1], ASIDE / 2)
    panel.vertical_band(border, border, chart.FAINT, "dot")
    for k, (group, label) in enumerate(suite.labels.items()):
        group_rows = [row for row in at_points if row.group == group]
        x, values = [row.training_flops for row in group_rows], [row.value for row in group_rows]
        hover = f"{label}<br>%{{x}} FLOPs<br>%{{y}}"
        if suite.is_crowded:
            panel.line(x, values, style[group], hover=hover, name=label, group=group)
            continue
        is_large = len(group_rows) <= MOST_LARGE
        if is_large:
            low, high = _band(group_rows)
            panel.line(
                x, values, style[group], low=low, high=high, band_on_hover=len(suite.labels) > 4, group=group
            )
        mark = replace(style[group], size=7 if is_large else 4)
        panel.points(x, values, mark, hover=hover, name=label, group=group)
        if pooled := overall.get(group):
            panel.points(
                [panel.shifted_x(flops[-1], ASIDE + STEP * k)],
                [pooled.value],
                style[group],
                low=[pooled.low],
                high=[pooled.high],
                hover=f"{label}, all computes<br>%{{y}}<br>{pooled.estimand}",
                name=label,
                group=group,
            )
    if suite.is_crowded:
        median_gains = medians(at_points, lambda row: row.training_flops, lambda row: row.value)
        panel.line(list(median_gains), list(median_gains.values()), MEDIAN)


def _band(rows: Sequence[PromptFormRow]) -> tuple[list[float] | None, list[float] | None]:
    """The lower and upper limits of all rows; None if a row has none."""
    if not rows or not all(known(row.low, row.high) for row in rows):
        return None, None
    return [number(row.low) for row in rows], [number(row.high) for row in rows]
