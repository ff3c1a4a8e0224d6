"""Small multiples: a grid of panels laid out in pixels, with legends and notes outside of them.

Everything that is added later, a legend or a note, widens the figure and leaves the panels as they are, so nothing
ever covers data.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme

TITLE = 34  # pixels for the figure's title
HEADING = 24  # for a panel's heading
LINE = 18  # for a line of small print
LEGEND_LINE = 22
LEGEND_KEY = 62  # a legend's sample of line and symbol, with the space around it


@dataclass(frozen=True)
class Panels:
    """A figure and the geometry of its panels; rows and columns count from 0, top left first.

    Attributes
    ----------
    width
        Pixels between a panel's left and right axis.
    heights
        Pixels between its lower and upper axis, row by row.
    gap_x, gap_y
        Pixels between the axes of neighbouring panels, for tick labels and titles.
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

    def axes(self, row: int, column: int) -> dict[str, str]:
        """The panel's axes, as a trace names them."""
        number = row * self.columns + column + 1
        suffix = "" if number == 1 else str(number)
        return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def panels(
    title: str,
    rows: int,
    columns: int,
    *,
    width: int = 330,
    height: int | Sequence[int] = 270,
    gap_x: int = 64,
    gap_y: int = 64,
    left: int = 84,
    bottom: int = 62,
    top: int = HEADING,
) -> Panels:
    """An empty grid of panels under a title, ``top`` pixels kept for headings; ``height`` is one for all, or by row."""
    figure = go.Figure()
    heights = (height,) * rows if isinstance(height, int) else tuple(height)
    grid = Panels(figure, rows, columns, width, heights, gap_x, gap_y)
    margin = {"l": left, "r": 24, "t": TITLE + top + 6, "b": bottom, "pad": 0}
    figure.update_layout(
        **theme.layout(title),
        width=grid.plot_width + margin["l"] + margin["r"],
        height=grid.plot_height + margin["t"] + margin["b"],
        margin=margin,
        showlegend=False,
    )
    figure.layout.title.pad.t = 12
    widen(grid, right=max(0, math.ceil(theme.text_width(title, theme.SIZE + 3) + 28 - figure.layout.width)))
    return grid


def set_axes(
    grid: Panels, row: int, column: int, x: dict[str, Any], y: dict[str, Any], **changes: Any
) -> None:
    """Give a panel its axes, made by ``theme``'s axis functions; ``changes`` go to the layout of both."""
    names = grid.axes(row, column)
    left = column * (grid.width + grid.gap_x)
    bottom = grid.plot_height - sum(grid.heights[: row + 1]) - row * grid.gap_y
    horizontal = [left / grid.plot_width, (left + grid.width) / grid.plot_width]
    vertical = [bottom / grid.plot_height, (bottom + grid.heights[row]) / grid.plot_height]
    grid.figure.update_layout(
        {
            _layout_name(names["xaxis"]): {**x, "domain": horizontal, "anchor": names["yaxis"], **changes},
            _layout_name(names["yaxis"]): {**y, "domain": vertical, "anchor": names["xaxis"], **changes},
        }
    )


def share_titles(grid: Panels) -> None:
    """Keep the x titles of the last row and the y titles of the first column, where the panels' axes are alike."""
    for row in range(grid.rows):
        for column in range(grid.columns):
            names = grid.axes(row, column)
            if row < grid.rows - 1:
                grid.figure.layout[_layout_name(names["xaxis"])].title.text = None
            if column > 0:
                grid.figure.layout[_layout_name(names["yaxis"])].title.text = None


def heading(grid: Panels, row: int, column: int, text: str, *lines: str) -> None:
    """A heading above a panel, with lines of smaller print under it; keep space for them with ``top`` or ``gap_y``."""
    names = grid.axes(row, column)
    small = "".join(f'<br><span style="font-size:{theme.SIZE - 2}px">{line}</span>' for line in lines)
    grid.figure.add_annotation(
        text=f"<b>{text}</b>{small}",
        x=0,
        y=1,
        xref=f"{names['xaxis']} domain",
        yref=f"{names['yaxis']} domain",
        xanchor="left",
        yanchor="bottom",
        yshift=3,
        align="left",
        showarrow=False,
        font={"size": theme.SIZE},
    )


def level_line(grid: Panels, row: int, column: int, y: float) -> None:
    """A thin level across a panel that has its axes: the baseline, zero, or chance. It lies under all other marks."""
    names = grid.axes(row, column)
    figure = grid.figure
    axis = figure.layout[_layout_name(names["xaxis"])]
    ends = [10**end for end in axis.range] if axis.type == "log" else list(axis.range)
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=[y, y],
            mode="lines",
            line={"color": theme.INK, "width": 1.4},
            hoverinfo="skip",
            showlegend=False,
            **names,
        )
    )
    figure.data = (figure.data[-1], *figure.data[:-1])


