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
    size_axis,
)
from relscale.figures.chart.end_labels import EndLabel, end_labels, end_labels_width
from relscale.figures.chart.grid import Grid, Key, empty, grid, verdict_keys
from relscale.figures.chart.interval_strip import StripInterval, interval_strip, strip_width
from relscale.figures.chart.numbers import estimate, plain, power_of_ten
from relscale.figures.chart.panel import Panel
from relscale.figures.chart.point_labels import point_labels
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
from relscale.figures.chart.text import text_width
