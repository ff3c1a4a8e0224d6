"""What mixing other text in is worth: how many times more unique text would have helped as much, by share."""

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import significant
from relscale.figures.data import FigureData
from relscale.fitting.estimation.multipliers import UniqueTextRow

TITLE = "What mixing in is worth"
MOST_FITS = 3


def draw(data: FigureData) -> go.Figure:
    """Draw every such question of the config: a line per number of training tokens."""
    rows = data.rows(UniqueTextRow)
    names = list(dict.fromkeys(row.fit for row in rows))
    if not names:
        return chart.empty(TITLE, "The config asks for no multipliers (fit.multipliers).")
    shown = names[:MOST_FITS]
    panels = chart.grid(TITLE, 1, len(shown), width=440, height=340, gap_x=100, lines=1)
    style = chart.ordered_styles(sorted({row.at for row in rows if row.fit in shown}, key=_order))
    for place, name in enumerate(shown):
        _draw(panels.panel(0, place), name, [row for row in rows if row.fit == name], style)
    panels.key([chart.Key(_words(at), mark, group=at) for at, mark in style.items()])
    unresolved = [row for row in rows if row.fit in shown and row.multiplier is None]
    panels.notes(
        "At 1 the mixture is as good as the same unique text without it, below it worse; runs are compared at equal "
        "numbers of training tokens.",
        *(
            f"{row.fit}, {_words(row.at)}, share {significant(row.share, 2)}: {row.note}."
            for row in unresolved
        ),
        f"{len(names) - len(shown)} more are in multipliers.parquet." if len(names) > len(shown) else "",
    )
    return panels.figure


def _draw(panel: chart.Panel, name: str, rows: list[UniqueTextRow], style: dict[str, chart.Style]) -> None:
    """The multiplier over the share, with its interval where the noise is known."""
    drawn = [row for row in rows if row.multiplier is not None]
    panel.heading(name.replace("_", " "))
    if not drawn:
        panel.axes(chart.linear_axis([0, 1], "share mixed in"), chart.linear_axis([0, 1], "multiplier"))
        panel.message("every mixture is beyond the data without one")
        return
    values = [value for row in drawn for value in (row.multiplier, row.low, row.high) if value is not None]
    panel.axes(
        chart.linear_axis([row.share for row in drawn], "share mixed in", zero=True),
        chart.log_axis([*values, 1.0], "unique text that helps as much (multiples)"),
    )
    panel.reference_line(1.0)
    for at, mark in style.items():
        at_value = sorted((row for row in drawn if row.at == at), key=lambda row: row.share)
        x, y = [row.share for row in at_value], [row.multiplier for row in at_value]
        panel.line(x, y, mark, name=at, group=at)
        hover = "share %{x}: %{y} times the text"
        low, high = [row.low for row in at_value], [row.high for row in at_value]
        panel.points(x, y, mark, low=low, high=high, hover=hover, name=at, group=at)


def _order(at: str) -> tuple[float, str]:
    try:
        return float(at), at
    except ValueError:
        return 0.0, at


def _words(at: str) -> str:
    try:
        return f"{float(at):,.0f} tokens"
    except ValueError:
        return at
