"""A grid of panels laid out in pixels, with keys and notes outside of them.

Everything that is added later, a key or a note, widens the figure and leaves the panels as they are, so nothing ever
covers data.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from relscale.figures.chart.axes import log_ticks
from relscale.figures.chart.numbers import plain
from relscale.figures.chart.panel import Panel, axis_name
from relscale.figures.chart.reflow import KEY_LINE, LINE, SCALE, Arrangeable, arrangements
from relscale.figures.chart.style import (
    FAINT,
    HATCHING,
    SEQUENCE,
    SIZE,
    VERDICTS,
    Style,
    hatched,
    layout,
    verdict_words,
)
from relscale.figures.chart.text import text_width, wrap
from relscale.figures.page import TITLE
from relscale.fitting.verdicts.verdict import Verdict

HEADING = 24  # pixels for a panel's heading


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend.

    Attributes
    ----------
    mode
        What its sample shows: "lines", "markers" or "lines+markers".
    group
        The series that it stands for; a click on the key hides them.
    hatching
        Of bars, whose key is a bar.
    """

    name: str
    style: Style
    mode: str = "lines+markers"
    group: str | None = None
    hatching: str | None = None


def verdict_keys(bars: Mapping[Verdict, Style] | None = None) -> list[Key]:
    """A key for each verdict that there can be: its mark, or its bar."""
    return [
        Key(verdict_words(verdict), style, "markers", hatching=HATCHING[verdict] if bars else None)
        for verdict, style in (bars or VERDICTS).items()
    ]


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
    parts
        What is arranged anew on a page of another width.
    """

    drawn: go.Figure
    rows: int
    columns: int
    width: int
    heights: tuple[int, ...]
    gap_x: int
    gap_y: int
    parts: Arrangeable

    @property
    def figure(self) -> go.Figure:
        """The figure, which fits itself to the page.

        ``layout.meta`` says for which width it is drawn and which it needs at least, and has its
        arrangements from wide to narrow: each for pages
        of at least ``from`` pixels, a ``layout`` as Plotly.relayout takes it. The first one is in force.
        """
        layouts = arrangements(self.drawn, self.parts)
        for name, value in layouts[0][1].items():
            self.drawn.layout[name] = value
        self.drawn.update_layout(
            autosize=True,
            meta={
                "width": self.parts.natural,
                "least": self.parts.least,
                "arrangements": [{"from": least, "layout": changes} for least, changes in layouts],
            },
        )
        return self.drawn

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
            self.drawn,
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
        for panel in self:
            for name in map(axis_name, (panel.x, panel.y)):
                self.parts.titles[name] = self.drawn.layout[name].title.text

    def share_names(self) -> None:
        """Keep the names of an axis in the first of the panels side by side that have the same."""
        words = {
            name: axis.get("ticktext")
            for name, axis in self.drawn.layout.to_plotly_json().items()
            if "axis" in name
        }
        for row in range(self.rows):
            axes = [axis_name(self.panel(row, column).y) for column in range(self.columns)]
            for before, axis in pairwise(axes):
                if axis in words and words[axis] == words.get(before):
                    self.parts.names_of.add(axis)

    def key(self, keys: Sequence[Key], title: str = "", *, names: int = 0) -> None:
        """A legend to the right of the panels, or below them on a narrow page.

        Where the ends of lines are named, in ``names`` pixels to the right of each panel, the legend is only there on a
        page that is too narrow for these names.
        """
        if not keys:
            return
        first = self.panel(0, 0)
        for key in keys:  # traces that draw nothing, for the legend to show
            shown = {"x": [None], "y": [None], "name": key.name, "legendgroup": key.group, "showlegend": True}
            if key.hatching is not None:
                first.add(go.Bar(marker=hatched(key.style.colour, key.hatching), **shown))
            else:
                first.add(go.Scatter(mode=key.mode, line=key.style.line, marker=key.style.marker, **shown))
        self.parts.names = names
        self.parts.keys = [*([title] if title else []), *(key.name for key in keys)]
        self.drawn.update_layout(
            showlegend=True,
            legend={
                "font": {"size": SIZE - 1},
                "title": {"text": title, "font": {"size": SIZE - 1}},
                "bgcolor": "rgba(255,255,255,0)",
                "itemwidth": 42,
                "tracegroupgap": 0,
                "traceorder": "normal",
                "yanchor": "top",
            },
        )

    def colour_scale(self, title: str, low: float, high: float) -> None:
        """The scale of colours, logarithmic from ``low`` to ``high``, under the key."""
        ticks = log_ticks(low, high, 7)
        self.parts.scale = title
        self.drawn.update_layout(
            coloraxis={
                "colorscale": [[share, f"rgb{colour}"] for share, colour in SEQUENCE],
                "cmin": math.log(low),
                "cmax": math.log(high),
                "colorbar": {
                    "title": {"text": title, "font": {"size": SIZE - 1}, "side": "top"},
                    "tickvals": [math.log(tick) for tick in ticks],
                    "ticktext": [plain(tick) for tick in ticks],
                    "thickness": 16,
                    "lenmode": "pixels",
                    "len": SCALE,
                    "xref": "container",
                    "x": 1,
                    "xanchor": "right",
                    "y": 1 - (KEY_LINE * len(self.parts.keys) + 40) / self.plot_height,
                    "yanchor": "top",
                    "outlinewidth": 0,
                },
            }
        )

    def notes(self, *notes: str) -> None:
        """Small print under everything else, wrapped to the page's width."""
        self.parts.notes = [note for note in notes if note]
        if not self.parts.notes:
            return
        self.parts.note = len(self.drawn.layout.annotations)
        self.drawn.add_annotation(
            text="",
            x=0,
            y=0,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="top",
            align="left",
            showarrow=False,
            font={"size": SIZE - 2, "color": FAINT},
        )


