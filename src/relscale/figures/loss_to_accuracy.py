"""From loss to accuracy: what a multiple-choice suite's runs get right against their bits per byte (Figure 2, right).

A row is a metric, a column a corpus. Every run of every budget is a point, not only the compute-optimal ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import FigureData, Series, Suite, distinct
from relscale.figures.select import listed
from relscale.measurements.metric import Metric

TITLE = "From loss to accuracy"
SHOWN = ("accuracy", "probability")
PREFERRED = "knowledge"
CURVE = ("floor", "ceiling", "midpoint", "slope")
POINTS = 33  # of a curve
CHANCE = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


class Run(NamedTuple):
    """What a run scored on a group: its loss, and another metric."""

    series: Series
    group: str
    name: str
    loss: float
    score: float


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw one suite: ``options["suite"]``, else ``knowledge``, else the first that has an accuracy.

    Raises
    ------
    RelscaleError
        There is no suite of that name.
    """
    measured = distinct((row.suite, row.metric) for row in data.rows("measurements"))
    able = {name for name, metric in measured if Metric.parse(metric).is_accuracy}
    fitting = [name for name in data.suite_names() if name in able]
    name = options.get("suite") or (PREFERRED if PREFERRED in fitting else next(iter(fitting), None))
    if name is None:
        return chart.empty(TITLE, "No suite of this experiment has an accuracy.")
    suite = data.suite(name, options)
    title = f"{TITLE}: {suite.title}"
    metrics = _scores([metric for name, metric in measured if name == suite.name], suite)
    runs = {metric: paired for metric in metrics if (paired := _paired(data, suite, metric))}
    if not runs:
        return chart.empty(title, f"No run of the suite {name!r} has both {suite.metric} and an accuracy.")
    every = data.series_of(suite)
    panels = chart.grid(title, len(runs), len(every), gap_y=40)
    many = len(suite.labels) > MOST_STYLED
    style = (
        {group: chart.Style(chart.MEDIUM) for group in suite.labels}
        if many
        else chart.styles(suite.labels, suite.baseline)
    )
    x = chart.linear_axis(
        [run.loss for paired in runs.values() for run in paired], suite.metric_title, most=6
    )
    notes: list[str] = []
    for row, (metric, paired) in enumerate(runs.items()):
        scores = [*(run.score for run in paired), *([suite.chance] if suite.chance else [])]
        y = chart.linear_axis(scores, Metric.parse(metric).title)
        for column, series in enumerate(every):
            panel = panels.panel(row, column)
            panel.axes(x, y)
            if row == 0:
                panel.heading(series.label)
            if suite.chance:
                panel.reference_line(suite.chance, CHANCE)
            own = [run for run in paired if run.series == series]
            notes += _draw_panel(panel, data, series, suite, style, metric, own)
    panels.share_titles()
    keys = [chart.Key(label, style[group], group=group) for group, label in suite.labels.items()]
    keys = [chart.Key(f"one of {len(keys)} groups", chart.Style(chart.MEDIUM))] if many else keys
    chance = [chart.Key(f"chance ({suite.chance:.3g})", CHANCE, "lines")] if suite.chance else []
    panels.key([*keys, *chance])
    panels.notes(
        "Each point is a run; curves are sigmoids fitted to a group's runs, where these determine one.",
        *notes,
        *data.left_out(suite, prompt=suite.prompt, metric=suite.metric),
    )
    return panels.figure


def _scores(measured: Sequence[str], suite: Suite) -> list[str]:
    """Accuracy and probability, of those that a suite has, with its subjects weighed as in the suite's metric."""
    metrics = {name: Metric.parse(name) for name in measured}
    subjects = Metric.parse(suite.metric).subjects
    fitting = sorted(name for name, metric in metrics.items() if metric.subjects in (subjects, None))
    return [name for quantity in SHOWN for name in fitting if metrics[name].quantity == quantity]


def _paired(data: FigureData, suite: Suite, metric: str) -> list[Run]:
    """The runs and groups with both a loss and a score."""
    every = {(series.corpus, series.optimizer): series for series in data.series}
    rows = data.rows("measurements", suite=suite.name, prompt=suite.prompt, status="ok")
    rows = [row for row in rows if known(row.value) and (row.corpus, row.optimizer) in every]
    loss, score = (
        {
            (every[row.corpus, row.optimizer], row.group, row.run): row.value
            for row in rows
            if row.metric == name
        }
        for name in (suite.metric, metric)
    )
    return [Run(*key, loss[key], score[key]) for key in loss if key in score]


def _draw_panel(
    panel: chart.Panel,
    data: FigureData,
    series: Series,
    suite: Suite,
    style: Mapping[str, chart.Style],
    metric: str,
    runs: Sequence[Run],
) -> list[str]:
    """Points and curves of one series; returns why curves are missing."""
    if not runs:
        panel.message("no run has both numbers")
    reasons: dict[str, list[str]] = {}
    for group, label in suite.labels.items():
        own = [run for run in runs if run.group == group]
        if not own:
            continue
        losses = [run.loss for run in own]
        panel.points(
            losses,
            [run.score for run in own],
            replace(style[group], size=6, opacity=0.75),
            about=[run.name for run in own],
            hover=f"{label}, %{{customdata}}<br>%{{x}} bits per byte<br>%{{y}}",
            name=label,
            group=group,
        )
        key = {**series.key, **suite.key, "metric": metric, "group": group}
        fits = data.law_rows(**key, law="sigmoid", predictor=suite.metric)
        curve = {fit.parameter: fit.value for fit in fits if fit.status == "ok" and known(fit.value)}
        if set(CURVE) <= set(curve):
            x = [min(losses) + (max(losses) - min(losses)) * i / (POINTS - 1) for i in range(POINTS)]
            y = [_sigmoid(loss, **{name: curve[name] for name in CURVE}) for loss in x]
            panel.line(x, y, style[group], name=label, group=group)
        elif fits:
            why = next((fit.reason for fit in fits if fit.status != "ok"), "no fit")
            reasons.setdefault(why, []).append(label)
    return [
        f"{series.label}, {metric.replace('_', ' ')}: no curve for {listed(groups)} ({why})."
        for why, groups in reasons.items()
    ]


def _sigmoid(loss: float, floor: float, ceiling: float, midpoint: float, slope: float) -> float:
    """``floor + (ceiling − floor) / (1 + exp(slope·(loss − midpoint)))``."""
    return floor + (ceiling - floor) / (1 + math.exp(max(min(slope * (loss - midpoint), 500), -500)))
