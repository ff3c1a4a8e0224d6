"""A grid of panels laid out in pixels, with keys and notes outside of them.

Everything that is added later, a key or a note, widens the figure and leaves the panels as they are, so nothing ever
covers data.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from relscale.figures.chart.panel import Panel, axis_name
from relscale.figures.chart.style import FAINT, SIZE, Style, layout
from relscale.figures.chart.text import text_width, wrap

TITLE = 34  # pixels for the figure's title
HEADING = 24  # for a panel's heading
LINE = 18  # for a line of small print
KEY_LINE = 22
KEY_SAMPLE = 62  # a key's sample of line and symbol, with the space around it


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend.

    Attributes
    ----------
    mode
        What its sample shows: "lines", "markers" or "lines+markers".
    group
        The series that it stands for; a click on the key hides them.
    """

    name: str
    style: Style
    mode: str = "lines+markers"
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A figure and the geometry of its panels; rows and columns count from 0, top left first.

    Attributes
    ----------
    width
        Pixels between a panel's left and right axis.
    heights
        Pixels between its lower and upper axis, by row.
    gap_x, gap_y
        Pixels between the axes of neighbouring panels, for tick labels, titles and labels at lines' ends.
    """

    figure: go.Figure
    rows: int
    columns: int
    width: int
    heights: tuple[int, ...]
    gap_x: int
    gap_y: int

    @property
    def plot_width(self) -> int:
        """Pixels from the left edge of the first column to the right edge of the last."""
        return self.columns * self.width + (self.columns - 1) * self.gap_x

    @property
    def plot_height(self) -> int:
        """Pixels from the top edge of the first row to the bottom edge of the last."""
        return sum(self.heights) + (self.rows - 1) * self.gap_y

    def panel(self, row: int, column: int) -> Panel:
        """The panel of a row and a column."""
        number = row * self.columns + column + 1
        suffix = "" if number == 1 else str(number)
        left = column * (self.width + self.gap_x)
        bottom = self.plot_height - sum(self.heights[: row + 1]) - row * self.gap_y
        return Panel(
            self.figure,
            f"x{suffix}",
            f"y{suffix}",
            self.width,
            self.heights[row],
            (left / self.plot_width, (left + self.width) / self.plot_width),
            (bottom / self.plot_height, (bottom + self.heights[row]) / self.plot_height),
        )

    def __iter__(self) -> Iterator[Panel]:
        """Panel by panel, row by row."""
        return (self.panel(row, column) for row in range(self.rows) for column in range(self.columns))

    def share_titles(self) -> None:
        """Keep the x titles of the last row and the y titles of the first column, where the panels' axes are alike."""
        for i, panel in enumerate(self):
            if i // self.columns < self.rows - 1:
                self.figure.layout[axis_name(panel.x)].title.text = None
            if i % self.columns:
                self.figure.layout[axis_name(panel.y)].title.text = None

    def key(self, keys: Sequence[Key], title: str = "") -> None:
        """A legend to the right of the panels."""
        if not keys:
            return
        self._sample(keys)
        size = SIZE - 1
        wide = max(text_width(name, size) for name in (*(key.name for key in keys), title)) + KEY_SAMPLE
        high = KEY_LINE * (len(keys) + bool(title)) + 10
        start = self.plot_width + int(self.figure.layout.margin.r) - 2
        place = {"x": start / self.plot_width, "xanchor": "left", "y": 1, "yanchor": "top"}
        self.figure.update_layout(showlegend=True, legend=_legend(title) | place)
        self.widen(right=math.ceil(wide + 22), bottom=max(0, high - self.plot_height - 40))

    def keys_below(self, columns: Sequence[Sequence[Key]]) -> None:
        """A legend under each column of panels."""
        start = -int(self.figure.layout.margin.b) - 2
        for column, keys in enumerate(columns):
            name = f"legend{column + 1 if column else ''}"
            left = column * (self.width + self.gap_x) / self.plot_width
            place = {"x": left, "xanchor": "left", "y": start / self.plot_height, "yanchor": "top"}
            self.figure.update_layout({name: _legend("") | place})
            self._sample(keys, name)
        self.figure.update_layout(showlegend=True)
        self.widen(bottom=KEY_LINE * max(map(len, columns), default=0) + 14)

    def _sample(self, keys: Sequence[Key], legend: str | None = None) -> None:
        """Traces that draw nothing, for the legend to show; they carry the group of the series they stand for."""
        first = self.panel(0, 0)
        for key in keys:
            first.add(
                go.Scatter(
                    x=[None],
                    y=[None],
                    mode=key.mode,
                    name=key.name,
                    line=key.style.line,
                    marker=key.style.marker,
                    legendgroup=key.group,
                    legend=legend,
                    showlegend=True,
                )
            )

    def notes(self, *notes: str) -> None:
        """Small print under everything else, wrapped to the figure's width."""
        layout = self.figure.layout
        lines = [line for note in notes if note for line in wrap(note, layout.width - 28, SIZE - 2)]
        if not lines:
            return
        self.figure.add_annotation(
            text="<br>".join(lines),
            x=-(layout.margin.l - 14) / self.plot_width,
            y=-(layout.margin.b + 4) / self.plot_height,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="top",
            align="left",
            showarrow=False,
            font={"size": SIZE - 2, "color": FAINT},
        )
        self.widen(bottom=LINE * len(lines) + 14)

    def widen(self, *, right: int = 0, bottom: int = 0) -> None:
        """Make the figure larger to the right or the bottom; the panels stay as they are."""
        layout = self.figure.layout
        layout.margin.r += right
        layout.width += right
        layout.margin.b += bottom
        layout.height += bottom


