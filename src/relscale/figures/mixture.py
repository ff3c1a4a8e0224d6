"""Mixtures of text: fitted against measured values, and the optimal mixture under the law.

Left: fitted against measured value of every target and mixture; held-out mixtures are stars with prediction intervals.
Right: the shares of the optimal mixture under the law, of the best measured mixture and of the prior.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number, significant
from relscale.figures.data import FigureData
from relscale.figures.select import reason
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.estimation.mixture_optima import MixtureOptimumRow, MixturePointRow
from relscale.measurements.measurement import SHARE
from relscale.measurements.metric import Metric
from relscale.questions.mixture import DIVERGENCE, MEAN

TITLE = "Mixtures of text"
MOST_FITS = 3
HOVER = "%{{customdata}}<br>measured %{{x}}, {} %{{y}}"  # "fitted" or "predicted"
EQUAL = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.4)
HELD_OUT = chart.Style(chart.INK, "star", size=13)
BEST = chart.Style(chart.INK, size=10)
MEASURED = chart.Style(chart.INK, "diamond-open", size=11)
PRIOR = chart.Style(chart.MEDIUM, "line-ns", size=14, width=2)


def draw(data: FigureData) -> go.Figure:
    """Draw every mixture law with an optimum, one row each."""
    optima: dict[str, list[MixtureOptimumRow]] = {}
    for row in data.rows(MixtureOptimumRow):
        optima.setdefault(row.fit, []).append(row)
    if not optima:
        return chart.empty(TITLE, "The config requests no optimum of a mixture law (fit.laws: optimum).")
    shown = list(optima)[:MOST_FITS]
    points = {fit: [row for row in data.rows(MixturePointRow) if row.fit == fit] for fit in shown}
    predictions = [row for row in data.rows(PredictionRow) if row.fit in shown]
    held_out = [row for row in predictions if known(row.observed, row.predicted)]
    style = chart.styles(list(dict.fromkeys(row.target for rows in points.values() for row in rows)))
    names = [_quantity_name(row) for fit in shown for row in optima[fit]]
    panels = chart.grid(TITLE, len(shown), 2, width=380, height=330, gap_x=110, lines=3, names=names)
    for i, fit in enumerate(shown):
        _draw_fit(panels.panel(i, 0), points[fit], [row for row in held_out if row.fit == fit], style)
        _draw_optimum(panels.panel(i, 1), optima[fit])
    panels.key(
        [
            *(chart.Key(target, mark, "markers", group=target) for target, mark in style.items()),
            *[chart.Key("held-out, predicted", HELD_OUT, "markers")] * bool(held_out),
            chart.Key("optimum of the law", BEST, "markers"),
            chart.Key("best measured", MEASURED, "markers"),
            chart.Key("prior", PRIOR, "markers"),
        ]
    )
    resampled = any(known(row.low) for fit in shown for row in optima[fit])
    panels.notes(
        "Left: the law is fitted to the coloured points."
        + " Stars are held-out mixtures, with prediction intervals." * bool(held_out)
        + " Right: bars are 95% intervals by resampling mixtures." * resampled,
        *(f"{_quantity_name(row)}: {row.note}." for fit in shown for row in optima[fit] if row.note),
        *(f"{row.run}, {row.group}: {reason(row)}." for row in predictions if row.status != "ok"),
        f"{len(optima) - len(shown)} further laws are in mixtures.parquet."
        if len(optima) > len(shown)
        else "",
    )
    return panels.figure


def _draw_fit(
    panel: chart.Panel,
    points: Sequence[MixturePointRow],
    held_out: Sequence[PredictionRow],
    style: Mapping[str, chart.Style],
) -> None:
    """Draw fitted against measured values, by target."""
    values = [value for row in points for value in (row.observed, row.fitted)]
    values += [number(value) for row in held_out for value in (row.observed, row.predicted)]
    title = Metric.parse(points[0].metric).title if points[0].metric else "value"
    panel.axes(chart.log_axis(values, f"measured {title}"), chart.log_axis(values, f"fitted {title}"))
    error = fmean(abs(row.fitted / row.observed - 1) for row in points)
    fit, law = points[0].fit.replace("_", " "), points[0].law.replace("_", " ")
    mixtures = len({row.run for row in points})
    panel.heading(fit, f"{law}, {mixtures} mixtures", f"mean absolute error {100 * error:.2g}%")
    panel.line([min(values), max(values)], [min(values), max(values)], EQUAL)
    for target in dict.fromkeys(row.target for row in points):
        target_rows = [row for row in points if row.target == target]
        x, y = [row.observed for row in target_rows], [row.fitted for row in target_rows]
        runs = [row.run for row in target_rows]
        panel.points(
            x, y, style[target], details=runs, hover=HOVER.format("fitted"), name=target, group=target
        )
    measured, predicted = [row.observed for row in held_out], [row.predicted for row in held_out]
    low, high = [row.low for row in held_out], [row.high for row in held_out]
    names, hover = [f"{row.run}, {row.group}" for row in held_out], HOVER.format("predicted")
    panel.points(measured, predicted, HELD_OUT, low=low, high=high, details=names, hover=hover)


def _draw_optimum(panel: chart.Panel, rows: Sequence[MixtureOptimumRow]) -> None:
    """Draw the shares of the optimal mixture, and state its mean target and its divergence from the prior."""
    shares = [row for row in rows if row.quantity not in (MEAN, DIVERGENCE)]
    mean, divergence = (next(row for row in rows if row.quantity == name) for name in (MEAN, DIVERGENCE))
    limits = [end for row in shares for end in (row.value, row.low, row.high, row.best_measured, row.prior)]
    panel.axes(
        chart.linear_axis(limits, "share", zero=True),
        chart.names_axis([_quantity_name(row) for row in shares]),
    )
    panel.heading(
        "Optimal mixture",
        f"mean {estimate(mean.value, mean.low, mean.high)}; best measured "
        f"{significant(number(mean.best_measured), 4)}, prior {significant(number(mean.prior), 4)}",
        f"divergence {significant(divergence.value, 2)} nats, weight {significant(rows[0].kl, 2)}",
    )
    for y, row in enumerate(shares):
        panel.forest_mark(y, row.value, row.low, row.high, BEST, estimate(row.value, row.low, row.high))
        panel.points([row.prior], [y], PRIOR, hover="prior: %{x}")
        panel.points([row.best_measured], [y], MEASURED, hover="best measured: %{x}")


def _quantity_name(row: MixtureOptimumRow) -> str:
    return row.quantity.removeprefix(SHARE)
