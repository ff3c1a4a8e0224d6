"""Forecasts of a suite's gaps, or errors, beyond the data, with prediction intervals and backtests.

Top: one panel per group with the observations, the fitted law, and at each target the forecast with its prediction
interval and the candidates. Bottom: backtests of the candidates, fitted to the smaller budgets and tested on the
larger: error, and interval coverage.
"""

import math

import plotly.graph_objects as go
from pydantic import Field

from relscale.figures import chart
from relscale.figures.backtests import backtest_panels, interval_tests
from relscale.figures.candidate_weights import candidate_styles
from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData, Quantity, distinct
from relscale.figures.forecast_panel import KEYS, draw_group_forecast
from relscale.figures.group_forecast import group_forecast, largest_first
from relscale.figures.options import OneSuite
from relscale.figures.select import between_groups, levels, reason, series_rows
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow, ForecastRow

PER_SUITE = True
QUANTITIES: tuple[Quantity, ...] = ("ratio", "error")  # the first with forecasts is shown
MOST_PANELS, COLUMNS = 6, 3  # panels of a series and group each, for the largest gaps


class Options(OneSuite):
    """Options of the figure ``forecast``."""

    quantity: Quantity | None = Field(
        None,
        description="Errors relative to the baseline (ratio), or errors; by default ratios if they were forecast.",
    )


def draw(data: FigureData, options: Options) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of this name.
    """
    suite = data.required_suite("forecast", options)
    title = f"Forecast: {suite.title}"
    rows = between_groups(data.rows(ForecastRow, **suite.key))
    ensembles = [row for row in rows if row.candidate == ENSEMBLE and known(row.value)]
    quantities = [name for name in QUANTITIES if any(row.quantity == name for row in ensembles)]
    quantity = options.quantity or (quantities[0] if quantities else None)
    if quantity is None or quantity not in quantities:
        reasons = distinct(reason(row) for row in rows if not known(row.value))
        explanation = f"No forecast was possible: {reasons[0]}." if reasons else "The config requests none."
        return chart.empty(title, f"The suite {suite.name!r} has no forecasts. {explanation}")
    rows = [row for row in rows if row.quantity == quantity]
    ensembles = [row for row in ensembles if row.quantity == quantity]
    tests = between_groups(data.rows(BacktestRow, **suite.key, quantity=quantity))
    tests = [row for row in tests if known(row.log_error)]
    largest = largest_first(data, ensembles)
    style = candidate_styles(rows)
    forecast_rows = math.ceil(min(len(largest), MOST_PANELS) / COLUMNS)
    heights = [300] * forecast_rows + [250]
    panels = chart.grid(title, len(heights), COLUMNS, height=heights, gap_x=92, lines=2)
    shown = [
        group_forecast(data, suite, series, group, quantity, series_rows(series, rows))
        for series, group in largest[:MOST_PANELS]
    ]
    for i, shown_forecast in enumerate(shown):
        draw_group_forecast(panels.panel(i // COLUMNS, i % COLUMNS), suite, quantity, shown_forecast, style)
    for column, draw_panel in enumerate(backtest_panels(tests, rows, style)):
        draw_panel(panels.panel(forecast_rows, column))
    panels.key(
        [*KEYS, *(chart.Key(name.replace("_", " "), mark, group=name) for name, mark in style.items())]
    )
    level, more = levels(ensembles), len(largest) - MOST_PANELS
    panels.notes(
        f"Bars: {level} prediction interval of the ensemble; its weights and width are calibrated by the "
        "backtest below."
        if level
        else "No forecast has an interval: there are too few budgets for a backtest.",
        "A bar without a cap extends beyond its panel; its limits are in the heading."
        if any(shown_forecast.is_clipped for shown_forecast in shown)
        else "",
        "Verdicts refer to the gap inside the data, by p-values adjusted over the suite's gaps."
        * (quantity == "ratio"),
        "Backtest: the same candidates fitted to the smaller computes and tested on the larger."
        if tests
        else "",
        "The horizontal line is the nominal level of the intervals."
        if interval_tests(tests)
        else "The coverage of intervals could not be tested: that needs earlier origins, and there are too few "
        "budgets.",
        f"{more} further groups are in forecasts.parquet; the largest gaps are shown." if more > 0 else "",
        *(f"Forecasts: {text}." for text in distinct(reason(row) for row in ensembles if row.status != "ok")),
    )
    return panels.figure
