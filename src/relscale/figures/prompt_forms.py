"""What the form of the prompt does to a suite (the paper's Figure 3).

Left: the share of a metric's variance along the frontier that compute explains, form by form: of the suite's error, and
of accuracy. Right: accuracy under each other form less that under the reference form, over compute. A row is a corpus.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known
from relscale.figures.curves import MOST_LARGE, MOST_STYLED
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    interval_across,
    legend_right,
    level_line,
    note_in_panel,
    panels,
    set_axes,
)
from relscale.figures.select import ABOUT, ESTIMANDS
from relscale.measurements.metric import Metric

PER_SUITE = True
LEAST, GROUP = 270, 13  # pixels of a panel, and of a group under a form
SPREAD = 0.72  # of a form's height that its groups take
ASIDE, STEP = (
    0.13,
    0.035,
)  # where all computes together stand, right of the last, in shares of the panel's span
GREY = "#9a9a9a"
EXPLAINED = "explained by compute (share)"
TOGETHER = "Right of the dotted line: all computes together"


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names; ``metric`` may be chosen too.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("prompt-forms", options)
    title = f"Prompt forms: {suite.title}"
    rows = data.rows("prompt_forms", suite=suite.name)
    if not rows:
        return empty(title, f"The suite {suite.name!r} was measured under one prompt form only.")
    metrics = _metrics(rows, suite)
    shares = [row for row in rows if row["quantity"] == "r_squared" and row["metric"] in metrics]
    gains = [row for row in rows if row["quantity"] == "difference" and row["metric"] in metrics]
    reference = next((row["reference"] for row in gains), None)
    forms = sorted({row["prompt"] for row in rows}, key=lambda form: (form != reference, str(form)))
    others = [form for form in forms if form != reference] if gains else []
    every = [series for series in data.series if any(_belongs(row, series) for row in rows)]
    height = max(LEAST, GROUP * len(forms) * min(len(suite.labels), MOST_STYLED))
    grid = panels(
        title,
        len(every),
        len(metrics) + len(others),
        width=250,
        height=height,
        gap_x=84,
        gap_y=HEADING + LINE + 70,
        left=int(max(theme.text_width(_words(form)) for form in forms)) + 30,
        top=HEADING + LINE,
    )
    styles = theme.styles(list(suite.labels), suite.baseline)
    for row, series in enumerate(every):
        for column, metric in enumerate(metrics):
            own = [one for one in shares if one["metric"] == metric and _belongs(one, series)]
            _draw_shares(grid, row, column, own, forms, suite, styles)
            heading(grid, row, column, series.label, Metric.parse(metric).title)
        y = _gain_axis([one for one in gains if _belongs(one, series)], reference)
        for column, form in enumerate(others, start=len(metrics)):
            own = [one for one in gains if one["prompt"] == form and _belongs(one, series)]
            _draw_gains(grid, row, column, own, suite, styles, y)
            heading(grid, row, column, f"{_words(form)} − {_words(reference)}", series.label)
    legend_right(grid, _legend(grid, suite, styles))
    footnotes(grid, _notes(shares, gains) + data.left_out(suite, metric=suite.metric))
    return grid.figure


def _metrics(rows: Sequence[Row], suite: Suite) -> list[str]:
    """The suite's metric and its accuracy, subjects weighed alike."""
    subjects = Metric.parse(suite.metric).subjects
    present = distinct(row["metric"] for row in rows)
    accuracies = [
        name
        for name in present
        if Metric.parse(name).quantity == "accuracy" and Metric.parse(name).subjects in (subjects, None)
    ]
    return [name for name in (suite.metric, *accuracies[:1]) if name in present]


def _belongs(row: Row, series: Series) -> bool:
    return all(row[key] == value for key, value in series.key.items())


def _words(form: str | None) -> str:
    return str(form or "default").replace("_", " ")


