"""One panel of a chart: its axes, the marks in it, its heading and the labels at its lines' ends."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.basedatatypes import BaseTraceType

from relscale.figures.chart.axes import Axis
from relscale.figures.chart.labels import LABEL, Mark, annotation, place_labels, spread
from relscale.figures.chart.numbers import estimate, known, significant
from relscale.figures.chart.reflow import END_NAME
from relscale.figures.chart.style import FAINT, GRID, INK, SIZE, Style, faded, hatched
from relscale.figures.chart.text import text_width, wrap
from relscale.figures.page import POINTED

Numbers = Sequence[float | None]
R = TypeVar("R")
LEADER = 16  # pixels between a panel's edge and the labels beside it


class EndLabel(NamedTuple):
    """Words at the right end of a line that ends at the height ``y``."""

    text: str
    y: float
    style: Style


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a figure.

    Attributes
    ----------
    x, y
        Its axes, as traces name them: ``x2``, ``y2``.
    width, height
        In pixels.
    across, up
        The part of the plot's width and height that it takes, as shares.
    """

    figure: go.Figure
    x: str
    y: str
    width: int
    height: int
    across: tuple[float, float]
    up: tuple[float, float]

    # Around the marks ---------------------------------------------------------------------------------------------

    def axes(self, x: Axis, y: Axis, **changes: Any) -> None:
        """Give the panel its axes; ``changes`` go to both."""
        self.figure.update_layout(
            {
                axis_name(self.x): {**x, "domain": self.across, "anchor": self.y, **changes},
                axis_name(self.y): {**y, "domain": self.up, "anchor": self.x, **changes},
            }
        )

    def heading(self, text: str, *lines: str) -> None:
        """A heading above the panel, with lines of smaller print under it; none without words."""
        if not text:
            return
        small = "".join(f'<br><span style="font-size:{SIZE - 2}px">{line}</span>' for line in lines if line)
        self._annotate(
            text=f"<b>{text}</b>{small}", x=0, y=1, xanchor="left", yanchor="bottom", yshift=3, align="left"
        )

    def message(self, text: str) -> None:
        """Say inside an empty panel why it is empty; without words it is not."""
        if not text:
            return
        self.add(go.Scatter(x=[None], y=[None], showlegend=False))  # axes without traces are not drawn
        lines = "<br>".join(wrap(text, self.width - 40))
        self._annotate(text=lines, x=0.5, y=0.75, font={"color": FAINT})

    def end_labels(self, labels: Sequence[EndLabel]) -> None:
        """Names to the right of the panel, each at its line's height or as near as they fit, in the line's colour.

        The panel has its axes already. Leave room for the names beside it.
        """
        ordered = sorted(labels, key=lambda label: self.pixels(y=label.y))
        heights = [min(max(self.pixels(y=label.y), 0.0), float(self.height)) for label in ordered]
        placed = spread(heights, LABEL + 4, (0.0, float(self.height)))
        for label, start, end in zip(ordered, heights, placed, strict=True):
            self.figure.add_shape(
                type="line",
                name=END_NAME,
                xref=f"{self.x} domain",
                yref=f"{self.y} domain",
                xsizemode="pixel",  # so that it ends before the name however wide a page stretches the panel
                xanchor=1,
                x0=2,
                x1=LEADER - 2,
                y0=1 - start / self.height,
                y1=1 - end / self.height,
                line={"color": label.style.colour, "width": 1},
            )
            self._annotate(
                text=label.text,
                name=END_NAME,
                x=1,
                xshift=LEADER,
                y=1 - end / self.height,
                xanchor="left",
                yanchor="middle",
                font={"size": LABEL, "color": label.style.colour},
            )

    def names(self, x: Sequence[float], y: Sequence[float], names: Sequence[str]) -> None:
        """Names at the right of points that stand in lines of their own."""
        small = {"size": SIZE - 3, "color": INK}
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                text=[f"   {name}" for name in names],
                mode="text",
                textposition="middle right",
                textfont=small,
                hoverinfo="skip",
                showlegend=False,
            )
        )

    def point_labels(
        self, points: Sequence[tuple[float, float, float | None, float | None]], labels: Sequence[str]
    ) -> None:
        """Names beside points with vertical bars, ``(x, y, low, high)``, where they cover the least of them."""
        marks = []
        for x, y, low, high in points:
            top, bottom = (y, y) if low is None or high is None else (high, low)
            marks.append(Mark(self.pixels(x=x), *(self.pixels(y=value) for value in (y, top, bottom))))
        level = self.pixels(y=0.0) if self._axis(self.y).type != "log" else -10.0
        positions = place_labels(
            marks, labels, self.width, self.height, [(0.0, level - 2, self.width, level + 2)]
        )
        for mark, label, place in zip(marks, labels, positions, strict=True):
            height = {"point": mark.point, "top": mark.top, "bottom": mark.bottom}[place.at]
            at = (mark.x / self.width, 1 - height / self.height)
            self.figure.add_annotation(
                **annotation(at, label, place), xref=f"{self.x} domain", yref=f"{self.y} domain"
            )

    def pixels(self, *, x: float | None = None, y: float | None = None) -> float:
        """Pixels from the panel's left edge to ``x``, or from its top edge to ``y``; its axes are known already."""
        name, value, length = (self.x, x, self.width) if y is None else (self.y, y, self.height)
        axis = self._axis(name)
        assert value is not None
        low, high = axis.range
        if axis.type == "log":
            value = math.log10(value) if value > 0 else -math.inf
        share = (value - low) / (high - low)
        return float(length * (share if y is None else 1 - share))

    def beside(self, x: float, pixels: float) -> float:
        """The value on the x axis that many pixels to the right of ``x``; the panel's axes are known already."""
        low, high = self._axis(self.x).range
        step = pixels * (high - low) / self.width
        return float(x * 10**step if self._axis(self.x).type == "log" else x + step)

    # Marks --------------------------------------------------------------------------------------------------------

    def add(self, trace: BaseTraceType, under: bool = False) -> None:
        """Draw one of plotly's traces here, ``under`` all others if asked."""
        trace.update(xaxis=self.x, yaxis=self.y)
        self.figure.add_trace(trace)
        if under:
            self.figure.data = (self.figure.data[-1], *self.figure.data[:-1])

    def points(
        self,
        x: Numbers,
        y: Numbers,
        style: Style,
        *,
        hover: str | None = None,
        about: Sequence[Any] | None = None,
        low: Numbers | None = None,
        high: Numbers | None = None,
        caps: float = 4,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        """Draw points, with vertical bars from ``low`` to ``high`` where both are known.

        Parameters
        ----------
        hover
            What is shown when a point is pointed at, with ``%{x}`` and ``%{y}`` for its numbers; None for nothing.
        about
            More of each point, ``%{customdata}`` in ``hover``.
        caps
            Half the width of a bar's ends in pixels.
        name, group
            Of the series. A click on a key of the same group hides it.
        """
        bars = None
        if low is not None and high is not None:
            ends = list(zip(low, y, high, strict=True))
            bars = {
                "type": "data",
                "symmetric": False,
                "array": [_beyond(b, y, a) for a, y, b in ends],
                "arrayminus": [_beyond(y, a, b) for a, y, b in ends],
                "color": style.colour,
                "thickness": style.width,
                "width": caps,
            }
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                mode="markers",
                marker=style.marker,
                error_y=bars,
                **_hover(hover, x, y, about),
                name=name,
                legendgroup=group,
                showlegend=False,
            )
        )

    def rows(
        self,
        rows: Sequence[R],
        x: Callable[[R], float | None],
        y: Callable[[R], float | None],
        style: Style,
        *,
        about: Callable[[R], str | None] | None = None,
        low: Callable[[R], float | None] | None = None,
        high: Callable[[R], float | None] | None = None,
        **others: Any,
    ) -> None:
        """Draw a point for each row of a table, as `points` does.

        Parameters
        ----------
        x, y, about, low, high
            Functions of a row, such as ``lambda row: row.training_flops``.
        others
            ``hover``, ``caps``, ``name`` and ``group`` of `points`.
        """

        def of_rows(function: Callable[[R], Any] | None) -> list[Any] | None:
            return None if function is None else list(map(function, rows))

        self.points(
            list(map(x, rows)),
            list(map(y, rows)),
            style,
            about=of_rows(about),
            low=of_rows(low),
            high=of_rows(high),
            **others,
        )

    def line(
        self,
        x: Numbers,
        y: Numbers,
        style: Style,
        *,
        low: Sequence[float] | None = None,
        high: Sequence[float] | None = None,
        pointed: bool = False,
        markers: bool = False,
        hover: str | None = None,
        about: Sequence[Any] | None = None,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        """Draw a line, with a band from ``low`` to ``high`` under it where these are known.

        Parameters
        ----------
        pointed
            The page shows the band only while the group is pointed at; pictures do not show it.
        markers
            Draw the points too.
        hover, about, name, group
            As in `points`.
        """
        if low is not None and high is not None:
            self.add(
                go.Scatter(
                    x=[*x, *reversed(x)],
                    y=[*high, *reversed(low)],
                    fill="toself",
                    fillcolor=faded(style.colour, 0.22) if pointed else faded(style.colour),
                    line={"width": 0},
                    mode="lines",
                    hoverinfo="skip",
                    opacity=0 if pointed else 1,
                    meta=POINTED if pointed else None,
                    name=name,
                    legendgroup=group,
                    showlegend=False,
                )
            )
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                mode="lines+markers" if markers else "lines",
                line=style.line,
                marker=style.marker if markers else None,
                opacity=style.opacity,
                **_hover(hover, x, y, about),
                name=name,
                legendgroup=group,
                showlegend=False,
            )
        )

    def forest_mark(
        self,
        y: float,
        value: float,
        low: float | None,
        high: float | None,
        style: Style,
        hover: str | None = None,
        mark: Style | None = None,
    ) -> None:
        """A mark of a forest plot: an estimate at the height ``y``, on its horizontal interval where that is known."""
        if low is not None and high is not None and known(low, high):
            self.line([low, high], [y, y], style)
        self.points([value], [y], mark or style, hover=hover)

    def intervals(
        self, x: Sequence[float], limits: Sequence[tuple[float | None, float | None]], style: Style
    ) -> None:
        """Vertical intervals at each ``x``, as one trace; those that are not known are left out."""
        ends = [(at, low, high) for at, (low, high) in zip(x, limits, strict=True) if known(low, high)]
        if ends:
            self.line(
                [value for at, _, _ in ends for value in (at, at, None)],
                [value for _, a, b in ends for value in (a, b, None)],
                style,
            )

    def coloured_points(
        self,
        x: ArrayLike,
        y: ArrayLike,
        colour: ArrayLike,
        words: Iterable[str],
        hover: str,
    ) -> None:
        """Draw points whose colour is a number on the figure's scale of colours (`Grid.colour_scale`)."""
        marker = {"coloraxis": "coloraxis", "color": _rounded(np.log(colour)), "size": 8}
        self.add(
            go.Scatter(
                x=_rounded(x),
                y=_rounded(y),
                mode="markers",
                marker={**marker, "line": {"color": "white", "width": 0.6}},
                text=list(words),
                hovertemplate=f"{hover}<extra></extra>",
                showlegend=False,
            )
        )

    def contours(self, x: ArrayLike, y: ArrayLike, z: ArrayLike, levels: Sequence[float]) -> None:
        """Draw labelled lines of equal ``z`` (y, x) at evenly spaced levels."""
        self.add(
            go.Contour(
                x=_rounded(x),
                y=_rounded(y),
                z=[_rounded(line) for line in np.asarray(z)],
                contours={
                    "start": levels[0],
                    "end": levels[-1],
                    "size": levels[1] - levels[0],
                    "coloring": "none",
                    "showlabels": True,
                    "labelfont": {"size": SIZE - 3, "color": FAINT},
                    "labelformat": ".4~r",
                },
                line={"color": "#9a9a9a", "width": 1},
                hoverinfo="skip",
                showscale=False,
                showlegend=False,
            )
        )

    def stacked_bars(self, heights: Sequence[float], colour: str, hatching: str, hover: str) -> None:
        """Bars side by side at 1, 2, …, on top of those that the panel has already."""
        self.add(
            go.Bar(
                x=list(range(1, len(heights) + 1)),
                y=list(heights),
                marker=hatched(colour, hatching),
                hovertemplate=f"{hover}<extra></extra>",
                showlegend=False,
            )
        )
        self.figure.update_layout(barmode="stack", bargap=0)

    def reference_line(self, y: float, style: Style | None = None) -> None:
        """A thin horizontal line across the panel under all marks: the baseline, zero, or chance."""
        axis = self._axis(self.x)
        ends = [10**end for end in axis.range] if axis.type == "log" else list(axis.range)
        line = (style or Style(INK, width=1.4)).line
        self.add(
            go.Scatter(x=ends, y=[y, y], mode="lines", line=line, hoverinfo="skip", showlegend=False),
            under=True,
        )

    def vertical_band(self, low: float, high: float, colour: str, dash: str | None = None) -> None:
        """A band from top to bottom under all marks, or a line where ``low`` is ``high``."""
        self.figure.add_shape(
            type="rect" if high > low else "line",
            x0=low,
            x1=high,
            y0=0,
            y1=1,
            xref=self.x,
            yref=f"{self.y} domain",
            fillcolor=colour,
            line={"width": 0} if high > low else {"width": 1, "color": colour, "dash": dash},
            layer="below",
        )

    def words(
        self, x: Numbers, y: Numbers, words: Sequence[str], colours: Sequence[str], size: float = SIZE - 1
    ) -> None:
        """Write words that begin at each ``x``, in the middle of each ``y``."""
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                text=list(words),
                mode="text",
                textposition="middle right",
                textfont={"size": size, "color": list(colours)},
                hoverinfo="skip",
                showlegend=False,
            )
        )

    def box(self, left: float, right: float, top: float, bottom: float, colour: str) -> None:
        """A thin-edged box under all marks."""
        corners = {"x0": left, "x1": right, "y0": top, "y1": bottom, "xref": self.x, "yref": self.y}
        edge = {"color": GRID, "width": 1}
        self.figure.add_shape(type="rect", fillcolor=colour, layer="below", line=edge, **corners)

    def interval_strip(self, at: float, rows: Sequence[tuple[float, float, float, Style, str, str]]) -> None:
        """Vertical intervals side by side to the right of ``at``: of each its value, ends, style, name and group."""
        for place, (value, low, high, style, name, group) in enumerate(rows):
            x = self.beside(at, STRIP_START + STRIP_STEP * place)
            mark = replace(style, size=6, width=1.6, opacity=1)
            hover = f"{name}: {estimate(value, low, high)}"
            self.points(
                [x], [value], mark, low=[low], high=[high], caps=0, hover=hover, name=name, group=group
            )

    def _axis(self, name: str) -> Any:
        return self.figure.layout[axis_name(name)]

    def _annotate(self, **annotation: Any) -> None:
        reference = {"xref": f"{self.x} domain", "yref": f"{self.y} domain"}
        self.figure.add_annotation(**{"font": {"size": SIZE}, "showarrow": False, **reference, **annotation})


