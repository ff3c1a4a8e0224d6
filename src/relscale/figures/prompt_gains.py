"""Gains in accuracy of one prompt form over another: along compute, and over all computes together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import known, number
from relscale.figures.curves import MOST_LARGE
from relscale.figures.data import Suite
from relscale.figures.groups import medians
from relscale.fitting.analyses.prompt_forms import PromptFormRow

ASIDE, STEP = 28, 8  # pixels from the last compute to what is of all together, and between the groups there
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
    """Accuracy gain over compute and, right of a dotted line, pooled over all computes."""
    flops = sorted({number(row.training_flops) for row in at_points})
    margin = ASIDE + STEP * (0 if suite.is_crowded else len(suite.labels))
    panel.axes(chart.compute_axis(flops, panel.width, aside=margin) | {"minor": {}}, y)
    panel.message("" if flops else "no accuracy could be estimated under both forms")
    if not flops:
        return
    panel.reference_line(0.0)
    border = panel.beside(flops[-1], ASIDE / 2)
    panel.vertical_band(border, border, chart.FAINT, "dot")
    for k, (group, label) in enumerate(suite.labels.items()):
        of_group = [row for row in at_points if row.group == group]
        x, values = [row.training_flops for row in of_group], [row.value for row in of_group]
        named: dict[str, Any] = {"hover": f"{label}<br>%{{x}} FLOPs<br>%{{y}}", "name": label, "group": group}
        if suite.is_crowded:
            panel.line(x, values, style[group], **named)
            continue
        few = len(of_group) <= MOST_LARGE
        if few:
            panel.line(x, values, style[group], **_band(of_group), pointed=len(suite.labels) > 4, group=group)
        panel.points(x, values, replace(style[group], size=7 if few else 4), **named)
        if pooled := overall.get(group):
            at = panel.beside(flops[-1], ASIDE + STEP * k)
            named |= {"hover": f"{label}, all computes<br>%{{y}}<br>{pooled.estimand}"}
            panel.points([at], [pooled.value], style[group], low=[pooled.low], high=[pooled.high], **named)
    if suite.is_crowded:
        middle = medians(at_points, lambda row: row.training_flops, lambda row: row.value)
        panel.line(list(middle), list(middle.values()), MEDIAN)


def _band(rows: Sequence[PromptFormRow]) -> dict[str, Any]:
    bounded = bool(rows) and all(known(row.low, row.high) for row in rows)
    return {end: [getattr(row, end) for row in rows] for end in ("low", "high")} if bounded else {}
