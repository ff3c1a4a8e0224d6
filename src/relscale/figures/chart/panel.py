"""A panel of a figure: its axes, heading and marks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

from relscale.figures.chart.axes import Axis
from relscale.figures.chart.drawing import Drawing
from relscale.figures.chart.hover import hover_properties
from relscale.figures.chart.numbers import known
from relscale.figures.chart.style import FAINT, INK, SIZE, Style, faded, hatched
from relscale.figures.chart.text import shortened, wrap
from relscale.figures.page import POINTED

LONGEST_HEADING = 1.25  # in widths of the panel
LONGEST_TITLE = 1.4  # of a y axis, in heights of the panel; the width of a text is an upper estimate

Numbers = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a figure.

    Attributes
    ----------
    x, y
        Names of its axes in traces, such as ``x2`` and ``y2``.
    width, height
        In pixels.
    x_domain, y_domain
        The part of the plot's width and height that it fills, as shares.
    """

    drawing: Drawing
    x: str
    y: str
    width: int
    height: int
    x_domain: tuple[float, float]
    y_domain: tuple[float, float]

    # Axes and text ------------------------------------------------------------------------------------------------

    def axes(self, x: Axis, y: Axis, **changes: Any) -> None:
        """Set the axes; ``changes`` apply to both. A y title far longer than the panel is high is shortened."""
        layout = self.drawing.figure.layout
        if title := y.get("title"):  # the axes of a table have none
            y = {**y, "title": {**title, "text": shortened(title["text"], LONGEST_TITLE * self.height)}}
        layout[axis_name(self.x)] = {**x, "domain": self.x_domain, "anchor": self.y, **changes}
        layout[axis_name(self.y)] = {**y, "domain": self.y_domain, "anchor": self.x, **changes}

    @property
    def x_axis(self) -> Any:
        """The x axis in the figure's layout."""
        return self.drawing.figure.layout[axis_name(self.x)]

    @property
    def y_axis(self) -> Any:
        """The y axis in the figure's layout."""
        return self.drawing.figure.layout[axis_name(self.y)]

    def x_pixels(self, x: float) -> float:
        """Pixels from the panel's left edge to ``x``, for a panel with axes."""
        return _axis_share(self.x_axis, x) * self.width

    def y_pixels(self, y: float) -> float:
        """Pixels from the panel's top edge to ``y``, for a panel with axes."""
        return (1 - _axis_share(self.y_axis, y)) * self.height

    def shifted_x(self, x: float, pixels: float) -> float:
        """The value on the x axis ``pixels`` to the right of ``x``, for a panel with axes."""
        low, high = self.x_axis.range
        step = pixels * (high - low) / self.width
        return float(x * 10**step if self.x_axis.type == "log" else x + step)

    def heading(self, text: str, *lines: str) -> None:
        """Write a heading above the panel, with lines of smaller print below it; nothing if ``text`` is empty.

        A heading that would reach far into that of the next panel is shortened.
        """
        if not text:
            return
        text = shortened(text, LONGEST_HEADING * self.width)
        small = "".join(f'<br><span style="font-size:{SIZE - 2}px">{line}</span>' for line in lines if line)
        self.annotate(
            text=f"<b>{text}</b>{small}", x=0, y=1, xanchor="left", yanchor="bottom", yshift=3, align="left"
        )

    def message(self, text: str) -> None:
        """State inside an empty panel why it is empty; nothing if ``text`` is empty."""
        if not text:
            return
        self.add(go.Scatter(x=[None], y=[None], showlegend=False))  # axes without traces are not drawn
        lines = "<br>".join(wrap(text, self.width - 40))
        self.annotate(text=lines, x=0.5, y=0.75, font={"color": FAINT})

    def annotate(self, **annotation: Any) -> None:
        """Add one of plotly's annotations; x and y are shares of the panel's width and height."""
        reference = {"xref": f"{self.x} domain", "yref": f"{self.y} domain"}
        self.drawing.annotations.append(
            {"font": {"size": SIZE}, "showarrow": False, **reference, **annotation}
        )

    def texts(
        self,
        x: Numbers,
        y: Numbers,
        texts: Sequence[str],
        colour: str | Sequence[str] = INK,
        size: float = SIZE - 1,
    ) -> None:
        """Write texts that begin at each ``x`` and are vertically centred on each ``y``."""
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                text=list(texts),
                mode="text",
                textposition="middle right",
                textfont={"size": size, "color": colour},
                hoverinfo="skip",
                showlegend=False,
            )
        )

    # Marks --------------------------------------------------------------------------------------------------------

    def add(self, trace: BaseTraceType, below: bool = False) -> None:
        """Draw one of plotly's traces in this panel, above or ``below`` all others."""
        trace.update(xaxis=self.x, yaxis=self.y)
        figure = self.drawing.figure
        figure.add_trace(trace)
        if below:
            figure.data = (figure.data[-1], *figure.data[:-1])

    def points(
        self,
        x: Numbers,
        y: Numbers,
        style: Style,
        *,
        hover: str | None = None,
        details: Sequence[Any] | None = None,
        low: Numbers | None = None,
        high: Numbers | None = None,
        cap_width: float = 4,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        """Draw points, with vertical bars from ``low`` to ``high`` if both are known.

        Parameters
        ----------
        hover
            Hover text, with ``%{x}`` and ``%{y}`` for the coordinates; none by default.
        details
            Further hover text of each point, ``%{customdata}`` in ``hover``.
        cap_width
            Half the width of the caps of bars, in pixels.
        name, group
            Name and legend group of the series; a click on a key of the group hides it.
        """
        bars = None
        if low is not None and high is not None:
            ends = list(zip(low, y, high, strict=True))
            bars = {
                "type": "data",
                "symmetric": False,
                "array": [_bar_length(b, y, a) for a, y, b in ends],
                "arrayminus": [_bar_length(y, a, b) for a, y, b in ends],
                "color": style.colour,
                "thickness": style.width,
                "width": cap_width,
            }
        self.add(
            go.Scatter(
                x=list(x),
                y=list(y),
                mode="markers",
                marker=style.marker,
                error_y=bars,
                **hover_properties(hover, x, y, details),
                name=name,
                legendgroup=group,
                showlegend=False,
            )
        )

    def line(
        self,
        x: Numbers,
        y: Numbers,
        style: Style,
        *,
        low: Sequence[float] | None = None,
        high: Sequence[float] | None = None,
        band_on_hover: bool = False,
        markers: bool = False,
        hover: str | None = None,
        details: Sequence[Any] | None = None,
        name: str | None = None,
        group: str | None = None,
    ) -> None:
        """Draw a line, above a band from ``low`` to ``high`` if these are known.

        Parameters
        ----------
        band_on_hover
            Show the band only while hovering over the group; static figures do not show it.
        markers
            Draw the points too.
        hover, details, name, group
            As in `points`.
        """
        if low is not None and high is not None:
            self.add(
                go.Scatter(
                    x=[*x, *reversed(x)],
                    y=[*high, *reversed(low)],
                    fill="toself",
                    fillcolor=faded(style.colour, 0.22) if band_on_hover else faded(style.colour),
                    line={"width": 0},
                    mode="lines",
                    hoverinfo="skip",
                    opacity=0 if band_on_hover else 1,
                    meta=POINTED if band_on_hover else None,
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
                **hover_properties(hover, x, y, details),
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
        """Draw an estimate of a forest plot at the height ``y``, with its horizontal interval if that is known."""
        if low is not None and high is not None and known(low, high):
            self.line([low, high], [y, y], style)
        self.points([value], [y], mark or style, hover=hover)

    def intervals(
        self, x: Sequence[float], limits: Sequence[tuple[float | None, float | None]], style: Style
    ) -> None:
        """Draw a vertical interval at each ``x``, without those that are unknown, as one trace."""
        ends = [(at, low, high) for at, (low, high) in zip(x, limits, strict=True) if known(low, high)]
        if ends:
            self.line(
                [value for at, _, _ in ends for value in (at, at, None)],
                [value for _, low, high in ends for value in (low, high, None)],
                style,
            )

    def stacked_bars(self, heights: Sequence[float], colour: str, hatching: str, hover: str) -> None:
        """Draw bars at 1, 2, …, on top of the panel's earlier bars."""
        self.add(
            go.Bar(
                x=list(range(1, len(heights) + 1)),
                y=list(heights),
                marker=hatched(colour, hatching),
                hovertemplate=f"{hover}<extra></extra>",
                showlegend=False,
            )
        )
        self.drawing.figure.update_layout(barmode="stack", bargap=0)

    def reference_line(self, y: float, style: Style | None = None) -> None:
        """Draw a thin horizontal line below all marks, for the baseline, zero, or chance."""
        axis = self.x_axis
        ends = [10**end for end in axis.range] if axis.type == "log" else list(axis.range)
        line = (style or Style(INK, width=1.4)).line
        self.add(
            go.Scatter(x=ends, y=[y, y], mode="lines", line=line, hoverinfo="skip", showlegend=False),
            below=True,
        )

    def vertical_band(self, low: float, high: float, colour: str, dash: str | None = None) -> None:
        """Draw a band over the whole height below all marks, or a line if ``low`` equals ``high``."""
        self.drawing.shapes.append(
            {
                "type": "rect" if high > low else "line",
                "x0": low,
                "x1": high,
                "y0": 0,
                "y1": 1,
                "xref": self.x,
                "yref": f"{self.y} domain",
                "fillcolor": colour,
                "line": {"width": 0} if high > low else {"width": 1, "color": colour, "dash": dash},
                "layer": "below",
            }
        )


def axis_name(axis: str) -> str:
    """The name of an axis in the layout: ``xaxis2`` for ``x2``."""
    return f"{axis[0]}axis{axis[1:]}"


def _axis_share(axis: Any, value: float) -> float:
    """The position of a value on an axis, from 0 at its start to 1 at its end."""
    low, high = axis.range
    if axis.type == "log":
        value = math.log10(value) if value > 0 else -math.inf
    return float((value - low) / (high - low))


def _bar_length(upper: float | None, lower: float | None, other: float | None) -> float:
    """The length of one side of a bar; 0 if an end is unknown."""
    return upper - lower if upper is not None and lower is not None and known(upper, lower, other) else 0.0
