"""What a suite's relative laws rest on: single budgets, the form of the law, and the size of the experiment.

A row is a corpus. Left: how far each form of law misses the largest budgets, fitted to the others. Middle: how Δβ
changes without each budget (or run, or training). Right: the power to see a given Δβ with more budgets, runs or items.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import GROUP, FigureData, Row, Series, Suite, distinct
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    level_line,
    note_in_panel,
    panels,
    set_axes,
)

PER_SUITE = True
TABLES = ("influence", "forms", "power")
FORMS, INFLUENCE, POWER = range(3)  # columns
ENOUGH = 0.8  # the power that is called enough
GREY = "#8c8c8c"
CARRIES = "alone makes the direction clear"
MEDIAN = "median over groups"


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("robustness", options)
    title = f"What the relative laws rest on: {suite.title}"
    told = {
        table: [row for row in data.rows(table, **suite.key) if row["contrast"] in (None, GROUP)]
        for table in TABLES
    }
    told["influence"] = [row for row in told["influence"] if row["parameter"] in (None, "delta_beta")]
    told["forms"] = [row for row in told["forms"] if row["quantity"] in (None, "ratio")]
    told["power"] = [row for row in told["power"] if row["delta_beta"] == _smallest(told["power"])]
    columns = {"influence": "change", "forms": "rmse_log", "power": "power"}
    if not any(known(row[columns[table]]) for table in TABLES for row in told[table]):
        return empty(
            title, f"Nothing was asked of the relative laws of the suite {suite.name!r}, or had an answer."
        )
    measured = {(row["corpus"], row["optimizer"]) for rows in told.values() for row in rows}
    every = [series for series in data.series if (series.corpus, series.optimizer) in measured]
    forms = _forms(told["forms"])
    grid = panels(
        title,
        len(every),
        3,
        width=330,
        height=270,
        gap_x=96,
        gap_y=HEADING + 2 * LINE + 62,
        left=int(max((theme.text_width(_words(form)) for form in forms), default=40)) + 34,
        top=HEADING + 2 * LINE,
    )
    styles = _styles(suite)
    for row, series in enumerate(every):
        own = {table: [one for one in told[table] if _belongs(one, series)] for table in TABLES}
        _draw_influence(grid, row, suite, own["influence"], styles)
        _draw_forms(grid, row, series, suite, own["forms"], forms, styles)
        _draw_power(grid, row, own["power"])
    _legend(grid, suite, styles, told)
    footnotes(grid, _notes(told))
    return grid.figure


def _smallest(rows: Sequence[Row]) -> float | None:
    """The smallest Δβ whose power was asked for."""
    return min((row["delta_beta"] for row in rows if known(row["delta_beta"])), default=None)


def _belongs(row: Row, series: Series) -> bool:
    return all(row[key] == value for key, value in series.key.items())


def _styles(suite: Suite) -> dict[str, theme.Style]:
    """A style for each group but the baseline; one grey for all where there are too many to tell apart."""
    targets = [group for group in suite.labels if group != suite.baseline]
    if len(suite.labels) > MOST_STYLED:
        return {group: theme.Style(GREY, "circle", "solid") for group in targets}
    return {
        group: style
        for group, style in theme.styles(list(suite.labels), suite.baseline).items()
        if group in targets
    }


def _marks(
    grid: Panels,
    axes: dict[str, str],
    suite: Suite,
    rows: Sequence[Row],
    group: str,
    style: theme.Style,
    x: str,
    y: str,
) -> go.Scatter:
    many = len(suite.labels) > MOST_STYLED
    return go.Scatter(
        x=[row[x] for row in rows],
        y=[row[y] for row in rows],
        mode="markers",
        marker=style.marker(4 if many else 8) | {"opacity": 0.45 if many else 0.9},
        legendgroup=group,
        showlegend=False,
        **axes,
    )


def _draw_influence(
    grid: Panels, row: int, suite: Suite, rows: Sequence[Row], styles: dict[str, theme.Style]
) -> None:
    axes = grid.axes(row, INFLUENCE)
    known_rows = [one for one in rows if known(one["change"], one["training_flops"])]
    x = theme.compute_axis([one["training_flops"] for one in known_rows], grid.width)
    y = theme.linear_axis([one["change"] for one in known_rows], "change of Δβ (no unit)", most=6, zero=True)
    set_axes(grid, row, INFLUENCE, x, y)
    level_line(grid, row, INFLUENCE, 0.0)
    if not known_rows:
        note_in_panel(grid, row, INFLUENCE, "nothing can be left out: too few points")
    for group, style in styles.items():
        own = [one for one in known_rows if one["group"] == group]
        if not own:
            continue
        trace = _marks(grid, axes, suite, own, group, style, "training_flops", "change")
        trace.customdata = [one["left_out"] for one in own]
        label = suite.labels[group]
        trace.hovertemplate = f"{label} without %{{customdata}}<br>Δβ changes by %{{y:.4f}}<extra></extra>"
        grid.figure.add_trace(trace)
    carriers = [one for one in known_rows if one["carries"]]
    grid.figure.add_trace(
        go.Scatter(
            x=[one["training_flops"] for one in carriers],
            y=[one["change"] for one in carriers],
            mode="markers",
            marker=_carrier_marker(),
            text=[
                f"{suite.labels.get(one['group'], one['group'])} without {one['left_out']}"
                for one in carriers
            ],
            hovertemplate="%{text}: direction no longer clear<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    number = len({one["left_out"] for one in known_rows})
    groups = len({one["group"] for one in carriers})
    told = f"{number} left out in turn; {groups} of {len({one['group'] for one in known_rows})} groups rest on one"
    heading(grid, row, INFLUENCE, "Δβ without one of them", told if known_rows else "")


def _forms(rows: Sequence[Row]) -> list[str]:
    """The forms, the best one (by its median error) first."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        errors.setdefault(row["form"], []).extend([row["rmse_log"]] if known(row["rmse_log"]) else [])
    return sorted(errors, key=lambda form: (median(errors[form]) if errors[form] else math.inf, form))


