"""A small chart as SVG: two axes, lines, points and bands, in the page's colours.

It is static, so that it needs no script, can be printed, and follows a light or dark page.
"""

import math
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
FEW_DECADES = (1e-2, 1e2)  # of an axis with equidistant ticks
LARGEST = 700.0  # logarithm of a number
MOST_SHAPES = 12  # points of a line that are drawn as shapes; more are dots

Point = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """Logarithmic axes: their ranges, the smallest and largest compute, and the right margin in pixels."""

    x: tuple[float, float]
    y: tuple[float, float]
    ends: tuple[float, float]
    right: float = RIGHT

    @classmethod
    def around(cls, x: Sequence[float], y: Sequence[float], right: float = RIGHT) -> "Axes":
        """Axes around these numbers, with ``right`` pixels for text at the right."""
        return cls(_range(x, 0.03, 1.05), _range(y, 0.08, 1.02), (min(x), max(x)), right)

    def position(self, x: float, y: float) -> Point:
        """The position of a point in pixels from the top left."""
        from_left = _share(x, self.x) * (WIDTH - LEFT - self.right) + LEFT
        from_top = (1 - _share(y, self.y)) * (HEIGHT - TOP - BOTTOM) + TOP
        return from_left, from_top

    def frame(self, y_values: Sequence[float]) -> Markup:
        """Ticks with grid lines; compute is labelled at both ends, or once if both have the same label."""
        parts = []
        for value, label in zip(y_values, tick_labels(y_values), strict=True):
            _, from_top = self.position(self.x[0], value)
            parts.append(line([(LEFT, from_top), (WIDTH - self.right, from_top)], "grid"))
            parts.append(text(LEFT - 4, from_top + 4, label, "tick end"))
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
    """Up to six round numbers inside the range of a logarithmic axis, or its ends where it has less than three.

    They are equidistant, or powers of ten where the range is of several of these or far from 1.
    """
    low, high = y
    if low >= FEW_DECADES[0] and high <= FEW_DECADES[1]:
        for step in (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
            first = math.ceil(low / step - 1e-9)
            values = [round(k * step, 6) for k in range(first, math.floor(high / step + 1e-9) + 1)]
            if len(values) >= 3:
                return values[:: math.ceil(len(values) / 6)]
        return [low, high]
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = [10.0**k for k in range(first, last + 1, max(1, math.ceil((last - first + 1) / 6)))]
    return powers if len(powers) >= 3 else [low, high]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The numbers with the smallest number of decimals, up to six, that shows each exactly; others to three digits."""
    decimals = next((n for n in range(6) if all(abs(round(value, n) - value) < 1e-9 for value in values)), 6)
    if min(values) >= FEW_DECADES[0] and max(values) <= FEW_DECADES[1]:
        return [f"{value:.{decimals}f}" for value in values]
    return [f"{value:.3g}" for value in values]


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
