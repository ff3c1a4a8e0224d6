"""A suite's forecasts: how far the gaps, or the errors, are expected to move beyond the data, and how sure that is.

Top: a panel for each group, with what was observed, the law fitted to it, and at each target the forecast with its
prediction interval and the value of each candidate. Bottom: the backtest of the same candidates, fitted to the smaller
budgets and tested on the larger: their error, and the coverage of their intervals.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.backtests import ENSEMBLE, draw_coverage, draw_errors
from relscale.figures.chart.numbers import estimate, known, power_of_ten
from relscale.figures.curves import LAWS, VALUES
from relscale.figures.data import GROUP, FigureData, Row, Series, Suite, distinct
from relscale.figures.law_lines import law_line
from relscale.figures.select import levels, of

PER_SUITE = True
TABLES = {"ratio": "gaps", "error": "errors"}
MOST_PANELS = 6  # series and groups that get a panel; the largest gaps, where there are more
COLUMNS = 3
NEAR = 1.5  # the level of the baseline is shown where it makes the axis no longer than that
BESIDE = 12  # pixels that candidates stand to the right of the forecast, so as not to be covered by it
OBSERVED = chart.Style(chart.MEDIUM, size=7, opacity=0.8)
FITTED = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.8)
FORECAST = chart.Style(chart.INK, "diamond", size=12, width=2.2)


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names; ``quantity`` may be "ratio" (else "error" where there is none).

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("forecast", options)
    title = f"Forecast: {suite.title}"
    every = [row for row in data.rows("forecasts", **suite.key) if row.contrast in (None, GROUP)]
    made = [row for row in every if row.candidate == ENSEMBLE and known(row.value)]
    quantities = [name for name in TABLES if any(row.quantity == name for row in made)]
    if not made or options.get("quantity", quantities[0]) not in quantities:
        why = distinct(row.reason for row in every if not known(row.value))
        reason = f"None could be made: {why[0]}." if why else "None was asked for."
        return chart.empty(title, f"There are no forecasts of the suite {suite.name!r} to show. {reason}")
    quantity = options.get("quantity", quantities[0])
    every = [row for row in every if row.quantity == quantity]
    made = [row for row in made if row.quantity == quantity]
    largest = _largest_first(data, made)
    style = _styles(sorted({row.candidate for row in every} - {ENSEMBLE}))
    upper = math.ceil(min(len(largest), MOST_PANELS) / COLUMNS)
    panels = chart.grid(
        title,
        upper + 1,
        COLUMNS,
        height=[300] * upper + [250],
        gap_x=92,
        gap_y=chart.HEADING + chart.LINE + 70,
        top=chart.HEADING + chart.LINE,
    )
    for i, (series, group) in enumerate(largest[:MOST_PANELS]):
        own = [row for row in of(series, every) if row.group == group and known(row.value)]
        _draw_group(
            panels.panel(i // COLUMNS, i % COLUMNS), data, series, suite, TABLES[quantity], own, style
        )
    tests = [row for row in data.rows("backtests", **suite.key, quantity=quantity) if known(row.log_error)]
    tests = [row for row in tests if row.contrast in (None, GROUP)]
    draw_errors(panels.panel(upper, 0), tests, style)
    draw_coverage(panels.panel(upper, 1), tests)
    _draw_weights(panels.panel(upper, 2), every, style)
    keys = [chart.Key("observed", OBSERVED, "markers"), chart.Key("fit to all data", FITTED, "lines")]
    keys.append(chart.Key("forecast (ensemble)", FORECAST, group=ENSEMBLE))
    panels.key([*keys, *(chart.Key(name.replace("_", " "), one, group=name) for name, one in style.items())])
    level, more = levels(made), len(largest) - MOST_PANELS
    panels.notes(
        f"Bars: {level} prediction interval of the ensemble; its weights and its width come from the backtest below."
        if level
        else "No forecast has an interval: there are too few budgets for a backtest.",
        "Backtest: the same candidates fitted to the smaller computes and tested on the larger. The line across is the "
        "nominal level of the intervals.",
        f"{more} more groups are in forecasts.parquet; the largest gaps are shown." if more > 0 else "",
        *(f"{status}." for status in distinct(row.reason for row in made if row.status != "ok")),
    )
    return panels.figure


def _largest_first(data: FigureData, made: Sequence[Row]) -> list[tuple[Series, str]]:
    """Series and groups with a forecast, the largest gap first."""
    size: dict[tuple[Any, Any, str], float] = {}
    for row in made:
        key = (row.corpus, row.optimizer, row.group)
        size[key] = max(size.get(key, 0.0), abs(math.log(row.value)))
    series = {(one.corpus, one.optimizer): one for one in data.series}
    ordered = sorted(size, key=lambda key: (-size[key], str(key)))
    return [(series[key[:2]], key[2]) for key in ordered if key[:2] in series]


def _styles(candidates: Sequence[str]) -> dict[str, chart.Style]:
    """A colour, a symbol and a dash for each candidate; the ensemble is the only diamond and the only solid line."""
    symbols = [symbol for symbol in chart.FILLED if symbol != "diamond"]
    return {
        name: chart.Style(
            chart.COLOURS[i % len(chart.COLOURS)],
            symbols[i % len(symbols)],
            chart.DASHES[1:][i % (len(chart.DASHES) - 1)],
        )
        for i, name in enumerate(candidates)
    }


def _draw_group(
    panel: chart.Panel,
    data: FigureData,
    series: Series,
    suite: Suite,
    table: str,
    forecasts: Sequence[Row],
    style: Mapping[str, chart.Style],
) -> None:
    """What was observed of one group, the fitted law, and at each target the forecast beside its candidates."""
    group = forecasts[0].group
    key = {**series.key, **suite.key, "group": group}
    points = data.gaps(**key, status="ok") if table == "gaps" else data.rows(table, **key, status="ok")
    flops = [point.training_flops for point in points]
    values = [getattr(point, VALUES[table]) for point in points]
    made = [row for row in forecasts if row.candidate == ENSEMBLE]
    targets = [row.training_flops for row in made]
    line = law_line(data.law_rows(**key, law=LAWS[table]), [*flops, *targets])
    shown = [*values, *(row.value for row in forecasts), *([line.value[0], line.value[-1]] if line else [])]
    bounded = [known(row.low, row.high) for row in made]
    reach = (max(shown) / min(shown)) ** 2 if min(shown) > 0 else math.inf  # wider bars leave the panel
    limits = [end for row, known_ in zip(made, bounded, strict=True) if known_ for end in (row.low, row.high)]
    shown += [min(max(end, min(shown) / reach), max(shown) * reach) for end in limits]
    log_reach = math.log(max(shown) / min(shown)) if min(shown) > 0 else 0.0
    near = table == "gaps" and math.log(max(*shown, 1.0) / min(*shown, 1.0)) < NEAR * log_reach
    title = f"error relative to {suite.baseline_label} (ratio)" if table == "gaps" else suite.metric_title
    x = chart.compute_axis([*flops, *targets], panel.width, aside=BESIDE)
    panel.axes(x, chart.log_axis([*shown, *([1.0] if near else [])], title))
    if near:
        panel.reference_line(1.0)
    if line:
        panel.line(line.flops, line.value, FITTED)
    dots = OBSERVED if len(points) <= 60 else replace(OBSERVED, size=4, opacity=0.3)
    panel.points(flops, values, dots, hover="observed<br>%{x} FLOPs<br>%{y}")
    for name, one in style.items():
        own = [row for row in forecasts if row.candidate == name]
        panel.points(
            [panel.beside(row.training_flops, BESIDE) for row in own],
            [row.value for row in own],
            replace(one, size=7),
            about=[power_of_ten(row.training_flops) for row in own],
            hover=f"{name}<br>%{{customdata}} FLOPs<br>%{{y}}",
            group=name,
        )
    panel.points(
        targets,
        [row.value for row in made],
        FORECAST,
        low=[row.low if known_ else None for row, known_ in zip(made, bounded, strict=True)],
        high=[row.high if known_ else None for row, known_ in zip(made, bounded, strict=True)],
        caps=7,
        about=[_interval(row) for row in made],
        hover="forecast<br>%{x} FLOPs<br>%{customdata}",
        group=ENSEMBLE,
    )
    direction = chart.DIRECTIONS[made[-1].direction or "unclear"][1]
    where = f"{series.label}; at {_power(made[-1].training_flops)} FLOPs: {direction}"
    panel.heading(suite.labels.get(group, group), where)


def _interval(row: Row) -> str:
    words = estimate(row.value, row.low, row.high)
    return f"{words}, {row.origins} origins" if known(row.low, row.high) else f"{words} (no interval)"


def _draw_weights(panel: chart.Panel, forecasts: Sequence[Row], style: Mapping[str, chart.Style]) -> None:
    """The weight of each candidate in the ensemble: the mean over groups, at the farthest target."""
    farthest = max(row.training_flops for row in forecasts)
    weights: dict[str, list[float]] = {}
    for row in forecasts:
        if row.training_flops == farthest and row.candidate != ENSEMBLE and known(row.weight):
            weights.setdefault(row.candidate, []).append(row.weight)
    share = {name: 100 * sum(values) / len(values) for name, values in weights.items()}
    names = sorted(share, key=lambda name: -share[name])
    x = chart.linear_axis([0, *share.values()], "weight in the forecast (%)", most=6, pad=0.06)
    panel.axes(x | {"zeroline": True}, chart.names_axis([""] * max(len(names), 1)) | {"ticks": ""})
    panel.heading("Weights", f"mean over groups, at {_power(farthest)} FLOPs")
    for place, name in enumerate(names):
        hover = f"{name}: %{{x}}%"
        panel.points([share[name]], [place], replace(style[name], size=11), hover=hover, group=name)


def _power(flops: float) -> str:
    return power_of_ten(float(f"{flops:.2g}"))
