"""Mixtures of text: what a law of mixtures says of each that was tried, and the best mixture by it.

Left: the law's value over what was measured, for every target of every mixture; mixtures that the law predicts without
having been fitted to them have their prediction intervals. Right: the shares of the best mixture, beside those of the
best that was measured and of the prior.
"""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number, significant
from relscale.figures.data import FigureData
from relscale.figures.select import reason
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.estimation.mixture_optima import MixtureOptimumRow, MixturePointRow
from relscale.measurements.measurement import SHARE
from relscale.questions.mixture import DIVERGENCE, MEAN

TITLE = "Mixtures of text"
MOST_FITS = 3
HOVER = "%{{customdata}}<br>measured %{{x}}, {} %{{y}}"
EQUAL = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.4)
HELD_OUT = chart.Style(chart.INK, "star", size=13)
BEST = chart.Style(chart.INK, size=10)
MEASURED = chart.Style(chart.INK, "diamond-open", size=11)
PRIOR = chart.Style(chart.MEDIUM, "line-ns", size=14, width=2)


def draw(data: FigureData) -> go.Figure:
    """Draw every law of mixtures that the config asks for its optimum."""
    optima: dict[str, list[MixtureOptimumRow]] = {}
    for row in data.rows(MixtureOptimumRow):
        optima.setdefault(row.fit, []).append(row)
    if not optima:
        return chart.empty(TITLE, "The config asks no law of mixtures for its optimum (fit.laws: optimum).")
    shown = list(optima)[:MOST_FITS]
    points = {fit: [row for row in data.rows(MixturePointRow) if row.fit == fit] for fit in shown}
    ahead = {fit: [row for row in data.rows(PredictionRow) if row.fit == fit] for fit in shown}
    style = chart.styles(list(dict.fromkeys(row.target for rows in points.values() for row in rows)))
    names = [row.quantity.removeprefix(SHARE) for rows in optima.values() for row in rows]
    panels = chart.grid(TITLE, len(shown), 2, width=380, height=330, gap_x=110, lines=3, names=names)
    for place, fit in enumerate(shown):
        _draw_fit(panels.panel(place, 0), fit, points[fit], ahead[fit], style)
        _draw_optimum(panels.panel(place, 1), optima[fit])
    keys = [chart.Key(target, mark, "markers", group=target) for target, mark in style.items()]
    held_out = [chart.Key("predicted, not fitted", HELD_OUT, "markers")] if any(ahead.values()) else []
    best = [
        chart.Key(*key, "markers")
        for key in (("best by the law", BEST), ("best measured", MEASURED), ("prior", PRIOR))
    ]
    panels.key([*keys, *held_out, *best])
    left_out = len(optima) - len(shown)
    panels.notes(
        "Left, the law is fitted to the mixtures that it is compared with; stars are mixtures that it predicts, with "
        "prediction intervals. Right, bars are 95% intervals of resampled mixtures.",
        *(
            f"{row.quantity.removeprefix(SHARE)}: {row.note}."
            for fit in shown
            for row in optima[fit]
            if row.note
        ),
        *(
            f"{row.run}, {row.group}: {reason(row)}."
            for fit in shown
            for row in ahead[fit]
            if row.status != "ok"
        ),
        f"{left_out} more laws are in mixtures.parquet." if left_out else "",
    )
    return panels.figure


def _draw_fit(
    panel: chart.Panel,
    fit: str,
    points: Sequence[MixturePointRow],
    ahead: Sequence[PredictionRow],
    style: Mapping[str, chart.Style],
) -> None:
    """The law's value over what was measured, by target."""
    usable = [row for row in ahead if known(row.observed, row.predicted)]
    values = [value for row in points for value in (row.observed, row.fitted)]
    values += [number(value) for row in usable for value in (row.observed, row.predicted)]
    panel.axes(chart.log_axis(values, "measured"), chart.log_axis(values, "by the law"))
    errors = [abs(row.fitted / row.observed - 1) for row in points]
    heading = f"{points[0].law.replace('_', ' ')}, {len({row.run for row in points})} mixtures"
    panel.heading(fit.replace("_", " "), heading, f"mean difference {100 * sum(errors) / len(errors):.2g}%")
    panel.line([min(values), max(values)], [min(values), max(values)], EQUAL)
    for target, mark in style.items():
        own = [row for row in points if row.target == target]
        at, value, runs = zip(*((row.observed, row.fitted, row.run) for row in own), strict=True)
        panel.points(at, value, mark, about=runs, hover=HOVER.format("by the law"), name=target, group=target)
    x, y = [row.observed for row in usable], [row.predicted for row in usable]
    low, high = [row.low for row in usable], [row.high for row in usable]
    about = [f"{row.run}, {row.group}" for row in usable]
    panel.points(x, y, HELD_OUT, low=low, high=high, about=about, hover=HOVER.format("predicted"))


def _draw_optimum(panel: chart.Panel, rows: Sequence[MixtureOptimumRow]) -> None:
    """The best mixture, and what its mean is worth."""
    shares = [row for row in rows if row.quantity.startswith(SHARE)]
    mean, divergence = (next(row for row in rows if row.quantity == name) for name in (MEAN, DIVERGENCE))
    limits = [
        value for row in shares for value in (row.value, row.low, row.high, row.best_measured) if known(value)
    ]
    names = [row.quantity.removeprefix(SHARE) for row in shares]
    panel.axes(chart.linear_axis(limits, "share", zero=True), chart.names_axis(names))
    panel.heading(
        "The best mixture",
        f"mean {estimate(mean.value, mean.low, mean.high)}; best measured "
        f"{significant(number(mean.best_measured), 4)}, prior {significant(number(mean.prior), 4)}",
        f"divergence {significant(divergence.value, 2)} nats, weight {significant(rows[0].kl, 2)}",
    )
    for place, row in enumerate(shares):
        panel.forest_mark(place, row.value, row.low, row.high, BEST, estimate(row.value, row.low, row.high))
        panel.points([row.prior], [place], PRIOR, hover="prior: %{x}")
        panel.points([row.best_measured], [place], MEASURED, hover="best measured: %{x}")
