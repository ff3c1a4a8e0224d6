"""Axes with titles, units and round tick labels, as dictionaries of plotly's layout."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from relscale.figures.chart.numbers import has_plain_form, plain, power_of_ten
from relscale.figures.chart.style import FAINT, GRID, INK, SIZE

Axis = dict[str, Any]

COMPUTE = "training compute (FLOPs)"
LARGEST_GAP = 0.2  # between labels of a log axis, or a label and an end of the axis, as a share of its length
SMALLEST_GAP = 0.05  # between two labels
LARGE = 1e5  # of numbers that are written as powers of ten


def compute_axis(
    flops: Iterable[float | None], width: float = 330, title: str = COMPUTE, aside: float = 0
) -> Axis:
    """An axis of training compute, ``width`` pixels long, of which ``aside`` at the right have no data and no ticks."""
    axis = power_axis(flops, title, width - aside)
    low, high = axis["range"]
    if aside and axis["minor"]:
        decades = range(math.floor(low), math.ceil(high))
        ticks = [float(f"{digit}e{decade}") for decade in decades for digit in range(1, 10)]
        axis["minor"] |= {"tickmode": "array", "tickvals": [tick for tick in ticks if tick <= 10**high]}
    axis["range"] = [low, low + (high - low) * width / (width - aside)]
    return axis


def power_axis(values: Iterable[float | None], title: str, width: float = 330) -> Axis:
    """A logarithmic axis ``width`` pixels long, labelled ``10¹¹``, ``3×10¹¹``, with room for each label."""
    return log_axis(values, title, most=max(2, int(width // 60)), powers=True)


def size_axis(values: Iterable[float | None], title: str, width: float = 330) -> Axis:
    """A logarithmic axis ``width`` pixels long, labelled with powers of ten if its numbers are large, as compute is."""
    values = list(values)
    is_large = max((value for value in values if value is not None), default=0.0) >= LARGE
    return power_axis(values, title, width) if is_large else log_axis(values, title)


def log_axis(
    values: Iterable[float | None], title: str, *, most: int = 7, powers: bool = False, pad: float = 0.06
) -> Axis:
    """A logarithmic axis around ``values``, labelled over its whole range with powers of ten or plain numbers.

    Either all labels are powers of ten, also if one of them is too large or small for a plain number, or none.

    Values that are not positive and finite are ignored; without any other value, the axis has no ticks.
    """
    logs = [math.log10(value) for value in values if value is not None and 0 < value < math.inf]
    low, high = _padded(min(logs), max(logs), pad, least=0.02) if logs else (0.0, 0.1)
    choose = power_ticks if powers else log_ticks
    ticks = choose(10**low, 10**high, most) if logs else []
    label = power_of_ten if powers or not all(map(has_plain_form, ticks)) else plain
    minor = {"ticks": "outside", "ticklen": 3, "dtick": "D1", "tickcolor": FAINT} if high - low > 0.5 else {}
    return {
        **_axis(title),
        "type": "log",
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [label(tick) for tick in ticks],
        "minor": minor,
    }


def linear_axis(
    values: Iterable[float | None], title: str, *, most: int = 8, pad: float = 0.08, zero: bool = False
) -> Axis:
    """A linear axis around ``values``; ``zero`` includes 0 and draws a line there.

    If all values are equal, that value is the only tick; without values there are no ticks.
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
    """A vertical axis of names from top to bottom, at 0, 1, …; ``lines`` draws a grid line through each name."""
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
    """An axis of the ranks 1 to ``number``, with ticks if it has a title."""
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
    """About ``most`` round numbers between two positive numbers, without large gaps.

    The first of 1-2-5 steps, 1-3 steps and powers of ten with at most ``most`` ticks. Within a decade, if these leave a
    large gap, the finer or linear steps with the smallest gap.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def steps(*digits: float) -> list[float]:
        ticks = (float(f"{digit * 10.0**decade:.6g}") for decade in decades for digit in digits)
        return [tick for tick in ticks if low <= tick <= high]

    for ticks in (steps(1, 2, 5), steps(1, 3), steps(1)):
        is_even = high / low > 10 or _gaps(low, ticks, high)[1] <= 1.5 * LARGEST_GAP
        if 3 <= len(ticks) <= most and is_even:
            return ticks
    if high / low > 10:  # more decades than ticks: every second, third, … decade
        step = math.ceil(len(decades) / most)
        sparse = [10.0**decade for decade in decades if decade % step == 0 and low <= 10.0**decade <= high]
        if len(sparse) > 1:
            return sparse
    candidates = [steps(1, 2, 5), steps(1, 1.5, 2, 3, 5, 7), steps(1, 2, 3, 4, 5, 6, 8)]
    candidates += [linear_ticks(low, high, number) for number in range(3, most + 4)]
    candidates = [ticks for ticks in candidates if 0 < len(ticks) <= most + 1]
    candidates = [ticks for ticks in candidates if _gaps(low, ticks, high)[0] >= SMALLEST_GAP] or candidates
    at_most = [ticks for ticks in candidates if len(ticks) <= most] or candidates
    best = min(at_most, key=lambda ticks: (_gaps(low, ticks, high)[1], -len(ticks)))
    if _gaps(low, best, high)[1] <= LARGEST_GAP:
        return best
    return min(candidates, key=lambda ticks: (_gaps(low, ticks, high)[1], len(ticks)))


def _gaps(low: float, ticks: Sequence[float], high: float) -> tuple[float, float]:
    """The smallest gap between ticks, and the largest between ticks or an axis end, as shares of a log axis."""
    length = math.log(high / low)
    between = [math.log(b / a) / length for a, b in pairwise(ticks)]
    largest = max(math.log(b / a) / length for a, b in pairwise([low, *ticks, high]))
    return min(between, default=1.0), largest


def power_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten between two positive numbers, and their triples if at most ``most``; else `log_ticks`."""
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
