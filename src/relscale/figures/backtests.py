"""Backtests of forecasts: candidates fitted to the smaller computes and tested on the larger."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

from relscale.figures import chart
from relscale.figures.chart.numbers import known
from relscale.figures.data import Row, distinct

ENSEMBLE = "ensemble"
BINS = 4  # of distance, for errors and coverage
FEWEST = 3  # backtests behind a point
DISTANCE = "compute beyond the fitted data (factor)"
LINE = chart.Style(chart.INK, "diamond", size=9, width=3)  # the ensemble's


def draw_errors(panel: chart.Panel, tests: Sequence[Row], style: Mapping[str, chart.Style]) -> None:
    """Median absolute error of each candidate against how far beyond its data it forecast."""
    curves = {}
    for name in (*style, ENSEMBLE):
        bins = _bins([row for row in tests if row.candidate == name])
        errors = [100 * median(abs(row.log_error) for row in rows) for rows in bins]
        curves[name] = ([math.exp(median(row.log_distance for row in rows)) for rows in bins], errors)
    x = chart.log_axis([value for xs, _ in curves.values() for value in xs], DISTANCE)
    panel.axes(x, chart.log_axis([value for _, ys in curves.values() for value in ys], "median error (%)"))
    for name, (xs, ys) in curves.items():
        one = LINE if name == ENSEMBLE else replace(style[name], size=7, width=1.4)
        hover = f"{name}<br>%{{x}} × the compute<br>%{{y}}%"
        panel.line(xs, ys, one, markers=True, hover=hover, group=name)
    groups = {(row.corpus, row.optimizer, row.group) for row in tests}
    origins = {(row.corpus, row.optimizer, row.origin_flops) for row in tests}
    panel.heading("Backtest error", f"{len(origins)} origins, {len(groups)} curves" if tests else "")
    if not any(ys for _, ys in curves.values()):
        panel.message("there are too few budgets for a backtest")


def draw_coverage(panel: chart.Panel, tests: Sequence[Row]) -> None:
    """The share of the ensemble's intervals that covered the outcome, against how far beyond its data it forecast."""
    own = [row for row in tests if row.candidate == ENSEMBLE and row.covered is not None]
    bins = _bins(own)
    distances = [math.exp(median(row.log_distance for row in rows)) for rows in bins]
    share = [100 * sum(row.covered for row in rows) / len(rows) for rows in bins]
    y = chart.linear_axis([*share, 50, 100], "interval coverage (%)", most=6)
    panel.axes(chart.log_axis(distances, DISTANCE), y)
    if not own:
        panel.heading("Backtest coverage")
        panel.message("there are too few budgets to test an interval")
        return
    overall = sum(row.covered for row in own) / len(own)
    panel.heading("Backtest coverage", f"{overall:.1%} of {len(own):,} overlapping tests")
    for level in distinct(row.level for row in own if known(row.level)):
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


def _bins(tests: Sequence[Row]) -> list[list[Row]]:
    """Tests of like distance together, about as many in each; equal distances are never parted."""
    ordered = sorted(tests, key=lambda row: row.log_distance)
    size = max(FEWEST, math.ceil(len(ordered) / BINS))
    bins: list[list[Row]] = []
    for _, rows in groupby(ordered, key=lambda row: round(row.log_distance, 2)):
        if bins and len(bins[-1]) < size:
            bins[-1] += rows
        else:
            bins.append(list(rows))
    return [rows for rows in bins if len(rows) >= FEWEST]