def _draw_forms(
    grid: Panels,
    row: int,
    series: Series,
    suite: Suite,
    rows: Sequence[Row],
    forms: Sequence[str],
    styles: dict[str, theme.Style],
) -> None:
    axes = grid.axes(row, FORMS)
    places = {form: place for place, form in enumerate(forms)}
    shown = [one for one in rows if known(one["rmse_log"]) and one["rmse_log"] > 0]
    shown = [one | {"percent": 100 * one["rmse_log"], "place": places[one["form"]]} for one in shown]
    x = theme.log_axis([one["percent"] for one in shown], "error on what was held out (%)", most=5)
    y = theme.linear_axis([0, 1], "") | {
        "range": [max(len(forms), 1) - 0.5, -0.5],
        "tickvals": list(places.values()),
        "ticktext": [_words(form) for form in forms],
        "showgrid": False,
    }
    set_axes(grid, row, FORMS, x, y)
    if not shown:
        note_in_panel(grid, row, FORMS, "no form could be tried on held-out budgets")
    for group, style in styles.items():
        own = [one for one in shown if one["group"] == group]
        if own:
            trace = _marks(grid, axes, suite, own, group, style, "percent", "place")
            trace.hovertemplate = f"{suite.labels[group]}<br>%{{x:.2g}}%<extra></extra>"
            grid.figure.add_trace(trace)
    middle = {form: [one["percent"] for one in shown if one["form"] == form] for form in forms}
    grid.figure.add_trace(
        go.Scatter(
            x=[median(middle[form]) for form in forms if middle[form]],
            y=[places[form] for form in forms if middle[form]],
            mode="markers",
            marker=_median_marker(),
            hovertemplate="median over groups: %{x:.2g}%<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    first = next(iter(shown), None)
    told = f"largest {first['n_held_out']} held out, fitted to {first['n_fitted']}" if first else ""
    heading(grid, row, FORMS, "Held-out error of each form", series.label, told)


def _draw_power(grid: Panels, row: int, rows: Sequence[Row]) -> None:
    axes = grid.axes(row, POWER)
    shown = [one for one in rows if known(one["power"], one["count"])]
    x = theme.log_axis([one["count"] for one in shown], "how many of them (number)", most=6)
    set_axes(grid, row, POWER, x, theme.linear_axis([0, 1], "power (share)", most=6, pad=0.04))
    level_line(grid, row, POWER, ENOUGH)
    reach = []
    for resource, style in _resources().items():
        own = [one for one in shown if one["resource"] == resource]
        counts = sorted({one["count"] for one in own})
        if not counts:
            continue
        powers = [[one["power"] for one in own if one["count"] == count] for count in counts]
        middle = [median(told) for told in powers]
        trace = {**axes, "legendgroup": resource, "name": resource}
        low, high = [min(told) for told in powers], [max(told) for told in powers]
        grid.figure.add_traces(theme.line_with_band(counts, middle, low, high, style, **trace))
        least = next((count for count, power in zip(counts, middle, strict=True) if power >= ENOUGH), None)
        reach.append(f"{resource} {f'> {counts[-1]:g}' if least is None else f'{least:g}'}")
    if not shown:
        note_in_panel(grid, row, POWER, "no power could be simulated")
    size = _smallest(rows)
    title = "Power" if size is None else f"Power to see Δβ = {theme.plain(size)}"
    heading(grid, row, POWER, title, f"{ENOUGH:.0%} needs: {', or '.join(reach)}" if reach else "")


def _words(form: str) -> str:
    return form.replace("_", " ")


def _resources() -> dict[str, theme.Style]:
    return {
        "budgets": theme.Style(theme.COLOURS[0], "circle", theme.DASHES[0]),
        "runs": theme.Style(theme.COLOURS[1], "circle", theme.DASHES[1]),
        "items": theme.Style(theme.COLOURS[2], "circle", theme.DASHES[2]),
    }


def _carrier_marker() -> dict[str, Any]:
    return {
        "symbol": "circle-open",
        "size": 15,
        "color": "#d55e00",
        "line": {"width": 2.4, "color": "#d55e00"},
    }


def _median_marker() -> dict[str, Any]:
    return {"symbol": "line-ns", "size": 16, "color": theme.INK, "line": {"width": 3.2, "color": theme.INK}}


def _legend(grid: Panels, suite: Suite, styles: dict[str, theme.Style], told: dict[str, list[Row]]) -> None:
    axes = grid.axes(0, 0)
    names = []
    if len(suite.labels) > MOST_STYLED:
        keys = [(f"a group, of {len(styles)}", theme.Style(GREY, "circle", "solid").marker(6), "")]
    else:
        keys = [(suite.labels[group], style.marker(), group) for group, style in styles.items()]
    keys += [(CARRIES, _carrier_marker(), "")] if any(row["carries"] for row in told["influence"]) else []
    keys += [(MEDIAN, _median_marker(), "")]
    for name, marker, group in keys:
        grid.figure.add_trace(
            go.Scatter(
                x=[None],
                y=[None],
                mode="markers",
                marker=marker,
                name=name,
                legendgroup=group or name,
                **axes,
            )
        )
        names.append(name)
    tried = {row["resource"] for row in told["power"] if known(row["power"])}
    for resource, style in _resources().items():
        if resource not in tried:
            continue
        key = theme.legend_key(resource, style, mode="lines", legendgroup=resource, **axes)
        grid.figure.add_trace(key)
        names.append(resource)
    legend_right(grid, names)


def _notes(told: dict[str, list[Row]]) -> list[str]:
    notes = [
        "Right: line, median over groups; band, from the least to the greatest. The level is a power of 80%."
    ]
    why = distinct(
        (row["resource"], row["status"]) for row in told["power"] if row["status"] not in (None, "ok")
    )
    notes += [f"Power, {resource}: {status}." for resource, status in why[:4]]
    lost = distinct((row["form"], row["status"]) for row in told["forms"] if not known(row["rmse_log"]))
    notes += [f"{_words(form)}: {status}." for form, status in lost[:4]]
    return notes