def _draw_shares(
    grid: Panels,
    row: int,
    column: int,
    rows: Sequence[Row],
    forms: Sequence[str],
    suite: Suite,
    styles: dict[str, theme.Style],
) -> None:
    axes = grid.axes(row, column)
    many = len(suite.labels) > MOST_STYLED
    ends = ("value",) if many else ("value", "low", "high")
    shown = [one[end] for one in rows for end in ends if known(one[end])]
    x = theme.linear_axis(shown, EXPLAINED, most=5)
    y = theme.linear_axis([0, 1], "") | {
        "range": [len(forms) - 0.5, -0.5],
        "tickvals": list(range(len(forms))),
        "ticktext": [_words(form) if column == 0 else "" for form in forms],
        "showgrid": False,
    }
    set_axes(grid, row, column, x, y)
    if not shown:
        note_in_panel(grid, row, column, "too few points for a line")
    for place, form in enumerate(forms):
        of_form = {one["group"]: one for one in rows if one["prompt"] == form and known(one["value"])}
        groups = [group for group in suite.labels if group in of_form]
        for k, group in enumerate(groups):
            one = of_form[group]
            at = place + (0 if many else SPREAD * ((k + 0.5) / len(groups) - 0.5))
            if known(one["low"], one["high"]) and not many:
                line = {"color": styles[group].colour, "width": 2}
                interval_across(grid, row, column, (one["low"], one["high"]), at, line)
            marker = {"symbol": "line-ns", "size": 16, "color": GREY, "line": {"color": GREY, "width": 1.4}}
            interval = f" [{one['low']:.3f}, {one['high']:.3f}]" if known(one["low"], one["high"]) else ""
            grid.figure.add_trace(
                go.Scatter(
                    x=[one["value"]],
                    y=[at],
                    mode="markers",
                    marker=marker if many else styles[group].marker(8),
                    hovertemplate=f"{suite.labels[group]}, {_words(form)}<br>R² = %{{x:.4f}}{interval}, "
                    f"{one['n']} points<extra></extra>",
                    legendgroup=group,
                    showlegend=False,
                    **axes,
                )
            )
        if many and groups:
            middle = [median(of_form[group]["value"] for group in groups)]
            grid.figure.add_trace(
                go.Scatter(
                    x=middle, y=[place], mode="markers", marker=_median().marker(12), showlegend=False, **axes
                )
            )


def _gain_axis(rows: Sequence[Row], reference: str | None) -> dict[str, Any]:
    ends = [one[end] for one in rows for end in ("value", "low", "high") if known(one[end])]
    return theme.linear_axis([*ends, 0.0], f"accuracy − that under {_words(reference)} (share)", most=7)


def _draw_gains(
    grid: Panels,
    row: int,
    column: int,
    rows: Sequence[Row],
    suite: Suite,
    styles: dict[str, theme.Style],
    y: dict[str, Any],
) -> None:
    axes = grid.axes(row, column)
    many = len(suite.labels) > MOST_STYLED
    at_points = [one for one in rows if (one["run"] or known(one["budget"])) and known(one["value"])]
    flops = sorted({one["training_flops"] for one in at_points})
    if not flops:
        set_axes(grid, row, column, theme.compute_axis([], grid.width), y)
        note_in_panel(grid, row, column, "no accuracy could be read under both forms")
        return
    factor = max(flops[-1] / flops[0], 2.0)
    aside = [flops[-1] * factor ** (ASIDE + STEP * k) for k in range(1 if many else len(suite.labels))]
    border = flops[-1] * factor ** (ASIDE / 2)
    set_axes(grid, row, column, _compute_axis(flops, aside[-1], border, grid.width), y)
    level_line(grid, row, column, 0.0)
    grid.figure.add_shape(
        type="line",
        x0=border,
        x1=border,
        y0=0,
        y1=1,
        xref=axes["xaxis"],
        yref=f"{axes['yaxis']} domain",
        line={"color": theme.FAINT, "width": 1, "dash": "dot"},
    )
    values: dict[float, list[float]] = {}
    for k, (group, label) in enumerate(suite.labels.items()):
        own = sorted(
            (one for one in at_points if one["group"] == group), key=lambda one: one["training_flops"]
        )
        style = theme.Style(GREY, "circle", "solid") if many else styles[group]
        trace = {**axes, "name": label, "legendgroup": group}
        x, level = [one["training_flops"] for one in own], [one["value"] for one in own]
        for one in own:
            values.setdefault(one["training_flops"], []).append(one["value"])
        if many:
            grid.figure.add_trace(_thin(x, level, label, trace))
            continue
        bounded = own and len(own) <= MOST_LARGE and all(known(one["low"], one["high"]) for one in own)
        low, high = ([one[end] for one in own] if bounded else None for end in ("low", "high"))
        if len(own) <= MOST_LARGE:
            grid.figure.add_traces(theme.line_with_band(x, level, low, high, style, **trace))
        grid.figure.add_trace(
            go.Scatter(
                x=x,
                y=level,
                mode="markers",
                marker=style.marker(7 if len(own) <= MOST_LARGE else 4),
                hovertemplate=f"{label}<br>%{{x:.3g}} FLOPs<br>%{{y:+.4f}}<extra></extra>",
                showlegend=False,
                **trace,
            )
        )
        whole = _overall([one for one in rows if one["group"] == group])
        if whole:
            grid.figure.add_trace(_aside(whole, aside[k], style, trace))
    if many:
        middle = [median(values[x]) for x in flops]
        grid.figure.add_traces(theme.line_with_band(flops, middle, None, None, _median(), **axes))


