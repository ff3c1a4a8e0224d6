"""Axes with titles, units and round numbers, as plotly's layout dictionaries."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from relscale.figures.chart.numbers import plain, power_of_ten
from relscale.figures.chart.style import FAINT, GRID, INK, SIZE

Axis = dict[str, Any]

COMPUTE = "training compute (FLOPs)"
LARGEST_GAP = 0.2  # between two labels of a log axis, or a label and the axis' end, as a share of its length
SMALLEST_GAP = 0.05


def compute_axis(
    flops: Iterable[float | None], width: float = 330, title: str = COMPUTE, aside: float = 0
) -> Axis:
    """The axis of training compute in a panel of that many pixels, ``aside`` of them kept free to the right."""
    axis = power_axis(flops, title, width - aside)
    low, high = axis["range"]
    axis["range"] = [low, low + (high - low) * width / (width - aside)]
    return axis


def power_axis(values: Iterable[float | None], title: str, width: float = 330) -> Axis:
    """A logarithmic axis labelled ``10¹¹``, ``3×10¹¹``, with no more labels than ``width`` pixels hold."""
    return log_axis(values, title, most=max(2, int(width // 60)), powers=True)


def log_axis(
    values: Iterable[float | None], title: str, *, most: int = 7, powers: bool = False, pad: float = 0.06
) -> Axis:
    """A logarithmic axis around ``values``, labelled across all of its range, by powers of ten or plain numbers.

    Values that are not positive and finite are ignored; where none is left, the axis has no ticks.
    """
    logs = [math.log10(value) for value in values if value is not None and 0 < value < math.inf]
    low, high = _padded(min(logs), max(logs), pad, least=0.02) if logs else (0.0, 0.1)
    choose = power_ticks if powers else log_ticks
    ticks = choose(10**low, 10**high, most) if logs else []
    minor = {"ticks": "outside", "ticklen": 3, "dtick": "D1", "tickcolor": FAINT} if high - low > 0.5 else {}
    return {
        **_axis(title),
        "type": "log",
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [power_of_ten(tick) if powers else plain(tick) for tick in ticks],
        "minor": minor,
    }


def linear_axis(
    values: Iterable[float | None], title: str, *, most: int = 8, pad: float = 0.08, zero: bool = False
) -> Axis:
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
        "tickvals": ticks,
        "ticktext": [plain(tick) for tick in ticks],
        "zeroline": zero,
        "zerolinecolor": FAINT,
        "zerolinewidth": 1.2,
    }


def names_axis(
    names: Sequence[str],
    *,
    margin: float = 0.5,
    size: float = SIZE - 1,
    lines: bool = False,
) -> Axis:
    """A vertical axis of names from top to bottom, at 0, 1, …; ``lines`` draws one through each."""
    positions = list(range(len(names)))
    return {
        **_axis(""),
        "type": "linear",
        "range": [max(positions, default=0) + margin, -margin],
        "tickvals": positions,
        "ticktext": list(names),
        "tickfont": {"size": size},
        "showgrid": lines,
    }


def order_axis(number: int, title: str) -> Axis:
    """The places 1 to ``number``, with a tick where the axis has a title."""
    ticks = sorted({1, *(tick for tick in linear_ticks(1, number + 1, 6) if 1 < tick <= number)})
    ticks = [tick for tick in ticks if title and tick == int(tick)]
    edge = 0.5 + 0.02 * number
    axis = linear_axis([1, number], title, pad=0.0) | {
        "range": [1 - edge, number + edge],
        "showgrid": False,
    }
    return axis | {"tickvals": ticks, "ticktext": [f"{tick:.0f}" for tick in ticks]}


def _axis(title: str) -> Axis:
    return {
        "title": {"text": title, "font": {"size": SIZE}, "standoff": 8},
        "tickmode": "array",
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
    """Round numbers between two positive ones, a few of them, so that no part of the range is without a label.

    Of 1-2-5 steps, 1-3 steps and powers of ten the first that is not too many; within a decade, where these leave a
    gap, the finer or linear steps that leave the smallest one.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def steps(*digits: float) -> list[float]:
        ticks = (float(f"{digit * 10.0**decade:.6g}") for decade in decades for digit in digits)
        return [tick for tick in ticks if low <= tick <= high]

    for ticks in (steps(1, 2, 5), steps(1, 3), steps(1)):
        wide = high / low > 10 or _gaps(low, ticks, high)[1] <= 1.5 * LARGEST_GAP
        if 3 <= len(ticks) <= most and wide:
            return ticks
    if high / low > 10:  # more decades than ticks: every second, third, … of them
        step = math.ceil(len(decades) / most)
        sparse = [10.0**decade for decade in decades if decade % step == 0 and low <= 10.0**decade <= high]
        if len(sparse) > 1:
            return sparse
    offers = [steps(1, 2, 5), steps(1, 1.5, 2, 3, 5, 7), steps(1, 2, 3, 4, 5, 6, 8)]
    offers += [linear_ticks(low, high, number) for number in range(3, most + 4)]
    offers = [ticks for ticks in offers if 0 < len(ticks) <= most + 1]
    apart = [ticks for ticks in offers if _gaps(low, ticks, high)[0] >= SMALLEST_GAP] or offers
    few = [ticks for ticks in apart if len(ticks) <= most] or apart
    best = min(few, key=lambda ticks: (_gaps(low, ticks, high)[1], -len(ticks)))
    if _gaps(low, best, high)[1] <= LARGEST_GAP:
        return best
    return min(apart, key=lambda ticks: (_gaps(low, ticks, high)[1], len(ticks)))


def _gaps(low: float, ticks: Sequence[float], high: float) -> tuple[float, float]:
    """The smallest gap between two ticks, and the largest one, the ends' included, as shares of a log axis."""
    length = math.log(high / low)
    between = [math.log(b / a) / length for a, b in pairwise(ticks)]
    largest = max(math.log(b / a) / length for a, b in pairwise([low, *ticks, high]))
    return min(between, default=1.0), largest


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