def grid(
    title: str,
    rows: int,
    columns: int,
    *,
    width: int = 330,
    height: int | Sequence[int] = 270,
    gap_x: int = 64,
    gap_y: int | None = None,
    left: int = 84,
    right: int = 24,
    bottom: int = 62,
    lines: int = 0,
    names: Iterable[str] = (),
    name_size: float = SIZE,
    by_row: bool = False,
) -> Grid:
    """An empty grid of panels under a title.

    Parameters
    ----------
    width, height
        Of a panel in pixels; ``height`` is one for all, or one per row.
    gap_x, gap_y
        Pixels between panels; by default every row has room for titles of axes and for headings.
    left, right, bottom
        Pixels around them all.
    lines
        Of small print under a panel's heading.
    names, name_size
        Those of the vertical axes, which have room at the left, and the size of their letters.
    by_row
        Whether panels are read row by row, so that a narrow page breaks rows; else it keeps columns whole.
    """
    top = HEADING + LINE * lines
    gap_y = bottom + top + 4 if gap_y is None else gap_y
    left = max([left, *(int(text_width(name, name_size)) + 34 for name in names)])
    heights = (height,) * rows if isinstance(height, int) else tuple(height)
    parts = Arrangeable(title, width, heights, columns, gap_x, gap_y, left, right, bottom, top, by_row)
    figure = go.Figure()
    margin = {"l": left, "r": right, "t": TITLE + top + 6, "b": bottom, "pad": 0}
    figure.update_layout(**layout(title), margin=margin, showlegend=False)
    return Grid(figure, rows, columns, width, heights, gap_x, gap_y, parts)


def empty(title: str, reason: str) -> go.Figure:
    """A figure that says why there is nothing to draw."""
    figure = go.Figure()
    margin = {"l": 24, "r": 24, "t": 44, "b": 24}
    figure.update_layout(**layout(title), height=240, autosize=True, margin=margin)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    words = {
        least: "<br>".join(["<b>Nothing to draw</b>", *wrap(reason, room)])
        for least, room in ((700, 640), (0, 290))
    }
    figure.add_annotation(
        text=words[700],
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": SIZE + 1, "color": FAINT},
    )
    layouts = [{"from": least, "layout": {"annotations[0].text": text}} for least, text in words.items()]
    figure.update_layout(meta={"width": 760, "arrangements": layouts})
    return figure
