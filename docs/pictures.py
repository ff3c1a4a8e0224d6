"""Small pictures of curves as inline SVG, in the page's colours and without a script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 110, 12, 40
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class Line:
    """A curve, and its label at the end."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Axis:
    """The label of an axis, and whether the axis is logarithmic."""

    label: str
    log: bool = True

    def share(self, value: float, low: float, high: float) -> float:
        """The position of a value between the ends, from 0 to 1."""
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low) if high > low else 0.5


def picture(lines: Sequence[Line], x: Axis, y: Axis, alt: str, mark: tuple[float, str] | None = None) -> str:
    """A picture of curves; ``mark`` is the x and the label of a vertical line."""
    xs = [value for line in lines for value in line.x]
    ys = [value for line in lines for value in line.y]
    (x_low, x_high), (y_low, y_high) = (min(xs), max(xs)), (min(ys), max(ys))

    def position(a: float, b: float) -> tuple[float, float]:
        from_left = LEFT + x.share(a, x_low, x_high) * (WIDTH - LEFT - RIGHT)
        return from_left, TOP + (1 - y.share(b, y_low, y_high)) * (HEIGHT - TOP - BOTTOM)

    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="currentColor" opacity=".5"/>']
    for value, anchor in ((x_low, "start"), (x_high, "end")):
        parts.append(_text(position(value, y_low)[0], bottom + 14, _number(value), anchor))
    for value in (y_low, y_high):
        parts.append(_text(LEFT - 5, position(x_low, value)[1] + 4, _number(value), "end"))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 8, x.label, "middle"))
    middle = (TOP + bottom) / 2
    parts.append(_text(12, middle, y.label, "middle", f' transform="rotate(-90 12 {middle:.0f})"'))
    if mark:
        from_left = position(mark[0], y_low)[0]
        parts.append(
            f'<path d="M{from_left:.1f} {TOP}V{bottom}" stroke="currentColor" opacity=".5" '
            'stroke-dasharray="2 2"/>'
        )
        parts.append(_text(from_left + 4, TOP + 10, mark[1], "start"))
    ends = sorted((position(line.x[-1], line.y[-1])[1], i) for i, line in enumerate(lines))
    last = -100.0
    for end, i in ends:
        line, colour, dash_pattern = lines[i], COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(position, line.x, line.y))
        dash = f' stroke-dasharray="{dash_pattern}"' if dash_pattern else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        last = max(end + 4, last + 13)
        parts.append(_text(right + 6, last, line.name, "start", f' style="fill:{colour}"'))
    return (
        f'<svg class="picture" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(alt)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _number(value: float) -> str:
    text = f"{value:.2g}"
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
