"""The value of repeated text: the law of data-constrained training, with the runs that it was fitted to.

A row is a fit of ``data_constrained`` that the config asked for. Left: the loss of every run against how often it read
its text, and the law's, one line per size and number of training tokens. Right: the law's effective tokens against
unique tokens times repetitions, one line per number of unique tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pydantic import Field

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number, significant
from relscale.figures.chart.panel import labels_width
from relscale.figures.data import FigureData, MeasuredRun, of_same_series, series_key
from relscale.figures.select import reason
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.laws import data_constrained
from relscale.measurements.metric import Metric
from relscale.rows import column
from relscale.section import Names, Section

Array = NDArray[np.float64]

TITLE = "Loss and repetitions"
PLACE = {parameter.name: place for place, parameter in enumerate(data_constrained.LAW.parameters)}
MOST_FITS = 3
MOST_LINES = 12  # which colour, symbol and dash can distinguish
POINTS = 60  # of a law's line
ALL_NEW = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


class Options(Section):
    """Which fits are shown."""

    fits: Names = Field((), description="Names of fits in the config; all by default.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRun(MeasuredRun):
    """A run, and how many of its tokens were distinct."""

    unique_tokens: float | None = column("Distinct training tokens.", "tokens")


class Fitted(NamedTuple):
    """A fit and the runs behind it: parameters N, tokens D, unique tokens U and losses, each (n,)."""

    rows: list[ParameterRow]
    names: list[str]
    params: Array
    tokens: Array
    unique: Array
    loss: Array

    @property
    def theta(self) -> Array:
        """The law's parameters, (q,)."""
        values = {row.parameter: row.value for row in self.rows}
        return np.array([values[parameter.name] for parameter in data_constrained.LAW.parameters])

    def at(self, params: float, tokens: float, unique: Array) -> Array:
        """The law's loss, (n,)."""
        x = np.stack([np.full_like(unique, params), np.full_like(unique, tokens), unique])
        return data_constrained.value(self.theta[:, None], x)

    def effective(self, tokens: Array, unique: float) -> Array:
        """D', the tokens that would be worth as much were they all new, (n,)."""
        repeats = np.array(self.theta[PLACE["repeats"]])
        return data_constrained.decayed(np.full_like(tokens, unique), tokens / unique - 1, repeats).clip(
            max=tokens
        )

    @property
    def designs(self) -> list[tuple[float, float]]:
        """Every size with every number of tokens that it was trained on."""
        return sorted(set(zip(self.params.tolist(), self.tokens.tolist(), strict=True)))


def draw(data: FigureData, options: Options) -> go.Figure:
    """Draw every such fit."""
    fits: dict[tuple[object, ...], list[ParameterRow]] = {}
    for row in data.rows(ParameterRow, law=data_constrained.LAW.name):
        if row.fit and row.fit in (options.fits or [row.fit]):
            fits.setdefault((row.fit, *series_key(row)), []).append(row)
    all_fits = [fitted for rows in fits.values() if (fitted := _fitted(data, rows))]
    if not all_fits:
        return chart.empty(TITLE, "The config asks for no law data_constrained, or none could be fitted.")
    shown = all_fits[:MOST_FITS]
    right = labels_width([_words(max(fitted.unique), "unique") for fitted in shown])
    panels = chart.grid(TITLE, len(shown), 2, width=400, height=340, gap_x=100, right=right, lines=1)
    designs = sorted({design for fitted in shown for design in fitted.designs})
    style = chart.styles(designs[:MOST_LINES])
    for place, fitted in enumerate(shown):
        _draw_losses(panels.panel(place, 0), fitted, style)
        _draw_effective(panels.panel(place, 1), fitted)
    names = {design: f"{_words(design[0], 'parameters')}, {_words(design[1], 'tokens')}" for design in style}
    panels.key(
        [
            *(chart.Key(names[design], mark, group=str(design)) for design, mark in style.items()),
            chart.Key("were all tokens new", ALL_NEW, "lines"),
        ]
    )
    panels.notes(
        "Each point is a run, each line the fitted law; along a line there are as many tokens and fewer distinct ones. "
        "By the law more tokens never make a loss rise, however often their text is repeated.",
        *(_note(fitted) for fitted in shown),
        _left_out(len(all_fits) - len(shown), "such fits"),
        _left_out(len(designs) - len(style), "sizes and numbers of tokens"),
    )
    return panels.figure


