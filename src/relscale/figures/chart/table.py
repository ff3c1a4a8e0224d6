"""A table as a figure: lines of words in columns of fixed widths, broken where they are too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from relscale.figures.chart.grid import Grid, grid
from relscale.figures.chart.style import INK, SIZE
from relscale.figures.chart.text import LETTER, wrap

LINE = 17  # pixels for a line of text
CELL = 7  # and around the lines of a cell
SIDE = 14
NARROW = 0.52  # a letter's width as a share of its size, on average and a little more
HEAD, SECTION = "#e3e3e3", "#f1f1f1"  # shades of lines whose words may run over into the next columns


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of a table: its cells' words, its shade, the colour of its last cell."""

    cells: Sequence[str]
    fill: str = "white"
    ink: str = INK

    def wrapped(self, widths: Sequence[int]) -> list[str]:
        """The cells, broken where they are too long for their column; those of shaded lines are not."""
        if self.fill != "white":
            return list(self.cells)
        letters = [SIZE * (width - 12) / (SIZE - 1) / NARROW * LETTER for width in widths]
        return ["<br>".join(wrap(cell, room)) for cell, room in zip(self.cells, letters, strict=True)]


def section(columns: int, *words: str, fill: str = SECTION) -> TableLine:
    """A shaded line with bold words."""
    return TableLine([*(f"<b>{word}</b>" for word in words), *[""] * (columns - len(words))], fill)


def table(title: str, columns: Sequence[tuple[str, int]], lines: Sequence[TableLine]) -> Grid:
    """Draw a table in a panel without axes, a pixel of it a unit of the axes; ``columns`` have titles and widths."""
    widths = [width for _, width in columns]
    lines = [section(len(columns), *(name for name, _ in columns), fill=HEAD), *lines]
    cells = [line.wrapped(widths) for line in lines]
    heights = [CELL + LINE * max(cell.count("<br>") + 1 for cell in wrapped) for wrapped in cells]
    tops = [0, *accumulate(heights)]
    panels = grid(title, 1, 1, width=sum(widths), height=tops[-1], left=SIDE, bottom=10)
    panel = panels.panel(0, 0)
    hidden = {"visible": False, "fixedrange": True}
    panel.axes(hidden | {"range": [0, sum(widths)]}, hidden | {"range": [tops[-1], 0]})
    for line, top, height in zip(lines, tops, heights, strict=False):
        panel.box(0, sum(widths), top, top + height, line.fill)
    middles = [top + height / 2 for top, height in zip(tops, heights, strict=False)]
    for column, left in enumerate([0, *accumulate(widths[:-1])]):
        last = column == len(columns) - 1
        words = [wrapped[column] for wrapped in cells]
        colours = [line.ink if last else INK for line in lines]
        panel.words([left + 4] * len(lines), middles, words, colours)
    panels.parts.least = panels.parts.natural  # words do not shrink
    return panels
