"""Styles of marks: colours, dashes and symbols that can be distinguished in black and white, and fonts.

Sizes are in pixels. A figure 1000 pixels wide, printed over two columns (7 inches), shows its 14-pixel text at about
7 points.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import plotly.graph_objects as go

from relscale.fitting.verdicts.verdict import Verdict

N = TypeVar("N")

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
SIZE = 14
LABEL = SIZE - 2  # of labels beside points and lines
INK = "#1a1a1a"  # text, axes, and marks for all groups together
FAINT = "#6b6b6b"  # small print
MEDIUM = "#7a7a7a"  # groups too many to distinguish, and comparisons
PALE = "#d9d9d9"
GRID = "#e3e3e3"
BAND_OPACITY = 0.13

BASELINE = "#000000"  # only for the baseline
# Six of Okabe and Ito's colours (2008), which can be distinguished with the common colour vision deficiencies (their
# yellow is illegible on white), then five darker ones, which differ from the six in lightness too.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#b5619a", "#c98a00", "#3f9fd4"),
    *("#882255", "#332288", "#6f6a00", "#7a4a1e", "#00594c"),
)
FILLED = (
    *("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "hexagon"),
    "pentagon",
)
SYMBOLS = (*FILLED, *(f"{symbol}-open" for symbol in FILLED))
DASHES = ("solid", "8px,3px", "2px,2px", "8px,3px,2px,3px", "14px,4px", "14px,3px,2px,3px,2px,3px", "5px,2px")
LINE_SYMBOLS = ("line-ns", "x-thin-open")  # symbols that are only an outline

# From dark to light, so that the order is visible in grey; the lightest is legible on white.
SEQUENCE = ((0.0, (24, 28, 92)), (0.35, (36, 93, 158)), (0.7, (38, 150, 152)), (1.0, (122, 170, 64)))


@dataclass(frozen=True, slots=True)
class Style:
    """Style of a series.

    Attributes
    ----------
    colour, symbol, dash
        The colour, marker symbol and line dash; no two groups of a figure have the same symbol and dash.
    size, width
        Size of the marker and width of the line, in pixels.
    fill
        Colour inside the marker; ``colour`` by default.
    """

    colour: str
    symbol: str = "circle"
    dash: str = "solid"
    size: float = 8
    width: float = 2
    opacity: float = 1
    fill: str | None = None

    @property
    def line(self) -> dict[str, Any]:
        """Plotly's ``line``."""
        return {"color": self.colour, "dash": self.dash, "width": self.width}

    @property
    def marker(self) -> dict[str, Any]:
        """Plotly's ``marker``; a white rim keeps overlapping symbols apart."""
        outlined = bool(self.fill) or self.symbol.endswith("-open-dot") or self.symbol in LINE_SYMBOLS
        is_open = outlined or self.symbol.endswith("-open")
        rim = {
            "color": self.colour if is_open else "white",
            "width": self.width if outlined else 1.8 if is_open else 0.8,
        }
        return {
            "color": self.fill or self.colour,
            "symbol": self.symbol,
            "size": self.size,
            "opacity": self.opacity,
            "line": rim,
        }


EXCLUDED = Style(INK, "x-thin-open", size=10, width=2.4)  # × for an excluded run; no group has this symbol

# Verdicts on gaps: each has its own symbol, dash and hatching.
VERDICTS = {
    Verdict.CLOSES: Style("#0072b2", "triangle-down", size=12),
    Verdict.WIDENS: Style("#d55e00", "triangle-up", "8px,3px", size=12),
    Verdict.CROSSES: Style("#8b4fb0", "x", "2px,2px", size=10),
    Verdict.FLAT: Style("#00694f", "square", "14px,4px", size=10),
    Verdict.NOT_RESOLVED: Style(INK, "circle", size=12, fill="white"),
}
VERDICT_WORDS = {
    Verdict.CLOSES: "gap closes",
    Verdict.WIDENS: "gap widens",
    Verdict.CROSSES: "curves cross",
    Verdict.FLAT: "gap is flat",
    Verdict.NOT_RESOLVED: "not resolved",
}
HATCHING = dict(zip(VERDICTS, ("", "/", "x", ".", ""), strict=True))


def hatched(colour: str, shape: str) -> dict[str, Any]:
    """Plotly's ``marker`` of bars of a colour, hatched in white."""
    pattern = {"shape": shape, "size": 5, "solidity": 0.3, "fgcolor": "white", "fillmode": "overlay"}
    return {"color": colour, "line": {"width": 0}, "pattern": pattern}


def verdict_style(verdict: str | None) -> Style:
    """The style of a gap with this verdict; None counts as not resolved."""
    return VERDICTS[Verdict(verdict or Verdict.NOT_RESOLVED)]


def verdict_words(verdict: str | None) -> str:
    """The words for a verdict in legends and headings."""
    return VERDICT_WORDS[Verdict(verdict)] if verdict else "no interval"


def styles(names: Iterable[N], baseline: N | None = None) -> dict[N, Style]:
    """A style for each name, by its position in ``names``; the baseline comes first, in solid black with circles."""
    listed = list(names)
    first = [name for name in listed if name == baseline]
    ordered = first + [name for name in listed if name != baseline]
    return {
        name: Style(
            BASELINE if name == baseline and first else COLOURS[(i - len(first)) % len(COLOURS)],
            SYMBOLS[i % len(SYMBOLS)],
            DASHES[i % len(DASHES)],
        )
        for i, name in enumerate(ordered)
    }


def ordered_styles(names: Sequence[N]) -> dict[N, Style]:
    """Styles for an ordered quantity such as budgets: sequential colours, with distinct symbols and dashes."""
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
    """A ``#rrggbb`` colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def layout(title: str) -> dict[str, Any]:
    """The layout that all figures share."""
    return {
        "template": go.layout.Template(),
        "title": {
            "text": title,
            "font": {"size": SIZE + 3, "color": INK},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 14, "t": 12},
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
