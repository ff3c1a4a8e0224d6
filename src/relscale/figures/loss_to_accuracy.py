"""Accuracy of a multiple-choice suite against its bits per byte (the paper's Figure 2, right).

One row per metric, one column per corpus. Every run of every budget is a point, not only the compute-optimal runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.data import FigureData, MeasuredRun, Series, distinct
from relscale.figures.groups import group_keys, group_styles
from relscale.figures.options import OneSuite
from relscale.figures.row_filter import CurveFilter
from relscale.figures.score_pairs import ScorePair, score_metrics, score_pairs, sigmoid_curve
from relscale.figures.select import listed, reason
from relscale.figures.suite import Suite
from relscale.measurements.metric import Metric

TITLE = "From loss to accuracy"
PREFERRED = "knowledge"
CHANCE = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite: the named one, or ``knowledge``, or the first with an accuracy.

    Raises
    ------
    RelscaleError
        There is no suite of this name.
    """
    measured = distinct((row.suite, str(row.metric)) for row in data.rows(MeasuredRun))
    with_accuracy = {name for name, metric in measured if Metric.parse(metric).is_accuracy}
    names = sorted(
        (name for name in data.suite_names() if name in with_accuracy), key=lambda name: name != PREFERRED
    )
    name = options.suite or next(iter(names), None)
    if name is None:
        return chart.empty(TITLE, "No suite of this experiment has an accuracy.")
    suite = data.suite(name, options.metric, options.prompt)
    title = f"{TITLE}: {suite.title}"
    metrics = score_metrics([metric for name, metric in measured if name == suite.name], suite)
    pairs = {metric: points for metric in metrics if (points := score_pairs(data, suite, metric))}
    if not pairs:
        return chart.empty(title, f"No run of the suite {name!r} has both {suite.metric} and an accuracy.")
    all_series, chance = data.series_of(suite), [suite.chance] if suite.chance else []
    panels = chart.grid(title, len(pairs), len(all_series), gap_y=40)
    style = group_styles(suite)
    losses = [pair.loss for points in pairs.values() for pair in points]
    x = chart.linear_axis(losses, suite.metric_title, most=6)
    notes: list[str] = []
    for row, (metric, points) in enumerate(pairs.items()):
        y = chart.linear_axis([*(pair.score for pair in points), *chance], Metric.parse(metric).title)
        for column, series in enumerate(all_series):
            panel = panels.panel(row, column)
            panel.axes(x, y)
            panel.heading("" if row else series.label)
            for level in chance:
                panel.reference_line(level, CHANCE)
            series_pairs = [pair for pair in points if pair.series == series]
            notes += _draw_panel(panel, data, series, suite, style, metric, series_pairs)
    panels.share_titles()
    keys = [chart.Key(f"chance ({level:.3g})", CHANCE, "lines") for level in chance]
    has_curve = any(trace.mode == "lines" and trace.legendgroup for trace in panels.drawing.figure.data)
    panels.key([*group_keys(suite, style, "lines+markers" if has_curve else "markers"), *keys])
    panels.notes(
        "Each point is a run; curves are sigmoids fitted to a group's accuracies, if these determine one.",
        *notes,
        *data.exclusion_notes(suite, prompt=suite.prompt, metric=suite.metric),
    )
    return panels.figure


def _draw_panel(
    panel: chart.Panel,
    data: FigureData,
    series: Series,
    suite: Suite,
    style: Mapping[str, chart.Style],
    metric: str,
    pairs: Sequence[ScorePair],
) -> list[str]:
    """Draw the points and curves of one series; returns notes on missing curves."""
    panel.message("" if pairs else "no run has both metrics")
    reasons: dict[str, list[str]] = {}
    for group, label in suite.labels.items():
        group_pairs = [pair for pair in pairs if pair.group == group]
        if not group_pairs:
            continue
        dots = replace(style[group], size=6, opacity=0.75)
        hover = f"{label}, %{{customdata}}<br>%{{x}} bits per byte<br>%{{y}}"
        losses, scores = [pair.loss for pair in group_pairs], [pair.score for pair in group_pairs]
        runs = [pair.run for pair in group_pairs]
        panel.points(losses, scores, dots, details=runs, hover=hover, name=label, group=group)
        key: CurveFilter = {**series.key, **suite.key, "metric": metric, "group": group}
        fits = data.law_rows(**key, law="sigmoid", predictor=suite.metric)
        if curve := sigmoid_curve(fits, [pair.loss for pair in group_pairs]):
            panel.line(*curve, style[group], name=label, group=group)
        elif fits:
            status = next((reason(fit) for fit in fits if fit.status != "ok"), "no fit")
            reasons.setdefault(status, []).append(label)
    subject = f"{series.label}, {metric.replace('_', ' ')}"
    return [f"{subject}: no curve for {listed(groups)} ({status})." for status, groups in reasons.items()]
