"""A small chart as SVG: two axes, lines, points and bands, in the page's colours.

It is static, so that it needs no script, can be printed, and follows a light or dark page.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from relscale.fitting.verdicts.words import flops
from relscale.report.markup import Markup, element, joined

WIDTH, HEIGHT = 300, 180
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 24
SHAPES = ("circle", "square", "diamond", "triangle", "cross")
SHAPES_IN_WORDS = ("circles", "squares", "diamonds", "triangles", "crosses")
DASHES = (None, "5 3", "1.5 2.5", "8 3 2 3", "3 2")

CORNERS: dict[str, list[tuple[float, float]]] = {
    "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "diamond": [(0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)],
    "triangle": [(0, -1.3), (1.25, 1), (-1.25, 1)],
    "cross": [(-1, -1), (1, 1), (0, 0), (-1, 1), (1, -1), (0, 0)],
}
MOST_TICKS = 6
SERIES = ((1, 2, 5), (1, 3), (1,))  # leading digits of ticks over a decade or more
AS_DECIMALS = (1e-4, 1e4)  # numbers that are written without an exponent
LETTER = 6.4  # width of a tick label's character in pixels
LARGEST = 700.0  # logarithm of a number
MOST_SHAPES = 12  # points of a line that are drawn as shapes; more are dots

Point = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """Logarithmic axes: their ranges, the smallest and largest compute, and the margins in pixels."""

    x: tuple[float, float]
    y: tuple[float, float]
    ends: tuple[float, float]
    right: float = RIGHT
    left: float = LEFT

    @classmethod
    def around(cls, x: Sequence[float], y: Sequence[float], right: float = RIGHT) -> "Axes":
        """Axes around these numbers, with ``right`` pixels for text at the right and room for labels at the left."""
        y_range = _range(y, 0.08, 1.02)
        longest = max(map(len, tick_labels(ticks(y_range))))
        return cls(_range(x, 0.03, 1.05), y_range, (min(x), max(x)), right, max(LEFT, 5 + LETTER * longest))

    def position(self, x: float, y: float) -> Point:
        """The position of a point in pixels from the top left."""
        from_left = _share(x, self.x) * (WIDTH - self.left - self.right) + self.left
        from_top = (1 - _share(y, self.y)) * (HEIGHT - TOP - BOTTOM) + TOP
        return from_left, from_top

    def frame(self) -> Markup:
        """Ticks with grid lines; compute is labelled at both ends, or once if both have the same label."""
        parts, values = [], ticks(self.y)
        for value, label in zip(values, tick_labels(values), strict=True):
            _, from_top = self.position(self.x[0], value)
            parts.append(line([(self.left, from_top), (WIDTH - self.right, from_top)], "grid"))
            parts.append(text(self.left - 4, from_top + 4, label, "tick end"))
        first, last = self.ends
        if flops(first) != flops(last):
            parts.append(text(self.position(first, 1)[0] - 6, HEIGHT - 6, flops(first), "tick"))
        parts.append(text(self.position(last, 1)[0] + 6, HEIGHT - 6, flops(last), "tick end"))
        return joined(*parts)


def chart(title: str, *parts: Markup) -> Markup:
    """The chart; ``title`` is its description for screen readers."""
    return element(
        "svg", element("title", title), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="chart"
    )


def multiples(charts: Sequence[Markup], most: int, more: str) -> list[Markup]:
    """Charts side by side; those after the first ``most`` are folded away below their number and ``more``."""
    shown = [element("div", *charts[:most], class_="multiples")]
    if len(charts) > most:
        summary = element("summary", f"{len(charts) - most} {more}")
        shown.append(element("details", summary, element("div", *charts[most:], class_="multiples")))
    return shown


def line(points: Sequence[Point], class_: str, dash: str | None = None) -> Markup:
    """A line through points in pixels."""
    return element("polyline", points=_points(points), class_=class_, stroke_dasharray=dash, fill="none")


def band(points: Sequence[Point], class_: str) -> Markup:
    """A filled area."""
    return element("polygon", points=_points(points), class_=class_)


def mark(at: Point, shape: str, class_: str, size: float = 2.8) -> Markup:
    """A point."""
    x, y = at
    if shape == "circle":
        return element("circle", cx=round(x, 1), cy=round(y, 1), r=size, class_=class_)
    corners = CORNERS[shape]
    return element(
        "polygon", points=_points([(x + a * size, y + b * size) for a, b in corners]), class_=class_
    )


def marks(points: Sequence[Point], shape: str) -> list[Markup]:
    """The points of one line as shapes, or many points as dots without duplicates."""
    if len(points) <= MOST_SHAPES:
        return [mark(point, shape, "mark") for point in points]
    positions = dict.fromkeys((round(x), round(y)) for x, y in points)
    return [element("path", d="".join(f"M{x} {y}h0" for x, y in positions), class_="dots")]


def text(x: float, y: float, words: str, class_: str) -> Markup:
    """Text that begins at x, or ends there with the class ``end``."""
    return element("text", words, x=round(x, 1), y=round(y, 1), class_=class_)


def ticks(y: tuple[float, float]) -> list[float]:
    """Three to six round numbers inside the range of a logarithmic axis.

    They are multiples of 1, 2 or 5 · 10^k within a decade; 1, 2 and 5, or 1 and 3, or 1 times powers of ten over more.

    Examples
    --------
    >>> ticks((0.008, 0.03)), ticks((0.03, 0.9)), ticks((3e20, 2e24))
    ([0.01, 0.02, 0.03], [0.05, 0.1, 0.2, 0.5], [1e+21, 1e+22, 1e+23, 1e+24])
    """
    low, high = y
    top = math.floor(math.log10(high))
    if high < 10 * low:
        for exponent, digit in itertools.product(range(top, top - 15, -1), (5, 2, 1)):
            step = float(f"{digit}e{exponent}")
            multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
            if len(multiples) >= 3:
                thinned = multiples[:: math.ceil(len(multiples) / MOST_TICKS)]
                return [float(f"{k * digit}e{exponent}") for k in thinned]
        return [low, high]
    exponents = range(math.floor(math.log10(low)), top + 1)
    for digits in SERIES:
        values = [float(f"{digit}e{exponent}") for exponent in exponents for digit in digits]
        values = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(values) <= MOST_TICKS:
            break
    return values[:: math.ceil(len(values) / MOST_TICKS)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The numbers of :func:`ticks`, exactly; within a decade with equally many decimals.

    Examples
    --------
    >>> tick_labels([0.5, 1.0, 1.5]), tick_labels([0.1, 1.0, 10.0])
    (['0.5', '1.0', '1.5'], ['0.1', '1', '10'])
    >>> tick_labels([1e20, 1.5e20]), tick_labels([1e-7, 1e-2])
    (['1.0e20', '1.5e20'], ['1e-7', '0.01'])
    """
    is_decimal = [AS_DECIMALS[0] < value <= AS_DECIMALS[1] for value in values]
    if max(values) < 10 * min(values):
        notation = "f" if all(is_decimal) else "e"
        labels = next(
            labels
            for decimals in range(18)
            if (labels := [f"{value:.{decimals}{notation}}" for value in values])
            and all(math.isclose(float(label), value) for label, value in zip(labels, values, strict=True))
        )
    else:
        labels = [f"{v:g}" if decimal else f"{v:.0e}" for v, decimal in zip(values, is_decimal, strict=True)]
    return [re.sub(r"e([-+])0*", lambda found: "e" + found[1].strip("+"), label) for label in labels]


def _range(values: Sequence[float], margin: float, least: float) -> tuple[float, float]:
    """The range of the values, widened by a share of its logarithm and at least by a factor."""
    low, high = math.log(min(values)), math.log(max(values))
    factor = math.log(least)
    extension = max(margin * (high - low), factor / 2 if high - low < factor else 0.0)
    return math.exp(max(low - extension, -LARGEST)), math.exp(min(high + extension, LARGEST))


def _share(value: float, limits: tuple[float, float]) -> float:
    low, high = map(math.log, limits)
    return (math.log(value) - low) / (high - low)


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
