"""Where labels stand: beside points with bars, and beside the ends of lines."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from relscale.figures.chart.style import SIZE
from relscale.figures.chart.text import text_width

LABEL = SIZE - 2
NEAR = 7  # pixels between a point, or the end of its bar, and its label
ROUNDS = 4
END = 6  # pixels around the end of a bar, which a label must not hide

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels from the panel's top left corner


class Place(NamedTuple):
    """Where a label may stand: at the point or an end of its bar, and how much of it lies left of there, and below."""

    at: str  # "point", "top" or "bottom"
    left_of: float
    below: float


PLACES = (
    *(
        Place("point", left_of, below)
        for left_of, below in ((0, 0.5), (1, 0.5), (0, 0), (0, 1), (1, 0), (1, 1))
    ),
    Place("top", 0.5, 0),
    Place("bottom", 0.5, 1),
)


class Mark(NamedTuple):
    """A point with its bar, in pixels from the panel's top left corner; a point without one has three equal ys."""

    x: float
    point: float
    top: float
    bottom: float


def place_labels(
    marks: Sequence[Mark], labels: Sequence[str], width: float, height: float, avoid: Sequence[Box] = ()
) -> list[Place]:
    """A place for each label beside its mark, in a panel of ``width`` and ``height`` pixels.

    Each label in turn takes the place where it covers the least of points, bars, ``avoid`` and the other labels and
    leaves the panel the least, the first of ``PLACES`` among equals; a few rounds settle it.
    """
    panel = (2.0, 2.0, width - 2, height - 2)
    fixed = [box for mark in marks for box in _boxes(mark)] + list(avoid)
    offers = [_candidate_positions(mark, label) for mark, label in zip(marks, labels, strict=True)]
    placements = [offered[0] for offered in offers]

    def cost(box: Box, others: Sequence[Box]) -> float:
        area = (box[2] - box[0]) * (box[3] - box[1])
        covered = sum(_overlap(box, mark) for mark in fixed) + 2 * sum(
            _overlap(box, other) for other in others
        )
        return covered + 5 * (area - _overlap(box, panel))

    for _ in range(ROUNDS):
        for i, offered in enumerate(offers):
            others = [box for j, (_, box) in enumerate(placements) if j != i]
            placements[i] = min(offered, key=lambda offer: cost(offer[1], others))
    return [place for place, _ in placements]


def annotation(at: tuple[float, float], label: str, place: Place) -> dict[str, Any]:
    """Plotly's annotation for a label at a point of the panel."""
    return {
        "text": label,
        "x": at[0],
        "y": at[1],
        "xanchor": {0.0: "left", 0.5: "center", 1.0: "right"}[place.left_of],
        "yanchor": {0.0: "bottom", 0.5: "middle", 1.0: "top"}[place.below],
        "xshift": _shift(place.left_of),
        "yshift": _shift(place.below),
        "showarrow": False,
        "font": {"size": LABEL},
        "borderpad": 0,
    }


def _boxes(mark: Mark) -> list[Box]:
    """The parts of a mark that must not be covered; its ends count twice, as the bar and by themselves."""
    point = (mark.x - 7, mark.point - 7, mark.x + 7, mark.point + 7)
    if mark.top == mark.bottom:
        return [point]
    ends = [(mark.x - END, y - END, mark.x + END, y + END) for y in (mark.top, mark.bottom)]
    return [point, (mark.x - 4, mark.top, mark.x + 4, mark.bottom), *ends]


def _candidate_positions(mark: Mark, label: str) -> list[tuple[Place, Box]]:
    """The places of one label, each with the box that it would take."""
    wide, high = text_width(label, LABEL) + 2, LABEL + 2
    offers = []
    for place in PLACES:
        left = mark.x - place.left_of * wide + _shift(place.left_of)
        bottom = getattr(mark, place.at) + place.below * high - _shift(place.below)
        offers.append((place, (left, bottom - high, left + wide, bottom)))
    return offers


def _shift(share: float) -> float:
    """Pixels to the right, or up, that keep a label off its point: none where it is centred on it."""
    return NEAR * (1 - 2 * share)


def _overlap(box: Box, other: Box) -> float:
    wide = min(box[2], other[2]) - max(box[0], other[0])
    high = min(box[3], other[3]) - max(box[1], other[1])
    return max(wide, 0) * max(high, 0)


def spread(heights: Sequence[float], height: float, within: tuple[float, float]) -> list[float]:
    """Positions near ``heights`` at which labels do not overlap.

    The sum of squared distances is the smallest there is (pool adjacent violators on ``heights[i] − i·height``); labels
    that leave ``within`` are pushed back, and stand closer together where there are too many.

    Parameters
    ----------
    heights
        In ascending order.
    """
    if not heights:
        return []
    room = (within[1] - within[0]) / max(len(heights) - 1, 1)
    height = min(height, room)
    blocks: list[tuple[float, int]] = []  # mean, number
    for i, value in enumerate(heights):
        blocks.append((value - i * height, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (second, m), (first, n) = blocks.pop(), blocks.pop()
            blocks.append(((first * n + second * m) / (n + m), n + m))
    means = [mean for mean, number in blocks for _ in range(number)]
    last = within[1] - (len(heights) - 1) * height
    return [min(max(mean, within[0]), last) + i * height for i, mean in enumerate(means)]
