"""The multiple of the unique text that helps as much as mixing in other text, by the share of the other text."""

from collections.abc import Iterable, Mapping, Sequence

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import plain, significant
from relscale.figures.data import FigureData, MeasuredRun
from relscale.fitting.estimation.multipliers import UniqueTextRow

TITLE = "Value of mixed-in text"
MOST_FITS = 3
Y_TITLE = "multiplier of the unique text (ratio)"


def draw(data: FigureData) -> go.Figure:
    """Draw every entry of ``fit.multipliers``: one line per value at which runs are compared."""
    rows = data.rows(UniqueTextRow)
    names = list(dict.fromkeys(row.fit for row in rows))
    if not names:
        return chart.empty(TITLE, "The config requests no multipliers (fit.multipliers).")
    shown = names[:MOST_FITS]
    panels = chart.grid(TITLE, 1, len(shown), width=440, height=340, gap_x=100, lines=1)
    style = chart.ordered_styles(
        sorted({row.at for row in rows if row.fit in shown}, key=lambda at: (_number(at), at))
    )
    labels = _labels(data, style)
    for column, name in enumerate(shown):
        _draw(panels.panel(0, column), name, [row for row in rows if row.fit == name], style)
    panels.key([chart.Key(labels[at], mark, group=at) for at, mark in style.items()], "compared at")
    panels.notes(
        "At 1 the mixture is as good as the same unique text alone, below 1 it is worse. Runs are compared at equal "
        "values of the column in fit.multipliers[].at, by default the training tokens.",
        *(
            f"{row.fit}, {labels[row.at]}, share {significant(row.share, 2)}: {row.note}."
            for row in rows
            if row.fit in shown and row.multiplier is None
        ),
        f"{len(names) - len(shown)} further multipliers are in multipliers.parquet."
        if len(names) > len(shown)
        else "",
    )
    return panels.figure


def _draw(
    panel: chart.Panel, name: str, rows: Sequence[UniqueTextRow], style: Mapping[str, chart.Style]
) -> None:
    """Draw the multiplier over the share, with its interval if the noise is known."""
    drawn = [row for row in rows if row.multiplier is not None]
    panel.heading(name.replace("_", " "))
    if not drawn:
        panel.axes(chart.linear_axis([0, 1], "share mixed in"), chart.linear_axis([0, 1], Y_TITLE))
        panel.message("every multiplier is beyond the data")
        return
    values = [value for row in drawn for value in (row.multiplier, row.low, row.high) if value is not None]
    panel.axes(
        chart.linear_axis([row.share for row in drawn], "share mixed in", zero=True),
        chart.log_axis([*values, 1.0], Y_TITLE),
    )
    panel.reference_line(1.0)
    for at, mark in style.items():
        at_value = sorted((row for row in drawn if row.at == at), key=lambda row: row.share)
        x, y = [row.share for row in at_value], [row.multiplier for row in at_value]
        panel.line(x, y, mark, name=at, group=at)
        hover = "share %{x}: %{y} times the unique text"
        low, high = [row.low for row in at_value], [row.high for row in at_value]
        panel.points(x, y, mark, low=low, high=high, hover=hover, name=at, group=at)


def _number(at: str) -> float:
    """The value as a number; 0 for text."""
    try:
        return float(at)
    except ValueError:
        return 0.0


def _labels(data: FigureData, values: Iterable[str]) -> dict[str, str]:
    """Labels of the values at which runs are compared; as tokens if runs were trained on that number of tokens."""
    tokens = {run.tokens for run in data.rows(MeasuredRun)}
    labels = {}
    for at in values:
        number = _number(at)
        labels[at] = f"{number:,.0f} tokens" if number in tokens else plain(number) if number else at
    return labels
