"""Figure of a sweep over learning rate and batch size: runs, fitted paraboloid and its minimum, per model size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import power_of_ten
from relscale.fitting.paraboloid import Minimum
from relscale.laws.law import Array

TITLE = "Sweep over learning rate and batch"
COLUMNS, MOST = 3, 9  # panels
GRID, LEVELS = 40, 6
OPTIMUM = chart.Style("#d55e00", size=10, width=1.6)
BEST_RUN = chart.Style(chart.INK, "diamond-open", size=11)


@dataclass(frozen=True)
class SweptCell:
    """The runs of one model size and number of tokens.

    Attributes
    ----------
    size, tokens
        Parameters and training tokens.
    rate, batch, loss
        (n,) learning rate, batch size and loss of each run.
    best
        Minimum of the paraboloid in ln rate and ln batch, which may not exist.
    low, high
        (2,) limits of the interval of the optimal rate and batch; nan if unknown.
    note
        Reason why there is no minimum, or other caveats.
    """

    size: float
    tokens: float
    rate: Array
    batch: Array
    loss: Array
    best: Minimum
    low: Array
    high: Array
    note: str

    @property
    def name(self) -> str:
        """``10⁷ parameters, 2×10⁸ tokens``."""
        size, tokens = (power_of_ten(float(f"{number:.3g}")) for number in (self.size, self.tokens))
        return f"{size} parameters, {tokens} tokens"

    @property
    def has_interval(self) -> bool:
        """Whether the optimum has an interval."""
        return bool(np.isfinite([*self.low, *self.high]).all())


def draw_sweep(cells: Sequence[SweptCell], rate: str, batch: str) -> go.Figure:
    """One panel per cell: runs coloured by their loss, contours of the excess, the optimum and its interval."""
    shown = cells[:MOST]
    columns = min(COLUMNS, len(shown))
    panels = chart.grid(TITLE, -(-len(shown) // columns), columns, width=330, height=270, gap_x=90, lines=1)
    for place, cell in enumerate(shown):
        _draw(panels.panel(*divmod(place, columns)), cell, rate, batch)
    interval = ", 95% interval" * any(cell.has_interval for cell in shown)
    panels.key(
        [
            chart.Key("a run, coloured by its loss", chart.Style(chart.COLOURS[0]), "markers"),
            chart.Key(f"minimum of the paraboloid{interval}", OPTIMUM, "markers"),
            chart.Key("run with the smallest loss", BEST_RUN, "markers"),
        ]
    )
    losses = np.concatenate([cell.loss for cell in shown])
    panels.colour_scale("loss", float(losses.min()), float(losses.max()))
    n_hidden = len(cells) - len(shown)
    panels.notes(
        "Contours: height of the paraboloid above its minimum, in % of the loss.",
        *(f"{cell.name}: {cell.note}." for cell in shown if cell.note),
        f"{n_hidden} more sizes are not drawn." if n_hidden else "",
    )
    return panels.figure


def _draw(panel: chart.Panel, cell: SweptCell, rate: str, batch: str) -> None:
    x = chart.power_axis(cell.rate, rate, panel.width)
    y = chart.power_axis(cell.batch, batch, panel.height)
    panel.axes(x, y)
    panel.heading(cell.name)
    if cell.best.exists:
        across, up = (10 ** np.linspace(axis["range"][0], axis["range"][1], GRID) for axis in (x, y))
        at = np.log(np.stack([axis.ravel() for axis in np.meshgrid(across, up)]))
        excess = 100 * (cell.best.of(at) / cell.best.value - 1).reshape(GRID, GRID)
        most = 100 * (float(np.quantile(cell.loss, 0.9)) / cell.best.value - 1)
        if (levels := chart.linear_ticks(0.0, most, LEVELS))[1:]:
            chart.contours(panel, across, up, excess, levels)
    hover = [
        f"{r:.3g}, {b:.4g}: {loss:.5g}" for r, b, loss in zip(cell.rate, cell.batch, cell.loss, strict=True)
    ]
    chart.coloured_points(panel, cell.rate, cell.batch, cell.loss, hover, "%{text}")
    lowest = int(cell.loss.argmin())
    panel.points([cell.rate[lowest]], [cell.batch[lowest]], BEST_RUN)
    if cell.best.exists:
        best_rate, best_batch = np.exp(cell.best.at).tolist()
        if cell.has_interval:
            panel.line([cell.low[0], cell.high[0]], [best_batch] * 2, OPTIMUM)
            panel.line([best_rate] * 2, [cell.low[1], cell.high[1]], OPTIMUM)
        panel.points([best_rate], [best_batch], OPTIMUM)
