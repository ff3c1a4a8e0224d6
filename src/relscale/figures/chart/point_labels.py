"""Labels beside points with error bars."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from relscale.figures.chart.panel import Panel
from relscale.figures.chart.style import LABEL
from relscale.figures.chart.text import text_width

MARGIN = 7  # pixels between a point, or the end of its bar, and its label
ROUNDS = 4
BAR_END = 6  # pixels around the end of a bar that a label should not cover

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels from the panel's top left corner


class LabelPosition(NamedTuple):
    """A position of a label: its anchor, and the shares of the label left of and below the anchor."""

    anchor: str  # "point", "top" or "bottom"
    left_share: float
    share_below: float


POSITIONS = (
    *(
        LabelPosition("point", left_share, share_below)
        for left_share, share_below in ((0, 0.5), (1, 0.5), (0, 0), (0, 1), (1, 0), (1, 1))
    ),
    LabelPosition("top", 0.5, 0),
    LabelPosition("bottom", 0.5, 1),
)


class Mark(NamedTuple):
    """A point with its bar, in pixels from the panel's top left corner; without a bar, all three heights are equal."""

    x: float
    point: float
    top: float
    bottom: float


def point_labels(
    panel: Panel, points: Sequence[tuple[float, float, float | None, float | None]], labels: Sequence[str]
) -> None:
    """Label points with vertical bars, ``(x, y, low, high)``, in a panel that has its axes."""
    marks = []
    for x, y, low, high in points:
        top, bottom = (y, y) if low is None or high is None else (high, low)
        marks.append(Mark(panel.x_pixels(x), *map(panel.y_pixels, (y, top, bottom))))
    zero = panel.y_pixels(0.0) if panel.y_axis.type != "log" else -10.0
    positions = place_labels(
        marks, labels, panel.width, panel.height, [(0.0, zero - 2, panel.width, zero + 2)]
    )
    for mark, label, position in zip(marks, labels, positions, strict=True):
        height = {"point": mark.point, "top": mark.top, "bottom": mark.bottom}[position.anchor]
        panel.annotate(
            x=mark.x / panel.width, y=1 - height / panel.height, text=label, **_annotation(position)
        )


def place_labels(
    marks: Sequence[Mark], labels: Sequence[str], width: float, height: float, avoid: Sequence[Box] = ()
) -> list[LabelPosition]:
    """The position of each label beside its mark, in a panel of ``width`` and ``height`` pixels.

    Each label in turn gets the position that overlaps least with points, bars, ``avoid``, other labels and the outside
    of the panel; ties go to the first of ``POSITIONS``. This is repeated ``ROUNDS`` times.
    """
    panel = (2.0, 2.0, width - 2, height - 2)
    fixed = [box for mark in marks for box in _boxes(mark)] + list(avoid)
    candidates = [_candidate_positions(mark, label) for mark, label in zip(marks, labels, strict=True)]
    placements = [positions[0] for positions in candidates]

    def cost(box: Box, others: Sequence[Box]) -> float:
        area = (box[2] - box[0]) * (box[3] - box[1])
        covered = sum(_overlap(box, mark) for mark in fixed) + 2 * sum(
            _overlap(box, other) for other in others
        )
        return covered + 5 * (area - _overlap(box, panel))

    for _ in range(ROUNDS):
        for i, positions in enumerate(candidates):
            others = [box for j, (_, box) in enumerate(placements) if j != i]
            placements[i] = min(positions, key=lambda candidate: cost(candidate[1], others))
    return [position for position, _ in placements]


def _annotation(position: LabelPosition) -> dict[str, Any]:
    """Alignment of a label at its anchor, as properties of plotly's annotation."""
    return {
        "xanchor": {0.0: "left", 0.5: "center", 1.0: "right"}[position.left_share],
        "yanchor": {0.0: "bottom", 0.5: "middle", 1.0: "top"}[position.share_below],
        "xshift": _shift(position.left_share),
        "yshift": _shift(position.share_below),
        "font": {"size": LABEL},
        "borderpad": 0,
    }


def _boxes(mark: Mark) -> list[Box]:
    """The boxes that labels should not cover: the point, the bar, and the bar's ends, which therefore count twice."""
    point = (mark.x - 7, mark.point - 7, mark.x + 7, mark.point + 7)
    if mark.top == mark.bottom:
        return [point]
    ends = [(mark.x - BAR_END, y - BAR_END, mark.x + BAR_END, y + BAR_END) for y in (mark.top, mark.bottom)]
    return [point, (mark.x - 4, mark.top, mark.x + 4, mark.bottom), *ends]


def _candidate_positions(mark: Mark, label: str) -> list[tuple[LabelPosition, Box]]:
    """The positions of a label, each with the box that the label would fill."""
    width, height = text_width(label, LABEL) + 2, LABEL + 2
    candidates = []
    for position in POSITIONS:
        left = mark.x - position.left_share * width + _shift(position.left_share)
        bottom = getattr(mark, position.anchor) + position.share_below * height - _shift(position.share_below)
        candidates.append((position, (left, bottom - height, left + width, bottom)))
    return candidates


def _shift(share: float) -> float:
    """Pixels to the right, or up, between an anchor and its label; 0 for a centred label."""
    return MARGIN * (1 - 2 * share)


def _overlap(box: Box, other: Box) -> float:
    """Common area of two boxes, in square pixels."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0) * max(height, 0)
