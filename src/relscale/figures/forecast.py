"""A suite's forecasts: how far the gaps, or the errors, are expected to move beyond the data, and how sure that is.

Top: a panel for each group, with what was observed, the law through it, and at each target the forecast with its
prediction interval and what each candidate says. Bottom: the same candidates tried inside the data, fitted to the
smaller budgets and held against the larger: their error, and how often their intervals held what came.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known
from relscale.figures.curves import LAWS, VALUES
from relscale.figures.data import GROUP, FigureData, Row, Series, Suite, distinct
from relscale.figures.law_lines import law_line
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
ENSEMBLE = "ensemble"
MOST_PANELS = 6  # series and groups that get a panel; the largest gaps, where there are more
COLUMNS = 3
NEAR = 1.5  # the level of the baseline is shown where it makes the axis no longer than that
BESIDE = 12  # pixels that candidates stand to the right of the forecast, so as not to be covered by it
BINS = 4  # of distance, for errors and coverage
FEWEST = 3  # backtests behind a point
TABLES = {"ratio": "gaps", "error": "errors"}
LAW = "law through all data"
OBSERVED = "observed"
ABOUT_LOWER = (
    "Below: the same candidates inside the data, fitted to the smaller computes and held against the larger."
)


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names; ``quantity`` may be "ratio" (else "error" where there is none).

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("forecast", options)
    title = f"Forecast: {suite.title}"
    every = [row for row in data.rows("forecasts", **suite.key) if row["contrast"] in (None, GROUP)]
    ours = [row for row in every if row["candidate"] == ENSEMBLE and known(row["value"])]
    quantities = [name for name in TABLES if any(row["quantity"] == name for row in ours)]
    if not ours or options.get("quantity", quantities[0]) not in quantities:
        why = distinct(row["status"] for row in every if not known(row["value"]))
        reason = f"None could be made: {why[0]}." if why else "None was asked for."
        return empty(title, f"There are no forecasts of the suite {suite.name!r} to show. {reason}")
    quantity = options.get("quantity", quantities[0])
    every = [row for row in every if row["quantity"] == quantity]
    ours = [row for row in ours if row["quantity"] == quantity]
    places = _places(data, ours)
    shown = places[:MOST_PANELS]
    candidates = sorted({row["candidate"] for row in every} - {ENSEMBLE})
    styles = _styles(candidates)
    upper = math.ceil(len(shown) / COLUMNS)
    grid = panels(
        title,
        upper + 1,
        COLUMNS,
        width=330,
        height=[300] * upper + [250],
        gap_x=92,
        gap_y=HEADING + LINE + 70,
        top=HEADING + LINE,
    )
    for i, (series, group) in enumerate(shown):
        own = [row for row in every if row["group"] == group and _belongs(row, series)]
        _draw_group(grid, i // COLUMNS, i % COLUMNS, data, series, suite, group, quantity, own, styles)
    tests = [row for row in data.rows("backtests", **suite.key, quantity=quantity) if known(row["log_error"])]
    tests = [row for row in tests if row["contrast"] in (None, GROUP)]
    _draw_errors(grid, upper, 0, tests, styles)
    _draw_coverage(grid, upper, 1, tests)
    _draw_weights(grid, upper, 2, every, styles)
    _legend(grid, styles)
    footnotes(grid, _notes(ours, len(places) - len(shown)))
    return grid.figure


def _belongs(row: Row, series: Series) -> bool:
    return all(row[key] == value for key, value in series.key.items())


def _places(data: FigureData, ours: Sequence[Row]) -> list[tuple[Series, str]]:
    """Series and groups with a forecast, the largest gap first."""
    size: dict[tuple[Any, Any, str], float] = {}
    for row in ours:
        key = (row["corpus"], row["optimizer"], row["group"])
        size[key] = max(size.get(key, 0.0), abs(math.log(row["value"])))
    series = {(one.corpus, one.optimizer): one for one in data.series}
    ordered = sorted(size, key=lambda key: (-size[key], str(key)))
    return [(series[key[:2]], key[2]) for key in ordered if key[:2] in series]


def _styles(candidates: Sequence[str]) -> dict[str, theme.Style]:
    """Each candidate a colour, a symbol and a dash; black is the ensemble's."""
    colours, symbols, dashes = (
        theme.COLOURS[1:],
        [s for s in theme.FILLED if s != "diamond"],
        theme.DASHES[1:],
    )
    return {ENSEMBLE: theme.Style(theme.INK, "diamond", "solid")} | {
        name: theme.Style(colours[i % len(colours)], symbols[i % len(symbols)], dashes[i % len(dashes)])
        for i, name in enumerate(candidates)
    }