def _compute_axis(flops: Sequence[float], last: float, border: float, width: float) -> dict[str, Any]:
    """That of compute, with ticks as far as compute goes."""
    axis = theme.compute_axis([*flops, last], width)
    ticks = zip(axis["tickvals"], axis["ticktext"], strict=True)
    inside = [(tick, text) for tick, text in ticks if tick <= border]
    return axis | {"tickvals": [t for t, _ in inside], "ticktext": [text for _, text in inside], "minor": {}}


def _overall(rows: Sequence[Row]) -> Row | None:
    """The difference over all computes, of the widest statement that has an interval."""
    whole = [one for one in rows if not one["run"] and not known(one["budget"]) and known(one["value"])]
    whole = [one for one in whole if one["estimand"] in ESTIMANDS]
    whole.sort(key=lambda one: (not known(one["low"], one["high"]), ESTIMANDS.index(one["estimand"])))
    return whole[0] if whole else None


def _thin(x: list[float], y: list[float], label: str, trace: dict[str, Any]) -> go.Scatter:
    told = f"{label}<br>%{{x:.3g}} FLOPs<br>%{{y:+.4f}}<extra></extra>"
    line = {"color": GREY, "width": 1}
    return go.Scatter(
        x=x, y=y, mode="lines", line=line, opacity=0.6, hovertemplate=told, showlegend=False, **trace
    )


def _aside(whole: Row, x: float, style: theme.Style, trace: dict[str, Any]) -> go.Scatter:
    bar = None
    if known(whole["low"], whole["high"]):
        bar = {
            "type": "data",
            "symmetric": False,
            "array": [whole["high"] - whole["value"]],
            "arrayminus": [whole["value"] - whole["low"]],
            "color": style.colour,
            "thickness": 2,
            "width": 4,
        }
    return go.Scatter(
        x=[x],
        y=[whole["value"]],
        error_y=bar,
        mode="markers",
        marker=style.marker(9),
        hovertemplate=f"{trace['name']}, all computes<br>%{{y:+.4f}}<br>{whole['estimand']}<extra></extra>",
        showlegend=False,
        **trace,
    )


def _median() -> theme.Style:
    return theme.Style(theme.INK, "diamond", "solid")


def _legend(grid: Panels, suite: Suite, styles: dict[str, theme.Style]) -> list[str]:
    axes = grid.axes(0, 0)
    if len(suite.labels) > MOST_STYLED:
        names = [f"a group, of {len(suite.labels)}", "median over groups"]
        keys = [(theme.Style(GREY, "circle", "solid"), "lines"), (_median(), "lines+markers")]
        for name, (style, mode) in zip(names, keys, strict=True):
            grid.figure.add_trace(theme.legend_key(name, style, mode=mode, **axes))
        return names
    for group, label in suite.labels.items():
        grid.figure.add_trace(theme.legend_key(label, styles[group], legendgroup=group, **axes))
    return list(suite.labels.values())


def _notes(shares: Sequence[Row], gains: Sequence[Row]) -> list[str]:
    points = distinct(row["points"] for row in shares)
    level = next((row["level"] for row in (*shares, *gains)), 0.95)
    scheme = ", ".join(distinct(row["scheme"] for row in shares if row["scheme"]))
    notes = [
        f"Left: R² of a line on log compute through {' or '.join(points)}, of bits per byte in logs; {level:.0%} "
        f"intervals for these items ({scheme})."
    ]
    whole = [one["estimand"] for one in gains if not one["run"] and not known(one["budget"])]
    about = next((ABOUT[name] for name in ESTIMANDS if name in whole), None)
    if about:
        notes.append(
            f"Right: bands, {level:.0%} over the items of each point alone, the same draws under both forms. "
            f"{TOGETHER}, {level:.0%} for {about}."
        )
    for status in distinct(row["status"] for row in shares if row["status"] != "ok")[:4]:
        groups = distinct(row["group"] for row in shares if row["status"] == status)
        named = ", ".join(groups) if len(groups) <= 4 else f"{len(groups)} groups"
        notes.append(f"{named}: {status}.")
    return notes
