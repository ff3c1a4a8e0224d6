"""The laws of more groups than can be distinguished: thin lines in the colour of the verdict on their gap."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from relscale.figures import chart
from relscale.figures.curves import Curve, baseline_label
from relscale.figures.data import FigureData
from relscale.figures.suite import Suite
from relscale.fitting.verdicts.verdict import Verdict

STYLES = {
    verdict: replace(style, colour=chart.MEDIUM if verdict == Verdict.NOT_RESOLVED else style.colour)
    for verdict, style in chart.VERDICTS.items()
}


def draw_crowded_curves(
    panel: chart.Panel, curves: Sequence[Curve], baseline: str, *, unit: str = "FLOPs"
) -> None:
    """Draw the laws, and small points unless there are too many; hovering over a line shows its group."""
    for curve in curves:
        is_baseline = curve.group == baseline
        style = (
            chart.Style(chart.BASELINE)
            if is_baseline
            else STYLES[Verdict(curve.verdict or Verdict.NOT_RESOLVED)]
        )
        group = baseline if is_baseline else curve.verdict or Verdict.NOT_RESOLVED
        if curve.shows_points:
            dots = replace(style, size=4, opacity=0.4)
            panel.points(curve.flops, curve.values, dots, name=curve.label, group=group)
        if line := curve.line:
            width, opacity = (3, 1.0) if is_baseline else (1.3, 0.75)
            panel.line(
                line.flops[::4],
                line.value[::4],
                replace(style, width=width, opacity=opacity),
                hover=f"{curve.label}<br>%{{x}} {unit}<br>%{{y}}<br>{line.words()}",
                name=curve.label,
                group=group,
            )


def crowded_keys(data: FigureData, suite: Suite, baseline: str) -> list[chart.Key]:
    """Legend entries for `draw_crowded_curves`, with the number of groups of each verdict."""
    rows = data.law_rows(**suite.key, parameter="delta_beta")
    verdicts = {(row.corpus, row.optimizer, row.group): row.verdict or Verdict.NOT_RESOLVED for row in rows}
    counts = Counter(verdicts.values())
    keys = [
        chart.Key(f"{chart.verdict_words(verdict)} ({counts[verdict]})", style, "lines", verdict)
        for verdict, style in STYLES.items()
    ]
    return [*keys, chart.Key(baseline_label(suite), chart.Style(chart.BASELINE), "lines", baseline)]