def note_in_panel(grid: Panels, row: int, column: int, text: str) -> None:
    """Say inside an empty panel why it is empty."""
    names = grid.axes(row, column)
    grid.figure.add_trace(
        go.Scatter(x=[None], y=[None], showlegend=False, **names)
    )  # axes without traces are not drawn
    grid.figure.add_annotation(
        text="<br>".join(wrap(text, grid.width - 40, theme.SIZE)),
        x=0.5,
        y=0.75,
        xref=f"{names['xaxis']} domain",
        yref=f"{names['yaxis']} domain",
        showarrow=False,
        font={"color": theme.FAINT},
    )


def interval_across(
    grid: Panels, row: int, column: int, limits: tuple[float, float], y: float, line: dict[str, Any]
) -> None:
    """An interval of a forest plot: a line at the height ``y``."""
    grid.figure.add_trace(
        go.Scatter(
            x=list(limits),
            y=[y, y],
            mode="lines",
            line=line,
            hoverinfo="skip",
            showlegend=False,
            **grid.axes(row, column),
        )
    )


def legend_right(grid: Panels, names: Sequence[str], title: str = "") -> None:
    """Show the figure's legend to the right of the panels; ``names`` are its entries, for its size."""
    size = theme.SIZE - 1
    wide = max(theme.text_width(name, size) for name in (*names, title)) + LEGEND_KEY
    high = LEGEND_LINE * (len(names) + bool(title)) + 10
    start = grid.plot_width + 22
    grid.figure.update_layout(
        showlegend=True,
        legend=_legend(title) | {"x": start / grid.plot_width, "xanchor": "left", "y": 1, "yanchor": "top"},
    )
    widen(grid, right=math.ceil(wide + 22), bottom=max(0, high - grid.plot_height - 40))


def legends_below(grid: Panels, entries: Sequence[Sequence[str]]) -> list[str]:
    """A legend under each column, as high as the longest; returns their names, for the traces' ``legend``."""
    names = [f"legend{column + 1 if column else ''}" for column in range(grid.columns)]
    start = -int(grid.figure.layout.margin.b) - 2
    for column, name in enumerate(names):
        place = {
            "x": column * (grid.width + grid.gap_x) / grid.plot_width,
            "xanchor": "left",
            "y": start / grid.plot_height,
            "yanchor": "top",
        }
        grid.figure.update_layout({name: _legend("") | place})
    grid.figure.update_layout(showlegend=True)
    widen(grid, bottom=LEGEND_LINE * max((len(column) for column in entries), default=0) + 14)
    return names


def _legend(title: str) -> dict[str, Any]:
    return {
        "orientation": "v",
        "font": {"size": theme.SIZE - 1},
        "title": {"text": title, "font": {"size": theme.SIZE - 1}},
        "bgcolor": "rgba(255,255,255,0)",
        "itemwidth": 42,
        "tracegroupgap": 0,
        "xref": "paper",
        "yref": "paper",
    }


def footnotes(grid: Panels, notes: Sequence[str]) -> None:
    """Small print under everything else, wrapped to the figure's width."""
    figure = grid.figure
    width = figure.layout.width - 28
    lines = [line for note in notes for line in wrap(note, width, theme.SIZE - 2)]
    if not lines:
        return
    figure.add_annotation(
        text="<br>".join(lines),
        x=-(figure.layout.margin.l - 14) / grid.plot_width,
        y=-(figure.layout.margin.b + 4) / grid.plot_height,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        align="left",
        showarrow=False,
        font={"size": theme.SIZE - 2, "color": theme.FAINT},
    )
    widen(grid, bottom=LINE * len(lines) + 14)


def wrap(text: str, width: float, size: float) -> list[str]:
    """``text`` in lines of at most ``width`` pixels, broken at spaces."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and theme.text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def widen(grid: Panels, *, right: int = 0, bottom: int = 0) -> None:
    """Make the figure larger to the right or the bottom; the panels stay as they are."""
    layout = grid.figure.layout
    layout.margin.r += right
    layout.width += right
    layout.margin.b += bottom
    layout.height += bottom


def empty(title: str, reason: str) -> go.Figure:
    """A figure that says why there is nothing to draw."""
    figure = go.Figure()
    figure.update_layout(
        **theme.layout(title), width=760, height=240, margin={"l": 24, "r": 24, "t": 44, "b": 24}
    )
    figure.layout.title.pad.t = 12
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text="<br>".join(["<b>Nothing to draw</b>", *wrap(reason, 640, theme.SIZE)]),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": theme.SIZE + 1, "color": theme.FAINT},
    )
    return figure


def _layout_name(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"
