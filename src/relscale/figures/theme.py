"""How every figure looks: colours, dashes and symbols that read in black and white, fonts, axes with units.

Sizes are in pixels. A figure 1000 pixels wide, printed over two columns (7 inches), shows its 14-pixel text at about
7 points.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from relscale.figures.as_text import shown

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
SIZE = 14
COMPUTE = "training compute (FLOPs)"
INK = "#1a1a1a"
FAINT = "#6b6b6b"
GRID = "#e3e3e3"
BAND_OPACITY = 0.13

# Okabe and Ito's palette (2008), which survives the common colour-blindnesses, without its yellow, which does not
# survive white paper; black comes first, for the baseline.
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#b5619a", "#c98a00", "#3f9fd4", "#7a7a7a")
FILLED = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "star",
    "hexagon",
    "pentagon",
)
SYMBOLS = (*FILLED, *(f"{symbol}-open" for symbol in FILLED))
DASHES = ("solid", "8px,3px", "2px,2px", "8px,3px,2px,3px", "14px,4px", "14px,3px,2px,3px,2px,3px", "5px,2px")
LEFT_OUT = "x-thin-open"  # the × of a run that is left out; no group has it

# Steps of one hue from dark to light keep their order in grey; the lightest still stands out on white.
SEQUENCE = ((0.0, (24, 28, 92)), (0.35, (36, 93, 158)), (0.7, (38, 150, 152)), (1.0, (122, 170, 64)))

# What a gap does over the fitted range: symbol, colour, words.
DIRECTIONS = {
    "closes": ("triangle-down", "#0072b2", "gap closes"),
    "widens": ("triangle-up", "#d55e00", "gap widens"),
    "unclear": ("circle-open", INK, "direction unclear"),
}

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Style:
    """What tells one series from another: a colour, a marker symbol and a dash pattern, no two pairs of which agree."""

    colour: str
    symbol: str
    dash: str

    def line(self, width: float = 2) -> dict[str, Any]:
        """Plotly's ``line``."""
        return {"color": self.colour, "dash": self.dash, "width": width}

    def marker(self, size: float = 8) -> dict[str, Any]:
        """Plotly's ``marker``; the white rim keeps overlapping symbols apart."""
        rim = self.colour if self.symbol.endswith("-open") else "white"
        width = 1.8 if self.symbol.endswith("-open") else 0.8
        return {
            "color": self.colour,
            "symbol": self.symbol,
            "size": size,
            "opacity": 1,
            "line": {"color": rim, "width": width},
        }


