"""Small pictures of curves as SVG inside a page: they take the page's colours, and need no script."""

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
    """A curve and its name, which stands at its end."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows, and whether it is logarithmic."""

    label: str
    log: bool = True

    def place(self, value: float, low: float, high: float) -> float:
        """Where a value lies between the ends, from 0 to 1."""
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low) if high > low else 0.5


def picture(lines: Sequence[Line], x: Axis, y: Axis, alt: str, mark: tuple[float, str] | None = None) -> str:
    """A picture of curves; ``mark`` is a value of x and what is there, as a vertical line."""
    xs = [value for line in lines for value in line.x]
    ys = [value for line in lines for value in line.y]
    (x_low, x_high), (y_low, y_high) = (min(xs), max(xs)), (min(ys), max(ys))

    def at(a: float, b: float) -> tuple[float, float]:
        across = LEFT + x.place(a, x_low, x_high) * (WIDTH - LEFT - RIGHT)
        return across, TOP + (1 - y.place(b, y_low, y_high)) * (HEIGHT - TOP - BOTTOM)

    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="currentColor" opacity=".5"/>']
    for value, anchor in ((x_low, "start"), (x_high, "end")):
        parts.append(_text(at(value, y_low)[0], bottom + 14, _number(value), anchor))
    for value in (y_low, y_high):
        parts.append(_text(LEFT - 5, at(x_low, value)[1] + 4, _number(value), "end"))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 8, x.label, "middle"))
    middle = (TOP + bottom) / 2
    parts.append(_text(12, middle, y.label, "middle", f' transform="rotate(-90 12 {middle:.0f})"'))
    if mark:
        across = at(mark[0], y_low)[0]
        parts.append(
            f'<path d="M{across:.1f} {TOP}V{bottom}" stroke="currentColor" opacity=".5" stroke-dasharray="2 2"/>'
        )
        parts.append(_text(across + 4, TOP + 10, mark[1], "start"))
    ends = sorted((at(line.x[-1], line.y[-1])[1], place) for place, line in enumerate(lines))
    last = -100.0
    for end, place in ends:
        line, colour = lines[place], COLOURS[place % len(COLOURS)]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(at, line.x, line.y))
        dash = f' stroke-dasharray="{DASHES[place % len(DASHES)]}"' if DASHES[place % len(DASHES)] else ""
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
