"""Backtests of forecasts: candidates fitted to the smaller computes and tested on the larger."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, power_of_ten
from relscale.figures.data import distinct
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow, ForecastRow

BINS = 4  # of distance, for errors and coverage
FEWEST = 3  # backtests behind a point
ROOM = 1.4  # of the weights' axis, for the candidates' names at the right of their marks
DISTANCE = "extrapolation factor in compute"
LINE = chart.Style(chart.INK, "diamond", size=9, width=3)  # the ensemble's


def candidate_styles(forecasts: Sequence[ForecastRow]) -> dict[str, chart.Style]:
    """Style of each candidate; the ensemble is the only diamond and the only solid line."""
    candidates = sorted({str(row.candidate) for row in forecasts} - {ENSEMBLE})
    symbols, dashes = [symbol for symbol in chart.FILLED if symbol != "diamond"], chart.DASHES[1:]
    return {
        name: chart.Style(
            chart.COLOURS[i % len(chart.COLOURS)], symbols[i % len(symbols)], dashes[i % len(dashes)]
        )
        for i, name in enumerate(candidates)
    }


def backtest_panels(
    tests: Sequence[BacktestRow], forecasts: Sequence[ForecastRow], style: Mapping[str, chart.Style]
) -> list[Callable[[chart.Panel], None]]:
    """The panels below the forecasts: backtest error and coverage, if any, and the weights."""
    parts: list[tuple[bool, Callable[[chart.Panel], None]]] = [
        (bool(tests), lambda panel: _draw_errors(panel, tests, style)),
        (bool(tested(tests)), lambda panel: _draw_coverage(panel, tests)),
        (True, lambda panel: _draw_weights(panel, forecasts, style)),
    ]
    return [draw for is_shown, draw in parts if is_shown]


def _draw_errors(panel: chart.Panel, tests: Sequence[BacktestRow], style: Mapping[str, chart.Style]) -> None:
    """Median absolute backtest error of each candidate by extrapolation factor."""
    curves = {}
    for name in (*style, ENSEMBLE):
        bins = _bins([row for row in tests if row.candidate == name])
        errors = [100 * median(abs(number(row.log_error)) for row in rows) for rows in bins]
        curves[name] = ([math.exp(median(row.log_distance for row in rows)) for rows in bins], errors)
    x = chart.log_axis([value for xs, _ in curves.values() for value in xs], DISTANCE)
    panel.axes(x, chart.log_axis([value for _, ys in curves.values() for value in ys], "median error (%)"))
    for name, (xs, ys) in curves.items():
        mark = LINE if name == ENSEMBLE else replace(style[name], size=7, width=1.4)
        hover = f"{name}<br>%{{x}} × the compute<br>%{{y}}%"
        panel.line(xs, ys, mark, markers=True, hover=hover, group=name)
    groups = {(row.corpus, row.optimizer, row.group) for row in tests}
    origins = {(row.corpus, row.optimizer, row.origin_flops) for row in tests}
    panel.heading("Backtest error", f"{len(origins)} origins, {len(groups)} curves" if tests else "")
    if not any(ys for _, ys in curves.values()):
        panel.message("too few budgets for a backtest")


def _draw_coverage(panel: chart.Panel, tests: Sequence[BacktestRow]) -> None:
    """Coverage of the ensemble's intervals by extrapolation factor."""
    intervals = tested(tests)
    bins = _bins(intervals)
    distances = [math.exp(median(row.log_distance for row in rows)) for rows in bins]
    share = [100 * sum(bool(row.covered) for row in rows) / len(rows) for rows in bins]
    y = chart.linear_axis([*share, 50, 100], "interval coverage (%)", most=6)
    panel.axes(chart.log_axis(distances, DISTANCE), y)
    overall = sum(bool(row.covered) for row in intervals) / len(intervals)
    panel.heading("Backtest coverage", f"{overall:.1%} of {len(intervals):,} overlapping tests")
    for level in distinct(row.level for row in intervals if known(row.level)):
        panel.reference_line(100 * level)
    panel.line(
        distances,
        share,
        LINE,
        markers=True,
        about=[len(rows) for rows in bins],
        hover="%{x} × the compute<br>%{y}% of %{customdata} intervals",
        group=ENSEMBLE,
    )


def tested(tests: Sequence[BacktestRow]) -> list[BacktestRow]:
    """The ensemble's backtests with an interval."""
    return [row for row in tests if row.candidate == ENSEMBLE and row.covered is not None]


def _draw_weights(
    panel: chart.Panel, forecasts: Sequence[ForecastRow], style: Mapping[str, chart.Style]
) -> None:
    """Weight of each candidate in the ensemble: mean over groups, at the farthest target."""
    farthest = max(number(row.training_flops) for row in forecasts)
    rows = [row for row in forecasts if row.training_flops == farthest and row.candidate in style]
    weights: dict[str, list[float]] = {}
    for row in rows:
        if row.weight is not None:
            weights.setdefault(str(row.candidate), []).append(row.weight)
    share = {name: 100 * sum(values) / len(values) for name, values in weights.items()}
    names = sorted(share, key=lambda name: -share[name])
    x = chart.linear_axis([0, *share.values()], "weight in the forecast (%)", most=4, pad=0.06)
    least, most = x["range"]
    x |= {"zeroline": True, "range": [least, most + ROOM * (most - least)]}
    panel.axes(x, chart.names_axis([""] * max(len(names), 1)) | {"ticks": ""})
    panel.heading("Weights", f"mean over groups, at {power_of_ten(float(f'{farthest:.2g}'))} FLOPs")
    for position, name in enumerate(names):
        hover = f"{name}: %{{x}}%"
        panel.points([share[name]], [position], replace(style[name], size=9), hover=hover, group=name)
    panel.names(
        [share[name] for name in names], range(len(names)), [name.replace("_", " ") for name in names]
    )


def _bins(tests: Sequence[BacktestRow]) -> list[list[BacktestRow]]:
    """Bins of tests by distance, of about equal size; equal distances are in the same bin."""
    ordered = sorted(tests, key=lambda row: row.log_distance)
    size = max(FEWEST, math.ceil(len(ordered) / BINS))
    bins: list[list[BacktestRow]] = []
    for _, rows in groupby(ordered, key=lambda row: round(row.log_distance, 2)):
        if bins and len(bins[-1]) < size:
            bins[-1] += rows
        else:
            bins.append(list(rows))
    return [rows for rows in bins if len(rows) >= FEWEST]
