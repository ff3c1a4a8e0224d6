"""A table as a figure: rows of text in columns of fixed width, with long text wrapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from relscale.figures.chart.grid import Grid, grid
from relscale.figures.chart.panel import Panel
from relscale.figures.chart.style import GRID, INK, SIZE
from relscale.figures.chart.text import LETTER, wrap

LINE, PADDING, SIDE = 17, 7, 14  # pixels of a line of text, around the lines of a cell, and left of the table
MEAN_LETTER = 0.52  # average width of a letter as a share of its size
HEAD, SECTION = "#e3e3e3", "#f1f1f1"  # backgrounds of rows whose text may extend over the next columns


@dataclass(frozen=True, slots=True)
class TableLine:
    """A row of a table: the text of its cells, its background, and the text colour of its last cell."""

    cells: Sequence[str]
    fill: str = "white"
    ink: str = INK

    def wrapped(self, widths: Sequence[int]) -> list[str]:
        """The cells, wrapped to the widths of their columns; those of shaded rows are not wrapped."""
        if self.fill != "white":
            return list(self.cells)
        text_widths = [SIZE * (width - 12) / (SIZE - 1) / MEAN_LETTER * LETTER for width in widths]
        return ["<br>".join(wrap(cell, width)) for cell, width in zip(self.cells, text_widths, strict=True)]


def section(columns: int, *words: str, fill: str = SECTION) -> TableLine:
    """A shaded row with bold text."""
    return TableLine([*(f"<b>{word}</b>" for word in words), *[""] * (columns - len(words))], fill)


def table(title: str, columns: Sequence[tuple[str, int]], lines: Sequence[TableLine]) -> Grid:
    """Draw a table in a panel with hidden axes, whose unit is a pixel; ``columns`` are titles and widths in pixels."""
    widths = [width for _, width in columns]
    lines = [section(len(columns), *(name for name, _ in columns), fill=HEAD), *lines]
    cells = [line.wrapped(widths) for line in lines]
    heights = [PADDING + LINE * max(cell.count("<br>") + 1 for cell in wrapped) for wrapped in cells]
    tops = [0, *accumulate(heights)]
    panels = grid(title, 1, 1, width=sum(widths), height=tops[-1], left=SIDE, bottom=10)
    panel = panels.panel(0, 0)
    hidden = {"visible": False, "fixedrange": True}
    panel.axes(hidden | {"range": [0, sum(widths)]}, hidden | {"range": [tops[-1], 0]})
    for line, top, height in zip(lines, tops, heights, strict=False):
        _background(panel, (0, sum(widths)), (top, top + height), line.fill)
    middles = [top + height / 2 for top, height in zip(tops, heights, strict=False)]
    for column, left in enumerate([0, *accumulate(widths[:-1])]):
        last = column == len(columns) - 1
        texts = [wrapped[column] for wrapped in cells]
        colours = [line.ink if last else INK for line in lines]
        panel.texts([left + 4] * len(lines), middles, texts, colours)
    panels.content.least_width = panels.content.natural_width  # text does not shrink
    return panels


def _background(panel: Panel, x: tuple[float, float], y: tuple[float, float], colour: str) -> None:
    """Draw a box with a thin edge below all text."""
    corners = {"x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "xref": panel.x, "yref": panel.y}
    edge = {"color": GRID, "width": 1}
    panel.drawing.shapes.append(
        {"type": "rect", "fillcolor": colour, "layer": "below", "line": edge, **corners}
    )
