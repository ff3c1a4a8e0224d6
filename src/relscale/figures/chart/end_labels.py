"""Labels at the right ends of lines."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from relscale.figures.chart.panel import Panel
from relscale.figures.chart.reflow import END_LABEL
from relscale.figures.chart.style import LABEL, Style
from relscale.figures.chart.text import text_width

LEADER = 16  # pixels between a panel's edge and the labels beside it


class EndLabel(NamedTuple):
    """The label of a line that ends at the height ``y``."""

    text: str
    y: float
    style: Style


def end_labels(panel: Panel, labels: Sequence[EndLabel]) -> None:
    """Write labels to the right of a panel, in their lines' colours and as near to the lines' ends as they fit.

    The panel has its axes already, and `end_labels_width` pixels to its right.
    """
    ordered = sorted(labels, key=lambda label: panel.y_pixels(label.y))
    heights = [min(max(panel.y_pixels(label.y), 0.0), float(panel.height)) for label in ordered]
    positions = spread_labels(heights, LABEL + 4, (0.0, float(panel.height)))
    for label, start, end in zip(ordered, heights, positions, strict=True):
        panel.drawing.shapes.append(
            {
                "type": "line",
                "name": END_LABEL,
                "xref": f"{panel.x} domain",
                "yref": f"{panel.y} domain",
                "xsizemode": "pixel",  # so that it ends before the label at any width of the panel
                "xanchor": 1,
                "x0": 2,
                "x1": LEADER - 2,
                "y0": 1 - start / panel.height,
                "y1": 1 - end / panel.height,
                "line": {"color": label.style.colour, "width": 1},
            }
        )
        panel.annotate(
            text=label.text,
            name=END_LABEL,
            x=1,
            xshift=LEADER,
            y=1 - end / panel.height,
            xanchor="left",
            yanchor="middle",
            font={"size": LABEL, "color": label.style.colour},
        )


def end_labels_width(labels: Sequence[str]) -> int:
    """Pixels that `end_labels` needs to the right of a panel."""
    return math.ceil(max((text_width(label, LABEL) for label in labels), default=0)) + LEADER + 6


def spread_labels(
    positions: Sequence[float], label_height: float, limits: tuple[float, float]
) -> list[float]:
    """Positions near the given ones at which labels do not overlap.

    They minimise the sum of squared shifts (pool adjacent violators on ``positions[i] − i·label_height``) and are then
    moved inside the limits. Too many labels for the limits overlap evenly.

    Parameters
    ----------
    positions
        (n,), ascending.
    label_height
        In the unit of the positions.
    limits
        The least and the greatest position.
    """
    if not positions:
        return []
    label_height = min(label_height, (limits[1] - limits[0]) / max(len(positions) - 1, 1))
    blocks: list[tuple[float, int]] = []  # mean, number
    for i, value in enumerate(positions):
        blocks.append((value - i * label_height, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (second, m), (first, n) = blocks.pop(), blocks.pop()
            blocks.append(((first * n + second * m) / (n + m), n + m))
    means = [mean for mean, number in blocks for _ in range(number)]
    last = limits[1] - (len(positions) - 1) * label_height
    return [min(max(mean, limits[0]), last) + i * label_height for i, mean in enumerate(means)]