STRIP_START, STRIP_STEP = 12.0, 8.0  # pixels


def strip_width(intervals: int) -> float:
    """Pixels that `Panel.interval_strip` needs to the right of the last point."""
    return STRIP_START + STRIP_STEP * intervals if intervals else 0.0


def labels_width(labels: Sequence[str]) -> int:
    """Pixels that `Panel.end_labels` needs to the right of a panel."""
    return math.ceil(max((text_width(label, LABEL) for label in labels), default=0)) + LEADER + 6


def axis_name(axis: str) -> str:
    """The layout's name of an axis: ``xaxis2`` for ``x2``."""
    return f"{axis[0]}axis{axis[1:]}"


def _hover(template: str | None, x: Numbers, y: Numbers, about: Sequence[Any] | None) -> dict[str, Any]:
    """The text at each point. Numbers are formatted here, because plotly's own formats differ."""
    if template is None:
        return {"hoverinfo": "skip", "customdata": about}
    more = about or [""] * len(x)
    words = [
        [_number(a, 3), _number(b, 4), "" if note is None else note]
        for a, b, note in zip(x, y, more, strict=True)
    ]
    for name, entry in (("x", 0), ("y", 1), ("customdata", 2)):
        template = template.replace(f"%{{{name}}}", f"%{{customdata[{entry}]}}")
    return {"hovertemplate": f"{template}<extra></extra>", "customdata": words}


def _beyond(upper: float | None, lower: float | None, other: float | None) -> float:
    """The length of one side of a bar; 0 where an end is not known."""
    return upper - lower if upper is not None and lower is not None and known(upper, lower, other) else 0.0


def _rounded(values: ArrayLike) -> list[float]:
    """Numbers for plotly, with no more digits than can be seen; an array would be stored as unreadable bytes."""
    return [float(f"{value:.4g}") for value in np.ravel(values)]


def _number(value: float | None, digits: int) -> str:
    return significant(value, digits) if value is not None and known(value) else ""
