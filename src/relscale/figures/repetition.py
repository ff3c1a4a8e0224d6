"""The value of repeated data: the law of data-constrained training, with its runs.

One row per fit of ``data_constrained``. Left: loss of every run against the number of epochs, with the fitted law, one
line per size and number of training tokens. Right: effective tokens by the law against training tokens, one line per
number of unique tokens.
"""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import significant
from relscale.figures.data import FigureData
from relscale.figures.options import SeveralFits
from relscale.figures.repetition_fit import RepetitionFit, repetition_fits
from relscale.measurements.metric import Metric

TITLE = "Loss and repetitions"
MOST_FITS = 3
MOST_LINES = 12  # lines that colour, symbol and dash can distinguish
POINTS = 60  # points of a law's line
ALL_UNIQUE = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


def draw(data: FigureData, options: SeveralFits) -> go.Figure:
    """Draw every fit of ``data_constrained``."""
    all_fits = repetition_fits(data, options.fits)
    if not all_fits:
        return chart.empty(TITLE, "The config requests no law data_constrained, or none could be fitted.")
    shown = all_fits[:MOST_FITS]
    right = chart.end_labels_width([_words(max(fitted.unique), "unique") for fitted in shown])
    panels = chart.grid(TITLE, len(shown), 2, width=400, height=340, gap_x=100, right=right, lines=1)
    designs = sorted({design for fitted in shown for design in fitted.designs})
    style = chart.styles(designs[:MOST_LINES])
    for row, fitted in enumerate(shown):
        _draw_losses(panels.panel(row, 0), fitted, style)
        _draw_effective(panels.panel(row, 1), fitted)
    names = {design: f"{_words(design[0], 'parameters')}, {_words(design[1], 'tokens')}" for design in style}
    panels.key(
        [
            *(chart.Key(names[design], mark, group=str(design)) for design, mark in style.items()),
            chart.Key("if all tokens were unique", ALL_UNIQUE, "lines"),
        ]
    )
    panels.notes(
        "Each point is a run, each line the fitted law at constant training tokens and decreasing unique "
        "tokens. In the law, additional tokens never increase the loss, even if repeated often.",
        *(fitted.note for fitted in shown),
        _left_out(len(all_fits) - len(shown), "fits"),
        _left_out(len(designs) - len(style), "sizes and numbers of tokens"),
    )
    return panels.figure


def _draw_losses(
    panel: chart.Panel, fitted: RepetitionFit, style: Mapping[tuple[float, float], chart.Style]
) -> None:
    """Draw the loss of every run over epochs, and the law for each size and number of tokens."""
    epochs = fitted.tokens / fitted.unique
    panel.axes(
        chart.log_axis(epochs, "epochs"),
        chart.log_axis(fitted.loss, Metric.parse(str(fitted.rows[0].metric)).title),
    )
    panel.heading(fitted.name)
    for (params, tokens), mark in style.items():
        in_design = (fitted.params == params) & (fitted.tokens == tokens)
        if not in_design.any():
            continue
        group = str((params, tokens))
        line_epochs = np.geomspace(epochs[in_design].min(), epochs[in_design].max(), POINTS)
        law = fitted.fitted_loss(params, tokens, tokens / line_epochs)
        panel.line(list(line_epochs), list(law), mark, name=group, group=group)
        panel.points(
            list(epochs[in_design]),
            list(fitted.loss[in_design]),
            mark,
            details=[fitted.names[i] for i in np.flatnonzero(in_design)],
            hover="%{customdata}<br>%{x} epochs: %{y}",
            name=group,
            group=group,
        )


def _draw_effective(panel: chart.Panel, fitted: RepetitionFit) -> None:
    """Draw the law's effective tokens over training tokens, one line per number of repeated unique tokens."""
    repeated = fitted.repeated
    lines = {
        unique: np.geomspace(unique, most, POINTS) for unique, most in list(repeated.items())[:MOST_LINES]
    }
    tokens = [*fitted.tokens, *repeated]
    title = "training tokens (unique tokens times repetitions)"
    panel.axes(
        chart.log_axis(tokens, title, powers=True), chart.log_axis(tokens, "effective tokens", powers=True)
    )
    panel.line([min(tokens), max(tokens)], [min(tokens), max(tokens)], ALL_UNIQUE)
    labels = []
    for (unique, drawn), mark in zip(lines.items(), chart.ordered_styles(list(lines)).values(), strict=True):
        effective = fitted.effective(drawn, unique)
        panel.line(list(drawn), list(effective), mark, hover="%{x} training tokens, %{y} effective tokens")
        labels.append(chart.EndLabel(_words(unique, "unique"), float(effective[-1]), mark))
    chart.end_labels(panel, labels)
    panel.heading("Effective number of tokens", f"R_D = {fitted.estimate('repeats')} repetitions")


def _left_out(count: int, noun: str) -> str:
    return f"{count} further {noun} are not shown." if count else ""


def _words(count: float, noun: str) -> str:
    return f"{significant(count, 3)} {noun}"