def grid(
    title: str,
    rows: int,
    columns: int,
    *,
    width: int = 330,
    height: int | Sequence[int] = 270,
    gap_x: int = 64,
    gap_y: int = 64,
    left: int = 84,
    right: int = 24,
    bottom: int = 62,
    top: int = HEADING,
) -> Grid:
    """An empty grid of panels under a title.

    Parameters
    ----------
    width, height
        Of a panel in pixels; ``height`` is one for all, or one per row.
    gap_x, gap_y
        Pixels between panels.
    left, right, bottom, top
        Pixels around them all; ``top`` is for the headings of the first row.
    """
    heights = (height,) * rows if isinstance(height, int) else tuple(height)
    chart = Grid(go.Figure(), rows, columns, width, heights, gap_x, gap_y)
    margin = {"l": left, "r": right, "t": TITLE + top + 6, "b": bottom, "pad": 0}
    chart.figure.update_layout(
        **layout(title),
        width=chart.plot_width + left + right,
        height=chart.plot_height + margin["t"] + bottom,
        margin=margin,
        showlegend=False,
    )
    chart.widen(right=max(0, math.ceil(text_width(title, SIZE + 3) + 28 - chart.figure.layout.width)))
    return chart


def _legend(title: str) -> dict[str, Any]:
    return {
        "orientation": "v",
        "font": {"size": SIZE - 1},
        "title": {"text": title, "font": {"size": SIZE - 1}},
        "bgcolor": "rgba(255,255,255,0)",
        "itemwidth": 42,
        "tracegroupgap": 0,
        "traceorder": "normal",
        "xref": "paper",
        "yref": "paper",
    }


def empty(title: str, reason: str) -> go.Figure:
    """A figure that says why there is nothing to draw."""
    figure = go.Figure()
    figure.update_layout(**layout(title), width=760, height=240, margin={"l": 24, "r": 24, "t": 44, "b": 24})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text="<br>".join(["<b>Nothing to draw</b>", *wrap(reason, 640)]),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": SIZE + 1, "color": FAINT},
    )
    return figure