def _fitted(data: FigureData, rows: list[ParameterRow]) -> Fitted | None:
    """The runs behind a fit; None where a parameter or every run is unknown."""
    estimated = {row.parameter for row in rows if known(row.value)}
    if not set(PLACE) <= estimated:
        return None
    runs = [
        run
        for run in of_same_series(rows[0], data.rows(RepeatedRun, status="ok"))
        if known(run.params, run.tokens, run.unique_tokens, run.value)
    ]
    if not runs:
        return None
    numbers = [(run.params, run.tokens, run.unique_tokens, run.value) for run in runs]
    return Fitted(rows, [run.run for run in runs], *np.array(numbers, dtype=float).T)


def _draw_losses(
    panel: chart.Panel, fitted: Fitted, style: Mapping[tuple[float, float], chart.Style]
) -> None:
    """Every run over how often it read its text, and the law of each size and number of tokens."""
    times = fitted.tokens / fitted.unique
    panel.axes(
        chart.log_axis(times, "times that the text is read"),
        chart.log_axis(fitted.loss, Metric.parse(str(fitted.rows[0].metric)).title),
    )
    panel.heading(str(fitted.rows[0].fit).replace("_", " "))
    for design, mark in style.items():
        params, tokens = design
        of_design = (fitted.params == params) & (fitted.tokens == tokens)
        if not of_design.any():
            continue
        read = np.geomspace(times[of_design].min(), times[of_design].max(), POINTS)
        law = fitted.at(params, tokens, tokens / read)
        panel.line(list(read), list(law), mark, name=str(design), group=str(design))
        panel.points(
            list(times[of_design]),
            list(fitted.loss[of_design]),
            mark,
            about=[fitted.names[i] for i in np.flatnonzero(of_design)],
            hover="%{customdata}<br>read %{x} times: %{y}",
            name=str(design),
            group=str(design),
        )


def _draw_effective(panel: chart.Panel, fitted: Fitted) -> None:
    """The law's effective tokens over training tokens, one line per number of unique tokens that were repeated."""
    repeated = fitted.tokens > fitted.unique
    amounts = sorted({float(unique) for unique in fitted.unique[repeated]})
    lines = {
        unique: np.geomspace(unique, fitted.tokens[fitted.unique == unique].max(), POINTS)
        for unique in amounts[:MOST_LINES]
    }
    tokens = [*fitted.tokens, *amounts]
    title = "training tokens (unique tokens times repetitions)"
    panel.axes(
        chart.log_axis(tokens, title, powers=True), chart.log_axis(tokens, "effective tokens", powers=True)
    )
    ends = [min(tokens), max(tokens)]
    panel.line(ends, ends, ALL_NEW)
    labels = []
    for (unique, drawn), mark in zip(lines.items(), chart.ordered_styles(list(lines)).values(), strict=True):
        worth = fitted.effective(drawn, unique)
        panel.line(list(drawn), list(worth), mark, hover="%{x} tokens are worth %{y}")
        labels.append(chart.EndLabel(_words(unique, "unique"), float(worth[-1]), mark))
    panel.end_labels(labels)
    row = fitted.rows[[row.parameter for row in fitted.rows].index("repeats")]
    panel.heading(
        "What repeated tokens are worth",
        f"R_D = {estimate(number(row.value), row.low, row.high)} repetitions",
    )


def _note(fitted: Fitted) -> str:
    first = fitted.rows[0]
    bad = next((row for row in fitted.rows if row.status != "ok"), None)
    why = f"; {bad.parameter}: {reason(bad)}" if bad else ""
    return f"{str(first.fit).replace('_', ' ')}: fitted to {first.n} runs{why}."


def _left_out(count: int, noun: str) -> str:
    return f"{count} more {noun} are left out." if count else ""


def _words(count: float, noun: str) -> str:
    return f"{significant(count, 3)} {noun}"