def _draw_group(
    grid: Panels,
    row: int,
    column: int,
    data: FigureData,
    series: Series,
    suite: Suite,
    group: str,
    quantity: str,
    forecasts: Sequence[Row],
    styles: dict[str, theme.Style],
) -> None:
    axes = grid.axes(row, column)
    table = TABLES[quantity]
    where = {**series.key, **suite.key, "group": group, "status": "ok"}
    points = data.gaps(**where) if table == "gaps" else data.rows("errors", **where)
    flops = [point["training_flops"] for point in points]
    values = [point[VALUES[table]] for point in points]
    ours = [one for one in forecasts if one["candidate"] == ENSEMBLE and known(one["value"])]
    targets = [one["training_flops"] for one in ours]
    fits = data.law_rows(**series.key, **suite.key, group=group, law=LAWS[table])
    line = law_line(fits, [*flops, *targets])
    shown = [*values, *(one["value"] for one in forecasts if known(one["value"]))]
    if line:
        grey = theme.Style("#7a7a7a", "circle", "6px,4px")
        grid.figure.add_trace(
            go.Scatter(
                x=line.flops, y=line.value, mode="lines", line=grey.line(1.8), showlegend=False, **axes
            )
        )
        shown += [line.value[0], line.value[-1]]
    x = theme.compute_axis([*flops, *targets], grid.width)
    aside = 10 ** (BESIDE * (x["range"][1] - x["range"][0]) / grid.width)
    few = len(points) <= 60
    grid.figure.add_trace(
        go.Scatter(
            x=flops,
            y=values,
            mode="markers",
            marker=_observed_marker() | {"size": 7 if few else 4, "opacity": 0.8 if few else 0.3},
            hovertemplate="observed<br>%{x:.3g} FLOPs<br>%{y:.4g}<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    for name, style in styles.items():
        own = [one for one in forecasts if one["candidate"] == name and known(one["value"])]
        if not own or name == ENSEMBLE:
            continue
        grid.figure.add_trace(
            go.Scatter(
                x=[one["training_flops"] * aside for one in own],
                y=[one["value"] for one in own],
                mode="markers",
                marker=style.marker(7),
                customdata=[one["training_flops"] for one in own],
                hovertemplate=f"{name}<br>%{{customdata:.3g}} FLOPs<br>%{{y:.4g}}<extra></extra>",
                legendgroup=name,
                showlegend=False,
                **axes,
            )
        )
    bounded = [one for one in ours if known(one["low"], one["high"])]
    reach = (max(shown) / min(shown)) ** 2 if min(shown) > 0 else math.inf  # wider bars leave the panel
    limits = [end for one in bounded for end in (one["low"], one["high"])]
    shown += [min(max(end, min(shown) / reach), max(shown) * reach) for end in limits]
    grid.figure.add_trace(
        go.Scatter(
            x=[one["training_flops"] for one in ours],
            y=[one["value"] for one in ours],
            mode="markers",
            marker=styles[ENSEMBLE].marker(12),
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [(one["high"] - one["value"]) if one in bounded else 0 for one in ours],
                "arrayminus": [(one["value"] - one["low"]) if one in bounded else 0 for one in ours],
                "color": theme.INK,
                "thickness": 2.2,
                "width": 7,
            },
            customdata=[_interval(one) for one in ours],
            hovertemplate="forecast<br>%{x:.3g} FLOPs<br>%{y:.4g} %{customdata}<extra></extra>",
            legendgroup=ENSEMBLE,
            showlegend=False,
            **axes,
        )
    )
    title = f"error relative to {suite.baseline_label} (ratio)" if table == "gaps" else suite.metric_title
    with_baseline = [*shown, 1.0]
    reach = math.log(max(shown) / min(shown)) if min(shown) > 0 else 0.0
    near = table == "gaps" and math.log(max(with_baseline) / min(with_baseline)) < NEAR * reach
    set_axes(grid, row, column, x, theme.log_axis(with_baseline if near else shown, title))
    if near:
        level_line(grid, row, column, 1.0)
    last = ours[-1]
    words = theme.DIRECTIONS[last["direction"] or "unclear"][2]
    label = suite.labels.get(group, group)
    small = f"{series.label}; at {_power(last['training_flops'])} FLOPs: {words}"
    heading(grid, row, column, label, small)


def _interval(row: Row) -> str:
    if not known(row["low"], row["high"]):
        return "(no interval)"
    return f"[{row['low']:.4g}, {row['high']:.4g}], {row['origins']} origins"


def _draw_errors(
    grid: Panels, row: int, column: int, tests: Sequence[Row], styles: dict[str, theme.Style]
) -> None:
    """Median absolute error of each candidate against how far beyond its data it spoke."""
    axes = grid.axes(row, column)
    errors: list[float] = []
    reaches: list[float] = []
    for name, style in styles.items():
        bins = _bins([one for one in tests if one["candidate"] == name])
        if not bins:
            continue
        x = [math.exp(median(one["log_distance"] for one in told)) for told in bins]
        y = [100 * median(abs(one["log_error"]) for one in told) for told in bins]
        reaches += x
        errors += y
        grid.figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                mode="lines+markers",
                line=style.line(3 if name == ENSEMBLE else 1.4),
                marker=style.marker(9 if name == ENSEMBLE else 7),
                hovertemplate=f"{name}<br>%{{x:.3g}} × the compute<br>%{{y:.2g}}%<extra></extra>",
                legendgroup=name,
                showlegend=False,
                **axes,
            )
        )
    x_axis = theme.log_axis(reaches, "compute beyond the fitted data (factor)")
    set_axes(grid, row, column, x_axis, theme.log_axis([e for e in errors if e > 0], "median error (%)"))
    heading(grid, row, column, "Tried inside the data: error", f"{_origins(tests)}")
    if not errors:
        note_in_panel(grid, row, column, "no forecast could be tried inside the data")


