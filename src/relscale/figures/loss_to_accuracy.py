"""From loss to accuracy: what a multiple-choice suite's runs get right against their bits per byte (Figure 2, right).

A row is a metric, a column a corpus. Every run of every budget is a point, not only the compute-optimal ones.
"""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.panels import (
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    level_line,
    note_in_panel,
    panels,
    set_axes,
    share_titles,
)
from relscale.measurements.metric import Metric

MOST_NAMED = 4
TITLE = "From loss to accuracy"
SHOWN = ("accuracy", "probability")
PREFERRED = "knowledge"
CURVE = ("floor", "ceiling", "midpoint", "slope")
POINTS = 33
GREY = "#7a7a7a"  # of groups that are too many to tell apart


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw one suite: ``options["suite"]``, else ``knowledge``, else the first that has an accuracy.

    Raises
    ------
    RelscaleError
        There is no suite of that name.
    """
    measured = distinct((row["suite"], row["metric"]) for row in data.rows("measurements"))
    able = {name for name, metric in measured if Metric.parse(metric).is_accuracy}
    fitting = [name for name in data.suite_names() if name in able]
    name = options.get("suite") or (PREFERRED if PREFERRED in fitting else next(iter(fitting), None))
    if name is None:
        return empty(TITLE, "No suite of this experiment has an accuracy.")
    suite = data.suite(name, options)
    title = f"{TITLE}: {suite.title}"
    metrics = _shares([metric for name, metric in measured if name == suite.name], suite)
    runs = _paired(data, suite, metrics)
    metrics = [metric for metric in metrics if any(metric in run for run in runs)]
    if not metrics:
        return empty(title, f"No run of the suite {name!r} has both {suite.metric} and an accuracy.")
    every = data.series_of(suite)
    grid = panels(title, len(metrics), len(every), gap_y=40)
    many = len(suite.labels) > MOST_STYLED
    alike = theme.Style(GREY, "circle", "solid")
    styles = dict.fromkeys(suite.labels, alike) if many else theme.styles(list(suite.labels), suite.baseline)
    x = theme.linear_axis([run["loss"] for run in runs], suite.metric_title, most=6)
    notes: list[str] = []
    for row, metric in enumerate(metrics):
        chance = [suite.chance] if suite.chance else []
        y = theme.linear_axis(
            [*(run[metric] for run in runs if metric in run), *chance], Metric.parse(metric).title
        )
        for column, series in enumerate(every):
            set_axes(grid, row, column, x, y)
            if row == 0:
                heading(grid, 0, column, series.label)
            if suite.chance:
                level_line(grid, row, column, suite.chance)
            own = [run for run in runs if metric in run and run["series"] == series.label]
            notes += _draw_panel(grid, row, column, data, series, suite, styles, metric, own)
    share_titles(grid)
    names = []
    keys = [(label, styles[group], group) for group, label in suite.labels.items()]
    for label, style, group in [(f"a group, of {len(keys)}", alike, "")] if many else keys:
        grid.figure.add_trace(theme.legend_key(label, style, legendgroup=group, **grid.axes(0, 0)))
        names.append(label)
    if suite.chance:
        names.append(f"chance ({suite.chance:.3g})")
        line = theme.Style(theme.INK, "circle", "solid")
        grid.figure.add_trace(theme.legend_key(names[-1], line, mode="lines", **grid.axes(0, 0)))
    legend_right(grid, names)
    footnotes(
        grid,
        [
            "Each point is a run; curves are sigmoids fitted to a group's runs, where they fix one.",
            *notes,
            *data.left_out(suite, prompt=suite.prompt, metric=suite.metric),
        ],
    )
    return grid.figure


def _shares(measured: Sequence[str], suite: Suite) -> list[str]:
    """Accuracy and probability, of those that a suite has, with its subjects weighed as in the suite's metric."""
    told = {name: Metric.parse(name) for name in measured}
    subjects = Metric.parse(suite.metric).subjects
    fitting = [name for name in measured if told[name].subjects in (subjects, None)]
    return [name for quantity in SHOWN for name in sorted(fitting) if told[name].quantity == quantity]


