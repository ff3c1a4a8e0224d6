"""A grid of panels laid out in pixels, with a legend and notes outside of them.

A legend and notes enlarge the figure and never change the panels, so they cannot cover data.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotly.graph_objects as go

from relscale.figures.chart.axes import log_ticks
from relscale.figures.chart.drawing import Drawing
from relscale.figures.chart.numbers import plain
from relscale.figures.chart.panel import Panel, axis_name
from relscale.figures.chart.reflow import COLOUR_SCALE, KEY_LINE, LINE, GridContent, arrangements
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
        Sample of the series: "lines", "markers" or "lines+markers".
    group
        Legend group of the series, which a click on the key hides.
    hatching
        Hatching of bars, whose sample is a bar; None for lines and markers.
    """

    name: str
    style: Style
    mode: str = "lines+markers"
    group: str | None = None
    hatching: str | None = None


def verdict_keys(bars: Mapping[Verdict, Style] | None = None) -> list[Key]:
    """A key for each possible verdict: its marker, or its bar if ``bars`` are given."""
    return [
        Key(verdict_words(verdict), style, "markers", hatching=HATCHING[verdict] if bars else None)
        for verdict, style in (bars or VERDICTS).items()
    ]


@dataclass(frozen=True, slots=True)
class Grid:
    """A figure and the geometry of its panels; rows and columns count from 0 at the top left.

    Attributes
    ----------
    width
        Width of a panel between its axes, in pixels.
    heights
        Height of the panels of each row between their axes, in pixels.
    gap_x, gaps
        Pixels between the axes of neighbouring panels, for tick labels, titles and labels at the ends of lines:
        between columns, and below each row.
    content
        The parts that are rearranged for another page width.
    """

    drawing: Drawing
    rows: int
    columns: int
    width: int
    heights: tuple[int, ...]
    gap_x: int
    gaps: tuple[int, ...]
    content: GridContent

    @property
    def figure(self) -> go.Figure:
        """The figure, with its arrangements for pages of any width.

        ``layout.meta`` has its natural ``width``, its ``least`` width, and its ``arrangements`` from wide to narrow:
        each is a ``layout`` for Plotly.relayout on pages of at least ``from`` pixels. The first one is applied.
        """
        figure = self.drawing.finished()
        layouts = arrangements(figure, self.content)
        for name, value in layouts[0][1].items():
            figure.layout[name] = value
        figure.update_layout(
            autosize=True,
            meta={
                "width": self.content.natural_width,
                "least": self.content.least_width,
                "arrangements": [{"from": least, "layout": changes} for least, changes in layouts],
            },
        )
        return figure

    @property
    def plot_width(self) -> int:
        """Pixels from the left edge of the first column to the right edge of the last."""
        return self.columns * self.width + (self.columns - 1) * self.gap_x

    @property
    def plot_height(self) -> int:
        """Pixels from the top edge of the first row to the bottom edge of the last."""
        return sum(self.heights) + sum(self.gaps[:-1])

    def panel(self, row: int, column: int) -> Panel:
        """The panel of a row and a column."""
        number = row * self.columns + column + 1
        suffix = "" if number == 1 else str(number)
        left = column * (self.width + self.gap_x)
        bottom = self.plot_height - sum(self.heights[: row + 1]) - sum(self.gaps[:row])
        return Panel(
            self.drawing,
            f"x{suffix}",
            f"y{suffix}",
            self.width,
            self.heights[row],
            (left / self.plot_width, (left + self.width) / self.plot_width),
            (bottom / self.plot_height, (bottom + self.heights[row]) / self.plot_height),
        )

    def __iter__(self) -> Iterator[Panel]:
        """The panels, row by row."""
        return (self.panel(row, column) for row in range(self.rows) for column in range(self.columns))

    def share_titles(self) -> None:
        """Show x titles only in the last row and y titles only in the first column, for panels with equal axes."""
        for panel in self:
            for name in map(axis_name, (panel.x, panel.y)):
                self.content.titles[name] = self.drawing.figure.layout[name].title.text

    def share_names(self) -> None:
        """Show labels on vertical axes only in the first of neighbouring panels with the same ones at equal heights."""
        labels = {
            name: [axis.get(part) for part in ("ticktext", "tickvals", "range")]
            for name, axis in self.drawing.figure.layout.to_plotly_json().items()
            if "axis" in name
        }
        for row in range(self.rows):
            axes = [axis_name(self.panel(row, column).y) for column in range(self.columns)]
            for before, axis in pairwise(axes):
                if axis in labels and labels[axis] == labels.get(before):
                    self.content.shared_names.add(axis)

    def key(self, keys: Sequence[Key], title: str = "", *, end_labels_width: int = 0) -> None:
        """Add a legend to the right of the panels, or below them on a narrow page.

        Labels at the ends of lines, for which there are ``end_labels_width`` pixels to the right of each panel, replace
        the legend except on a page that is too narrow for them.
        """
        if not keys:
            return
        first = self.panel(0, 0)
        for key in keys:  # traces without points, only for the legend
            entry = {"x": [None], "y": [None], "name": key.name, "legendgroup": key.group, "showlegend": True}
            if key.hatching is not None:
                first.add(go.Bar(marker=hatched(key.style.colour, key.hatching), **entry))
            else:
                first.add(go.Scatter(mode=key.mode, line=key.style.line, marker=key.style.marker, **entry))
        self.content.end_labels_width = end_labels_width
        self.content.keys = [*([title] if title else []), *(key.name for key in keys)]
        self.drawing.figure.update_layout(
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
        """Add a logarithmic colour scale from ``low`` to ``high``, below the legend."""
        ticks = log_ticks(low, high, 7)
        self.content.colour_scale = title
        self.drawing.figure.update_layout(
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
                    "len": COLOUR_SCALE,
                    "xref": "container",
                    "x": 1,
                    "xanchor": "right",
                    "y": 1 - (KEY_LINE * len(self.content.keys) + 40) / self.plot_height,
                    "yanchor": "top",
                    "outlinewidth": 0,
                },
            }
        )

    def notes(self, *notes: str) -> None:
        """Add notes in small print at the bottom of the figure, wrapped to the width of the page."""
        self.content.notes = [note for note in notes if note]
        if not self.content.notes:
            return
        self.content.note_annotation = len(self.drawing.annotations)
        self.drawing.annotations.append(
            {
                "text": "",
                "x": 0,
                "y": 0,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "align": "left",
                "showarrow": False,
                "font": {"size": SIZE - 2, "color": FAINT},
            }
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
    blocks: int = 1,
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
        Size of a panel in pixels; ``height`` is the same for all rows, or a list.
    gap_x, gap_y
        Pixels between panels; by default every row has room for axis titles and headings.
    blocks
        Number of blocks of equally many rows, of which each has room for axis titles and a heading.
    left, right, bottom
        Margins around all panels in pixels.
    lines
        Lines of small print below a panel's heading.
    names, name_size
        Names on the vertical axes, for which the left margin has room, and their font size.
    by_row
        Whether panels are read row by row, so that a narrow page breaks rows; otherwise it keeps columns together.
    """
    top = HEADING + LINE * lines
    block_gap = bottom + top + 4
    gap_y = block_gap if gap_y is None else gap_y
    in_block = rows // blocks - 1
    gaps = (*(gap_y,) * in_block, gap_y if blocks == 1 else block_gap) * blocks
    left = max([left, *(int(text_width(name, name_size)) + 34 for name in names)])
    heights = (height,) * rows if isinstance(height, int) else tuple(height)
    content = GridContent(title, width, heights, columns, gap_x, gaps, left, right, bottom, top, by_row)
    figure = go.Figure()
    margin = {"l": left, "r": right, "t": TITLE + top + 6, "b": bottom, "pad": 0}
    figure.update_layout(**layout(title), margin=margin, showlegend=False)
    return Grid(Drawing(figure), rows, columns, width, heights, gap_x, gaps, content)


def empty(title: str, reason: str) -> go.Figure:
    """A figure that states why there is nothing to draw."""
    figure = go.Figure()
    margin = {"l": 24, "r": 24, "t": 44, "b": 24}
    figure.update_layout(**layout(title), height=240, autosize=True, margin=margin)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    texts = {
        page_width: "<br>".join(["<b>Nothing to draw</b>", *wrap(reason, line_width)])
        for page_width, line_width in ((700, 640), (0, 290))
    }
    figure.add_annotation(
        text=texts[700],
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": SIZE + 1, "color": FAINT},
    )
    layouts = [{"from": width, "layout": {"annotations[0].text": text}} for width, text in texts.items()]
    figure.update_layout(meta={"width": 760, "arrangements": layouts})
    return figure
