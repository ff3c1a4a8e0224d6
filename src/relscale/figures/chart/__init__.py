"""The chart layer of all figures: a grid of panels measured in pixels, with marks, legends and notes.

A figure makes a `grid`, sets the axes of each panel, draws points, lines and intervals into it, and adds a legend and
notes around it::

    chart = grid("Loss", rows=1, columns=2)
    panel = chart.panel(0, 0)
    panel.axes(compute_axis(flops), log_axis(losses, "loss (nats per token)"))
    panel.points(flops, losses, style, hover="%{x:.3g} FLOPs")
    chart.key([Key("measured", style)])
    chart.notes("Each point is a run.")
"""

from relscale.figures.chart.axes import (
    compute_axis,
    linear_axis,
    linear_ticks,
    log_axis,
    log_ticks,
    names_axis,
    order_axis,
    power_axis,
)
from relscale.figures.chart.end_labels import EndLabel, end_labels, end_labels_width
from relscale.figures.chart.grid import HEADING, Grid, Key, empty, grid, verdict_keys
from relscale.figures.chart.interval_strip import StripInterval, interval_strip, strip_width
from relscale.figures.chart.numbers import decimals, estimate, known, number, plain, power_of_ten, significant
from relscale.figures.chart.panel import Panel
from relscale.figures.chart.point_labels import point_labels
from relscale.figures.chart.reflow import LINE
from relscale.figures.chart.style import (
    BASELINE,
    COLOURS,
    DASHES,
    EXCLUDED,
    FAINT,
    FILLED,
    HATCHING,
    INK,
    MEDIUM,
    PALE,
    SEQUENCE,
    SIZE,
    VERDICTS,
    Style,
    faded,
    ordered_styles,
    styles,
    verdict_style,
    verdict_words,
)
from relscale.figures.chart.surface import coloured_points, contours
from relscale.figures.chart.text import text_width, wrap

__all__ = [
    "BASELINE",
    "COLOURS",
    "DASHES",
    "EXCLUDED",
    "FAINT",
    "FILLED",
    "HATCHING",
    "HEADING",
    "INK",
    "LINE",
    "MEDIUM",
    "PALE",
    "SEQUENCE",
    "SIZE",
    "VERDICTS",
    "EndLabel",
    "Grid",
    "Key",
    "Panel",
    "StripInterval",
    "Style",
    "coloured_points",
    "compute_axis",
    "contours",
    "decimals",
    "empty",
    "end_labels",
    "end_labels_width",
    "estimate",
    "faded",
    "grid",
    "interval_strip",
    "known",
    "linear_axis",
    "linear_ticks",
    "log_axis",
    "log_ticks",
    "names_axis",
    "number",
    "order_axis",
    "ordered_styles",
    "plain",
    "point_labels",
    "power_axis",
    "power_of_ten",
    "significant",
    "strip_width",
    "styles",
    "text_width",
    "verdict_keys",
    "verdict_style",
    "verdict_words",
    "wrap",
]