def _paired(data: FigureData, suite: Suite, metrics: Sequence[str]) -> list[Row]:
    """A run and group a row: ``loss`` and the ``metrics``, where the loss is known."""
    labels = {(series.corpus, series.optimizer): series.label for series in data.series}
    found: dict[tuple[Any, ...], Any] = {}
    for row in data.rows("measurements", suite=suite.name, prompt=suite.prompt):
        if row["status"] != "ok" or not known(row["value"]) or row["metric"] not in (suite.metric, *metrics):
            continue
        series = labels.get((row["corpus"], row["optimizer"]))
        run = found.setdefault(
            (series, row["run"], row["group"]), {"series": series, "run": row["run"], "group": row["group"]}
        )
        run["loss" if row["metric"] == suite.metric else row["metric"]] = row["value"]
    return [run for run in found.values() if "loss" in run and run["series"]]


def _draw_panel(
    grid: Panels,
    row: int,
    column: int,
    data: FigureData,
    series: Series,
    suite: Suite,
    styles: dict[str, theme.Style],
    metric: str,
    runs: Sequence[Row],
) -> list[str]:
    axes = grid.axes(row, column)
    if not runs:
        note_in_panel(grid, row, column, "no run has both numbers")
    reasons: dict[str, list[str]] = {}
    for group, label in suite.labels.items():
        own = [run for run in runs if run["group"] == group]
        if not own:
            continue
        trace = {**axes, "legendgroup": group, "name": label, "showlegend": False}
        grid.figure.add_trace(
            go.Scatter(
                x=[run["loss"] for run in own],
                y=[run[metric] for run in own],
                mode="markers",
                marker=styles[group].marker(6) | {"opacity": 0.75},
                customdata=[run["run"] for run in own],
                hovertemplate=f"{label}, %{{customdata}}<br>%{{x:.4g}} bits per byte<br>%{{y:.3f}}<extra></extra>",
                **trace,
            )
        )
        fits = data.law_rows(
            **{**series.key, **suite.key, "metric": metric},
            group=group,
            law="sigmoid",
            predictor=suite.metric,
        )
        curve = {
            fit["parameter"]: fit["value"] for fit in fits if fit["status"] == "ok" and known(fit["value"])
        }
        if set(CURVE) <= set(curve):
            losses = [run["loss"] for run in own]
            grid.figure.add_trace(_curve(curve, min(losses), max(losses), styles[group], trace))
        elif fits:
            why = next((fit["status"] for fit in fits if fit["status"] != "ok"), "no fit")
            reasons.setdefault(why, []).append(label)
    return [
        f"{series.label}, {metric.replace('_', ' ')}, no curve for {_named(groups)}: {why}."
        for why, groups in reasons.items()
    ]


def _named(groups: Sequence[str]) -> str:
    return ", ".join(groups) if len(groups) <= MOST_NAMED else f"{len(groups)} groups"


def _curve(
    curve: dict[str, float], low: float, high: float, style: theme.Style, trace: dict[str, Any]
) -> go.Scatter:
    """``floor + (ceiling − floor) / (1 + exp(slope·(loss − midpoint)))`` from ``low`` to ``high``."""
    losses = [low + (high - low) * i / (POINTS - 1) for i in range(POINTS)]
    rise = curve["ceiling"] - curve["floor"]
    away = [max(min(curve["slope"] * (loss - curve["midpoint"]), 500), -500) for loss in losses]
    return go.Scatter(
        x=losses,
        y=[curve["floor"] + rise / (1 + math.exp(distance)) for distance in away],
        mode="lines",
        line=style.line(),
        hoverinfo="skip",
        **trace,
    )
