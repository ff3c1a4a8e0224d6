"""The panel of a group's forecast: observations, fitted law, and the forecast and its candidates at each target."""

from collections.abc import Mapping
from dataclasses import replace

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number, power_of_ten
from relscale.figures.data import Quantity
from relscale.figures.group_forecast import GroupForecast
from relscale.figures.suite import Suite
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow

CANDIDATE_OFFSET = 12  # pixels from the forecast to the candidates at its right, which it would cover
MOST_LARGE = 60  # observations that are drawn large
OBSERVED = chart.Style(chart.MEDIUM, size=7, opacity=0.8)
SMALL_OBSERVED = replace(OBSERVED, size=4, opacity=0.3)
FITTED = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.8)
FORECAST = chart.Style(chart.INK, "diamond", size=12, width=2.2)
KEYS = (
    chart.Key("observed", OBSERVED, "markers"),
    chart.Key("fit to all data", FITTED, "lines"),
    chart.Key("forecast (ensemble)", FORECAST, group=ENSEMBLE),
)


def draw_group_forecast(
    panel: chart.Panel,
    suite: Suite,
    quantity: Quantity,
    shown: GroupForecast,
    style: Mapping[str, chart.Style],
) -> None:
    """Draw the forecast of one group's ratio or error."""
    shows_baseline = quantity == "ratio" and shown.is_near_baseline
    y = suite.ratio_title if quantity == "ratio" else suite.metric_title
    x = chart.compute_axis(shown.flops, panel.width, aside=CANDIDATE_OFFSET)
    panel.axes(x, chart.log_axis([*shown.axis_values, *[1.0] * shows_baseline], y))
    if shows_baseline:
        panel.reference_line(1.0)
    if shown.line:
        panel.line(shown.line.flops, shown.line.value, FITTED)
    panel.points(
        [point.flops for point in shown.points],
        [point.value for point in shown.points],
        OBSERVED if len(shown.points) <= MOST_LARGE else SMALL_OBSERVED,
        hover="observed<br>%{x} FLOPs<br>%{y}",
    )
    for name, rows in shown.candidates.items():
        flops = [number(row.training_flops) for row in rows]
        panel.points(
            [panel.shifted_x(at, CANDIDATE_OFFSET) for at in flops],
            [row.value for row in rows],
            replace(style[name], size=7),
            details=list(map(power_of_ten, flops)),
            hover=f"{name}<br>%{{customdata}} FLOPs<br>%{{y}}",
            group=name,
        )
    panel.points(
        [row.training_flops for row in shown.forecasts],
        [row.value for row in shown.forecasts],
        FORECAST,
        low=[row.low for row in shown.forecasts],
        high=[row.high for row in shown.forecasts],
        cap_width=7,
        details=list(map(_interval, shown.forecasts)),
        hover="forecast<br>%{x} FLOPs<br>%{customdata}",
        group=ENSEMBLE,
    )
    last = shown.forecasts[-1]
    verdict = f"; {chart.verdict_words(shown.verdict)}" if quantity == "ratio" else ""
    panel.heading(
        suite.labels.get(shown.group, shown.group),
        f"{shown.series.label}{verdict}",
        f"at {power_of_ten(float(f'{number(last.training_flops):.2g}'))} FLOPs: {_interval(last)}",
    )


def _interval(row: ForecastRow) -> str:
    text = estimate(number(row.value), row.low, row.high)
    return f"{text}, {row.origins} origins" if known(row.low, row.high) else f"{text} (no interval)"