def styles(names: Sequence[str], first: str | None = None) -> dict[str, Style]:
    """A style for each name, by its place in ``names``; ``first``, the baseline say, is solid black with circles."""
    ordered = [name for name in names if name == first] + [name for name in names if name != first]
    return {
        name: Style(COLOURS[i % len(COLOURS)], SYMBOLS[i % len(SYMBOLS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(ordered)
    }


def ordered_styles(names: Sequence[Any]) -> dict[Any, Style]:
    """Styles for an ordered quantity such as budgets: a sequential colour, and still a symbol and dash of its own."""
    top = max(len(names) - 1, 1)
    return {
        name: Style(_sequential(i / top), SYMBOLS[i % len(SYMBOLS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(names)
    }


def _sequential(share: float) -> str:
    for (low, dark), (high, light) in pairwise(SEQUENCE):
        if share <= high:
            weight = (share - low) / (high - low)
            mixed = (round(a + weight * (b - a)) for a, b in zip(dark, light, strict=True))
            return "#" + "".join(f"{channel:02x}" for channel in mixed)
    raise ValueError(f"share {share} is above 1")


def faded(colour: str, opacity: float = BAND_OPACITY) -> str:
    """A ``#rrggbb`` colour made see-through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def layout(title: str) -> dict[str, Any]:
    """What the layouts of all figures share."""
    return {
        "template": go.layout.Template(),
        "title": {
            "text": title,
            "font": {"size": SIZE + 3, "color": INK},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 14},
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "automargin": False,
        },
        "font": {"family": FONT, "size": SIZE, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": SIZE - 1}},
    }


# Axes ------------------------------------------------------------------------------------------------------------


def compute_axis(flops: Iterable[float], width: float = 330, title: str = COMPUTE) -> dict[str, Any]:
    """The axis of training compute in a panel of that many pixels: logarithmic, with powers of ten."""
    return power_axis(flops, title, width)


def power_axis(values: Iterable[float], title: str, width: float = 330) -> dict[str, Any]:
    """A logarithmic axis labelled ``10¹¹``, ``3×10¹¹``, with no more labels than ``width`` pixels hold."""
    return log_axis(values, title, most=max(2, int(width // 60)), powers=True)


def log_axis(
    values: Iterable[float], title: str, *, most: int = 7, powers: bool = False, pad: float = 0.06
) -> dict[str, Any]:
    """A logarithmic axis around ``values``, its ticks labelled as powers of ten or as plain numbers.

    Values that are not positive and finite are ignored; where none is left, the axis has no ticks.
    """
    logs = [math.log10(value) for value in values if value is not None and 0 < value < math.inf]
    low, high = _padded(min(logs), max(logs), pad, least=0.02) if logs else (0.0, 0.1)
    choose = power_ticks if powers else log_ticks
    ticks = choose(10**low, 10**high, most) if logs else []
    return {
        **_axis(title),
        "type": "log",
        "range": [low, high],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [power_of_ten(tick) if powers else plain(tick) for tick in ticks],
        "minor": {"ticks": "outside", "ticklen": 3, "dtick": "D1", "tickcolor": FAINT}
        if high - low > 0.5
        else {},
    }


def linear_axis(
    values: Iterable[float], title: str, *, most: int = 8, pad: float = 0.08, zero: bool = False
) -> dict[str, Any]:
    """A linear axis around ``values``; ``zero`` keeps 0 in sight and draws it as a line.

    Where no two values differ there is no scale to show: the one value is the only tick, and without any there is none.
    """
    finite = {value for value in values if value is not None and math.isfinite(value)}
    if zero and finite:
        finite.add(0.0)
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    low, high = _padded(low, high, pad, least=1e-9)
    ticks = linear_ticks(low, high, most) if len(finite) > 1 else list(finite)
    return {
        **_axis(title),
        "type": "linear",
        "range": [low, high],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [plain(tick) for tick in ticks],
        "zeroline": zero,
        "zerolinecolor": FAINT,
        "zerolinewidth": 1.2,
    }


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": SIZE}, "standoff": 8},
        "tickfont": {"size": SIZE - 1},
        "showgrid": True,
        "gridcolor": GRID,
        "gridwidth": 1,
        "showline": True,
        "linecolor": INK,
        "linewidth": 1,
        "mirror": True,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": INK,
        "zeroline": False,
        "automargin": False,
    }


def _padded(low: float, high: float, pad: float, least: float) -> tuple[float, float]:
    span = max(high - low, least)
    centre = (low + high) / 2
    return centre - span * (0.5 + pad), centre + span * (0.5 + pad)


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers between two positive ones, a few of them: powers of ten, 1-3 or 1-2-5 steps; within a decade finer
    ones or a linear step, whichever leaves the smaller gap.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        ticks = [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]
        if 3 <= len(ticks) <= most:
            return ticks
    if high / low > 10:  # more decades than ticks: every second, third, … of them
        step = math.ceil(len(decades) / most)
        return [10.0**decade for decade in decades if decade % step == 0 and low <= 10.0**decade <= high]
    finer = [float(f"{digit * 10.0**decade:.6g}") for decade in decades for digit in (1, 1.5, 2, 3, 5, 7)]
    finer = [tick for tick in finer if low <= tick <= high][:most]
    even = linear_ticks(low, high, most)
    return min((even, finer), key=lambda ticks: max(b / a for a, b in pairwise([low, *ticks, high])))


def power_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten between two positive numbers, and three times them where there is room; never none."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 3), (1,)):
        ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if 2 <= len(ticks) <= most:
            return ticks
    return log_ticks(low, high, most)


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between two numbers, at most ``most`` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= most)
    return [float(f"{i * step:.10g}") for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def power_of_ten(value: float) -> str:
    """A number as ``10¹¹`` or ``3×10¹¹``."""
    mantissa, exponent = f"{value:.6e}".split("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if float(mantissa) == 1 else f"{float(mantissa):g}×{power}".replace("-", "−")


def plain(value: float) -> str:
    """A number as people write it, with a real minus sign; very large or small ones as powers of ten."""
    if value and not 1e-4 <= abs(value) < 1e5:
        return power_of_ten(value)
    return f"{value:g}".replace("-", "−")


# Marks -----------------------------------------------------------------------------------------------------------


def line_with_band(
    x: Sequence[float],
    y: Sequence[float],
    low: Sequence[float] | None,
    high: Sequence[float] | None,
    style: Style,
    **trace: Any,
) -> list[go.Scatter]:
    """A curve, and its interval as a shaded band under it; no band where the interval is unknown.

    ``trace`` goes to every trace: the axes, the legend group, a name.
    """
    traces = []
    if low is not None and high is not None:
        traces.append(
            go.Scatter(
                x=[*x, *reversed(x)],
                y=[*high, *reversed(low)],
                fill="toself",
                fillcolor=faded(style.colour),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                **trace,
            )
        )
    traces.append(
        go.Scatter(
            x=list(x), y=list(y), mode="lines", line=style.line(), hoverinfo="skip", showlegend=False, **trace
        )
    )
    return traces


def direction_marker(direction: str | None, size: float = 12) -> dict[str, Any]:
    """Plotly's ``marker`` for a gap that closes, widens, or of which that is not known."""
    symbol, colour, _ = DIRECTIONS[direction or "unclear"]
    is_open = symbol.endswith("-open")
    return {
        "symbol": symbol.removesuffix("-open"),
        "size": size,
        "color": "white" if is_open else colour,
        "line": {"color": colour if is_open else "white", "width": size / 6 if is_open else 0.8},
    }


def legend_key(name: str, style: Style, *, mode: str = "lines+markers", **trace: Any) -> go.Scatter:
    """An entry of the legend that shows dash and symbol together; it draws nothing.

    It carries the legend group of the traces it stands for, so that a click on it hides them.
    """
    return go.Scatter(
        x=[None],
        y=[None],
        mode=mode,
        name=name,
        line=style.line(),
        marker=style.marker(),
        showlegend=True,
        **trace,
    )


def text_width(text: str, size: float = SIZE) -> float:
    """About how wide ``text`` is in pixels, rather too much: tags do not count, a letter is 0.58 of its size."""
    return 0.58 * size * len(shown(text))