def _draw_coverage(grid: Panels, row: int, column: int, tests: Sequence[Row]) -> None:
    """How often the forecast's interval held what came, against how far beyond its data it spoke."""
    axes = grid.axes(row, column)
    own = [one for one in tests if one["candidate"] == ENSEMBLE and one["covered"] is not None]
    bins = _bins(own)
    reaches = [math.exp(median(one["log_distance"] for one in told)) for told in bins]
    share = [100 * sum(one["covered"] for one in told) / len(told) for told in bins]
    levels = distinct(one["level"] for one in own if known(one["level"]))
    y = theme.linear_axis([*share, 50, 100], "intervals that held what came (%)", most=6)
    set_axes(grid, row, column, theme.log_axis(reaches, "compute beyond the fitted data (factor)"), y)
    told = (
        f"{sum(one['covered'] for one in own) / len(own):.1%} of {len(own):,} overlapping tests"
        if own
        else ""
    )
    heading(grid, row, column, "Tried inside the data: coverage", told)
    if not own:
        note_in_panel(grid, row, column, "no interval could be tried inside the data")
        return
    for level in levels:
        level_line(grid, row, column, 100 * level)
    grid.figure.add_trace(
        go.Scatter(
            x=reaches,
            y=share,
            mode="lines+markers",
            line={"color": theme.INK, "width": 3},
            marker=theme.Style(theme.INK, "diamond", "solid").marker(9),
            customdata=[len(told) for told in bins],
            hovertemplate="%{x:.3g} × the compute<br>%{y:.1f}% of %{customdata} intervals<extra></extra>",
            legendgroup=ENSEMBLE,
            showlegend=False,
            **axes,
        )
    )


