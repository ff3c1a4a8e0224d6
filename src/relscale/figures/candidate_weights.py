"""Weights of the candidates in the forecast ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from relscale.figures import chart
from relscale.figures.chart.numbers import number, power_of_ten
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow

NAME_SPACE = (
    1.4  # length of the axis to the right of the weights, for names, as a multiple of the range of weights
)


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


def draw_weights(
    panel: chart.Panel, forecasts: Sequence[ForecastRow], style: Mapping[str, chart.Style]
) -> None:
    """Draw the weight of each candidate: the mean over groups, at the farthest target."""
    farthest = max(number(row.training_flops) for row in forecasts)
    weights: dict[str, list[float]] = {}
    for row in forecasts:
        if row.training_flops == farthest and row.candidate in style and row.weight is not None:
            weights.setdefault(str(row.candidate), []).append(row.weight)
    percent = {name: 100 * fmean(values) for name, values in weights.items()}
    names = sorted(percent, key=lambda name: -percent[name])
    x = chart.linear_axis([0, *percent.values()], "weight in the forecast (%)", most=4, pad=0.06)
    low, high = x["range"]
    x |= {"zeroline": True, "range": [low, high + NAME_SPACE * (high - low)]}
    panel.axes(x, chart.names_axis([""] * max(len(names), 1)) | {"ticks": ""})
    panel.heading("Weights", f"mean over groups, at {power_of_ten(float(f'{farthest:.2g}'))} FLOPs")
    for position, name in enumerate(names):
        hover = f"{name}: %{{x}}%"
        panel.points([percent[name]], [position], replace(style[name], size=9), hover=hover, group=name)
    labels = [f"   {name.replace('_', ' ')}" for name in names]
    panel.texts([percent[name] for name in names], range(len(names)), labels, size=chart.SIZE - 3)
