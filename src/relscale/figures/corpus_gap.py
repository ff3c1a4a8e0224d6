"""The relative law between corpora, or optimizers: what the same compute buys on each, and whether that lasts.

Top: validation loss along each frontier, and the same relative to the corpus that the others are compared with.
Below: for every suite, Δβ of each group between the same two corpora, as a forest plot.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known as is_known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import GROUP, FigureData, Row, Suite, distinct
from relscale.figures.law_lines import law_line
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
from relscale.measurements.metric import VALIDATION

TITLE = "Relative laws between corpora"
LOSS = VALIDATION._asdict()
ROW = 24  # pixels for a group of a forest plot
LOSSES = 290
COLUMNS = 2


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw all that is compared; it has no options."""
    contrast = next(
        (by for by in ("corpus", "optimizer") if data.rows("gaps", contrast=by, status="ok")), None
    )
    if contrast is None:
        return empty(TITLE, "This experiment compares no corpora with each other (fit.contrasts names none).")
    title = TITLE if contrast == "corpus" else TITLE.replace("corpora", "optimizers")
    gaps = data.rows("gaps", contrast=contrast, status="ok")
    targets = distinct((row["corpus"], row["optimizer"]) for row in gaps)
    series = {(one.corpus, one.optimizer): one for one in data.series}
    targets = [key for key in series if key in targets]
    suites = [data.suite(name) for name in data.suite_names() if any(row["suite"] == name for row in gaps)]
    suites = [suite for suite in suites if len(suite.labels) <= MOST_STYLED]
    forests = [(suite, key) for suite in suites for key in targets if _slopes(data, contrast, suite, key)]
    losses = [row for row in gaps if all(row[name] == value for name, value in LOSS.items())]
    rows = [forests[i : i + COLUMNS] for i in range(0, len(forests), COLUMNS)]
    longest = max(
        (theme.text_width(label) for suite, _ in forests for label in suite.labels.values()), default=0
    )
    grid = panels(
        title,
        len(rows) + bool(losses),
        COLUMNS,
        width=380,
        height=[LOSSES] * bool(losses)
        + [ROW * max(len(suite.labels) for suite, _ in part) + 12 for part in rows],
        left=max(84, int(longest) + 34),
        gap_x=max(96, int(longest) + 40),
        gap_y=HEADING + 3 * LINE + 50,
        top=HEADING + LINE * (len(targets) + 1),
    )
    notes = _draw_losses(grid, data, contrast, losses, series) if losses else []
    for i, part in enumerate(rows):
        for column, (suite, key) in enumerate(part):
            own = _slopes(data, contrast, suite, key)
            _draw_forest(grid, i + bool(losses), column, suite, series[key].label, own)
    _legend(grid, data, contrast, losses, series, bool(forests))
    footnotes(grid, [*notes, *_reading(data, contrast)])
    return grid.figure


def _slopes(data: FigureData, contrast: str, suite: Suite, key: tuple[Any, Any]) -> list[Row]:
    """Δβ of each group between two corpora, one row each: the widest statement that has an interval."""
    rows = data.law_rows(
        contrast,
        **suite.key,
        corpus=key[0],
        optimizer=key[1],
        law="relative_power_law",
        parameter="delta_beta",
    )
    rows = [row for row in rows if row["contrast"] == contrast and is_known(row["value"])]
    rows = [row for row in rows if row["estimand"] in ESTIMANDS]
    rows.sort(key=lambda row: (not is_known(row["low"], row["high"]), ESTIMANDS.index(row["estimand"])))
    chosen: dict[str, Row] = {}
    for row in rows:
        chosen.setdefault(row["group"], row)
    return [chosen[group] for group in suite.labels if group in chosen]