def _draw_weights(
    grid: Panels, row: int, column: int, forecasts: Sequence[Row], styles: dict[str, theme.Style]
) -> None:
    """What each candidate counts in the ensemble: its mean weight over the groups, at the farthest target."""
    axes = grid.axes(row, column)
    farthest = max(one["training_flops"] for one in forecasts)
    weights: dict[str, list[float]] = {}
    for one in forecasts:
        if one["training_flops"] == farthest and one["candidate"] != ENSEMBLE and known(one["weight"]):
            weights.setdefault(one["candidate"], []).append(one["weight"])
    share = {name: 100 * sum(told) / len(told) for name, told in weights.items()}
    names = sorted(share, key=lambda name: -share[name])
    y = theme.linear_axis([0, 1], "") | {
        "range": [max(len(names), 1) - 0.4, -0.6],
        "tickvals": list(range(len(names))),
        "ticktext": [""] * len(names),
        "ticks": "",
        "showgrid": False,
    }
    x = theme.linear_axis([0, *share.values()], "weight in the forecast (%)", most=6, pad=0.06) | {
        "zeroline": True
    }
    set_axes(grid, row, column, x, y)
    heading(grid, row, column, "Weights", f"mean over groups, at {_power(farthest)} FLOPs")
    grid.figure.add_trace(
        go.Scatter(
            x=[share[name] for name in names],
            y=list(range(len(names))),
            mode="markers",
            marker={
                "color": [styles[name].colour for name in names],
                "symbol": [styles[name].symbol for name in names],
                "size": 11,
            },
            text=names,
            hovertemplate="%{text}: %{x:.1f}%<extra></extra>",
            showlegend=False,
            **axes,
        )
    )


def _bins(tests: Sequence[Row]) -> list[list[Row]]:
    """Tests of like distance together, about as many in each; equal distances are never parted."""
    ordered = sorted(tests, key=lambda one: one["log_distance"])
    size = max(FEWEST, math.ceil(len(ordered) / BINS))
    bins: list[list[Row]] = []
    for _, told in groupby(ordered, key=lambda one: round(one["log_distance"], 2)):
        if bins and len(bins[-1]) < size:
            bins[-1] += told
        else:
            bins.append(list(told))
    return [told for told in bins if len(told) >= FEWEST]


def _power(flops: float) -> str:
    return theme.power_of_ten(float(f"{flops:.2g}"))


def _origins(tests: Sequence[Row]) -> str:
    curves = {(row["corpus"], row["optimizer"], row["group"]) for row in tests}
    origins = {(row["corpus"], row["optimizer"], row["origin_flops"]) for row in tests}
    return f"{len(origins)} origins, {len(curves)} curves" if tests else ""


def _observed_marker() -> dict[str, Any]:
    return {"symbol": "circle", "size": 7, "color": "#7a7a7a", "line": {"color": "white", "width": 0.8}}


def _legend(grid: Panels, styles: dict[str, theme.Style]) -> None:
    axes = grid.axes(0, 0)
    grid.figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", marker=_observed_marker(), name=OBSERVED, **axes)
    )
    dashed = theme.Style("#7a7a7a", "circle", "6px,4px")
    grid.figure.add_trace(theme.legend_key(LAW, dashed, mode="lines", **axes))
    for name, style in styles.items():
        key = theme.legend_key(_name(name), style, legendgroup=name, **axes)
        grid.figure.add_trace(key)
    legend_right(grid, [OBSERVED, LAW, *map(_name, styles)])


def _name(candidate: str) -> str:
    return "forecast (ensemble)" if candidate == ENSEMBLE else candidate.replace("_", " ")


def _notes(ours: Sequence[Row], left_out: int) -> list[str]:
    levels = "/".join(f"{level:.0%}" for level in distinct(row["level"] for row in ours if known(row["low"])))
    notes = [
        f"Bars: {levels} prediction interval of the ensemble; its weights and its width come from the tests below."
        if levels
        else "No forecast has an interval: there are too few budgets to try one inside the data."
    ]
    notes.append(ABOUT_LOWER + " The line across is the level that intervals claim.")
    notes += (
        [f"{left_out} more groups are in forecasts.parquet; the largest gaps are shown."] if left_out else []
    )
    for status in distinct(row["status"] for row in ours if row["status"] != "ok"):
        notes.append(f"{status}.")
    return notes
