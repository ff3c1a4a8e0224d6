"""Backtests of forecasts, in which candidates are fitted to the smaller computes and tested on the larger."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

from relscale.figures import chart
from relscale.figures.candidate_weights import draw_weights
from relscale.figures.chart.numbers import known, number
from relscale.figures.data import distinct
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow, ForecastRow

BINS = 4  # of the distance from the fitted data, for errors and coverage
FEWEST = 3  # backtests in a bin
DISTANCE = "compute / largest fitted compute"  # below 1 for a larger model with less training
ENSEMBLE_STYLE = chart.Style(chart.INK, "diamond", size=9, width=3)


def backtest_panels(
    tests: Sequence[BacktestRow], forecasts: Sequence[ForecastRow], style: Mapping[str, chart.Style]
) -> list[Callable[[chart.Panel], None]]:
    """Functions that draw the panels below the forecasts: backtest error and coverage, if any, and weights."""
    parts: list[tuple[bool, Callable[[chart.Panel], None]]] = [
        (bool(tests), lambda panel: _draw_errors(panel, tests, style)),
        (bool(interval_tests(tests)), lambda panel: _draw_coverage(panel, tests)),
        (True, lambda panel: draw_weights(panel, forecasts, style)),
    ]
    return [draw for is_shown, draw in parts if is_shown]


def _draw_errors(panel: chart.Panel, tests: Sequence[BacktestRow], style: Mapping[str, chart.Style]) -> None:
    """Median absolute backtest error of each candidate by its distance from the fitted data."""
    curves = {}
    for name in (*style, ENSEMBLE):
        bins = _bins([row for row in tests if row.candidate == name])
        errors = [100 * median(abs(number(row.log_error)) for row in rows) for rows in bins]
        curves[name] = ([math.exp(median(row.log_distance for row in rows)) for rows in bins], errors)
    x = chart.log_axis([value for xs, _ in curves.values() for value in xs], DISTANCE)
    panel.axes(x, chart.log_axis([value for _, ys in curves.values() for value in ys], "median error (%)"))
    for name, (xs, ys) in curves.items():
        mark = ENSEMBLE_STYLE if name == ENSEMBLE else replace(style[name], size=7, width=1.4)
        hover = f"{name}<br>%{{x}} × the compute<br>%{{y}}%"
        panel.line(xs, ys, mark, markers=True, hover=hover, group=name)
    groups = {(row.corpus, row.optimizer, row.group) for row in tests}
    origins = {(row.corpus, row.optimizer, row.origin_flops) for row in tests}
    panel.heading("Backtest error", f"{len(origins)} origins, {len(groups)} curves" if tests else "")
    if not any(ys for _, ys in curves.values()):
        panel.message("too few budgets for a backtest")


def _draw_coverage(panel: chart.Panel, tests: Sequence[BacktestRow]) -> None:
    """Coverage of the ensemble's intervals by their distance from the fitted data."""
    intervals = interval_tests(tests)
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
        ENSEMBLE_STYLE,
        markers=True,
        details=[len(rows) for rows in bins],
        hover="%{x} × the compute<br>%{y}% of %{customdata} intervals",
        group=ENSEMBLE,
    )


def interval_tests(tests: Sequence[BacktestRow]) -> list[BacktestRow]:
    """The backtests of the ensemble that have an interval."""
    return [row for row in tests if row.candidate == ENSEMBLE and row.covered is not None]


def _bins(tests: Sequence[BacktestRow]) -> list[list[BacktestRow]]:
    """Bins of tests by distance, of about equal size, with equal distances in one bin."""
    ordered = sorted(tests, key=lambda row: row.log_distance)
    size = max(FEWEST, math.ceil(len(ordered) / BINS))
    bins: list[list[BacktestRow]] = []
    for _, rows in groupby(ordered, key=lambda row: round(row.log_distance, 2)):
        if bins and len(bins[-1]) < size:
            bins[-1] += rows
        else:
            bins.append(list(rows))
    return [rows for rows in bins if len(rows) >= FEWEST]