def _draw_losses(
    grid: Panels, data: FigureData, contrast: str, losses: Sequence[Row], series: dict[tuple[Any, Any], Any]
) -> list[str]:
    """The validation loss of every corpus, and its ratio to that of the baseline."""
    baseline = losses[0]["baseline"]
    keys = _compared(losses, contrast, series)
    styles = theme.styles(
        [series[key].label for key in keys], _baseline_label(keys, contrast, baseline, series)
    )
    x = theme.compute_axis([row["training_flops"] for row in losses], grid.width)
    told: dict[str, list[str]] = {"errors": [], "gaps": []}
    levels: set[tuple[float, str]] = set()
    for column, (table, law, value) in enumerate(
        (("errors", "power_law", "value"), ("gaps", "relative_power_law", "ratio"))
    ):
        axes = grid.axes(0, column)
        shown: list[float] = []
        for key in keys:
            whose = {"corpus": key[0], "optimizer": key[1]}
            extra = {"contrast": contrast} if table == "gaps" else {}
            points = data.rows(table, **whose, **LOSS, status="ok", **extra)
            if not points:
                continue
            label = series[key].label
            fits = data.law_rows(contrast, **whose, **LOSS, law=law)
            fits = [row for row in fits if table == "errors" or row["contrast"] == contrast]
            flops = [point["training_flops"] for point in points]
            values = [point[value] for point in points]
            line = law_line(fits, flops)
            trace = {**axes, "legendgroup": label, "name": label}
            if line:
                curve = theme.line_with_band(
                    line.flops, line.value, line.low, line.high, styles[label], **trace
                )
                grid.figure.add_traces(curve)
                shown += [*line.value, *(line.low or []), *(line.high or [])]
                name = "β" if table == "errors" else "Δβ"
                interval = (
                    f" [{_number(line.slope['low'])}, {_number(line.slope['high'])}]" if line.low else ""
                )
                words = f", {line.slope['direction']}" if line.slope["direction"] else ""
                told[table].append(f"{label}: {name} = {_number(line.slope['value'])}{interval}{words}")
                levels |= {(line.slope["level"], line.estimand)} if line.low else set()
            grid.figure.add_trace(
                go.Scatter(
                    x=flops,
                    y=values,
                    mode="markers",
                    marker=styles[label].marker(),
                    hovertemplate=f"{label}<br>%{{x:.3g}} FLOPs<br>%{{y:.4g}}<extra></extra>",
                    showlegend=False,
                    **trace,
                )
            )
            shown += values
        title = (
            "validation loss (nats a token)" if table == "errors" else f"loss relative to {baseline} (ratio)"
        )
        set_axes(grid, 0, column, x, theme.log_axis([*shown, *([1.0] if table == "gaps" else [])], title))
        if not shown:
            note_in_panel(grid, 0, column, "no loss could be read off the frontier")
        heading(
            grid,
            0,
            column,
            "Validation loss" if table == "errors" else f"Relative to {baseline}",
            *told[table],
        )
    level_line(grid, 0, 1, 1.0)
    return [f"Bands and brackets: {level:.0%} interval for {ABOUT[estimand]}." for level, estimand in levels]


def _compared(
    losses: Sequence[Row], contrast: str, series: dict[tuple[Any, Any], Any]
) -> list[tuple[Any, Any]]:
    """What is compared, and what it is compared with."""
    targets = {(row["corpus"], row["optimizer"]) for row in losses}
    baselines = {
        (row["baseline"], row["optimizer"]) if contrast == "corpus" else (row["corpus"], row["baseline"])
        for row in losses
    }
    return [key for key in series if key in targets | baselines]


def _baseline_label(
    keys: Sequence[tuple[Any, Any]], contrast: str, baseline: str, series: dict[tuple[Any, Any], Any]
) -> str | None:
    place = 0 if contrast == "corpus" else 1
    return next((series[key].label for key in keys if key[place] == baseline), None)


def _draw_forest(grid: Panels, row: int, column: int, suite: Suite, label: str, rows: Sequence[Row]) -> None:
    axes = grid.axes(row, column)
    ends = [one[end] for one in rows for end in ("value", "low", "high") if is_known(one[end])]
    y = theme.linear_axis([0, 1], "") | {
        "range": [len(rows) - 0.5, -0.5],
        "tickvals": list(range(len(rows))),
        "ticktext": [suite.labels[one["group"]] for one in rows],
        "showgrid": False,
    }
    set_axes(grid, row, column, theme.linear_axis(ends, "Δβ (no unit)", most=6, zero=True), y)
    heading(grid, row, column, suite.title, f"{label} against {rows[0]['baseline']}" if rows else label)
    if not rows:
        note_in_panel(grid, row, column, "no law could be fitted")
    for place, one in enumerate(rows):
        if is_known(one["low"], one["high"]):
            line = {"color": theme.DIRECTIONS[one["direction"] or "unclear"][1], "width": 2.6}
            interval_across(grid, row, column, (one["low"], one["high"]), place, line)
        grid.figure.add_trace(
            go.Scatter(
                x=[one["value"]],
                y=[place],
                mode="markers",
                marker=theme.direction_marker(one["direction"], 11),
                hovertemplate=f"Δβ = %{{x:.4f}}<br>{one['estimand']}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )


def _legend(
    grid: Panels,
    data: FigureData,
    contrast: str,
    losses: Sequence[Row],
    series: dict[tuple[Any, Any], Any],
    forests: bool,
) -> None:
    axes = grid.axes(0, 0)
    names = []
    if losses:
        keys = _compared(losses, contrast, series)
        baseline = _baseline_label(keys, contrast, losses[0]["baseline"], series)
        styles = theme.styles([series[key].label for key in keys], baseline)
        for label, style in styles.items():
            name = f"{label} (baseline)" if label == baseline else label
            grid.figure.add_trace(theme.legend_key(name, style, legendgroup=label, **axes))
            names.append(name)
    if forests:
        for direction, (_, _, words) in theme.DIRECTIONS.items():
            marker = theme.direction_marker(direction)
            grid.figure.add_trace(
                go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=words, **axes)
            )
            names.append(words)
    legend_right(grid, names)


def _reading(data: FigureData, contrast: str) -> list[str]:
    rows = data.law_rows(contrast, parameter="delta_beta")
    statuses = distinct(
        row["status"] for row in rows if row["contrast"] == contrast and row["status"] != "ok"
    )
    told = (
        f"G is the error on one {contrast} over that on the other, at matched compute; Δβ < 0 where G falls."
    )
    assert contrast != GROUP
    return [told, *(f"{status}." for status in statuses[:4])]


def _number(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
