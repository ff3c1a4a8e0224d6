"""The critical batch by branches: excess loss of larger batches at each checkpoint, and the critical batch.

Left: smoothed loss of each branch above that of the branch with the run's own batch, over the factor k of the batch,
one line per run and checkpoint. Right: critical batch over the training tokens of its checkpoint, with its interval.
"""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.branched_checkpoint import BranchedCheckpoint, branched_checkpoints
from relscale.figures.chart.numbers import significant
from relscale.figures.data import FigureData

TITLE = "Critical batch size from branches"
MOST_LINES = 12  # lines that colour, symbol and dash can distinguish
EPSILON = chart.Style(chart.INK, dash="2px,2px", width=1.2)
OWN_BATCH = chart.Style(chart.MEDIUM, "line-ew-open", size=14, width=2)
SHIFT = 9  # pixels between checkpoints of equal tokens


def draw(data: FigureData) -> go.Figure:
    """Draw every checkpoint that branches start from."""
    checkpoints = branched_checkpoints(data)
    if not checkpoints:
        return chart.empty(TITLE, "The config has no training.branches, or no run is finished.")
    shown = checkpoints[:MOST_LINES]
    style = chart.styles([checkpoint.label for checkpoint in shown])
    panels = chart.grid(TITLE, 1, 2, width=400, height=340, gap_x=100, lines=1)
    _draw_losses(panels.panel(0, 0), shown, style)
    _draw_critical(panels.panel(0, 1), shown, style)
    epsilon = shown[0].critical.epsilon
    panels.key(
        [
            *(chart.Key(label, mark, group=label) for label, mark in style.items()),
            chart.Key(f"ε = {significant(epsilon, 2)} nats per token", EPSILON, "lines"),
            chart.Key("batch of the run", OWN_BATCH, "markers"),
        ]
    )
    n_hidden = len(checkpoints) - len(shown)
    panels.notes(
        "The critical batch is the largest whose smoothed loss is at most ε above that of every smaller one. Bars are "
        "95% intervals from the noise of these losses; one that ends above the largest batch tried has no upper limit.",
        *(
            f"{checkpoint.label}: {checkpoint.critical.note}."
            for checkpoint in shown
            if checkpoint.critical.note
        ),
        f"{n_hidden} further checkpoints are in critical_batches.parquet." if n_hidden else "",
    )
    return panels.figure


def _draw_losses(
    panel: chart.Panel, shown: Sequence[BranchedCheckpoint], style: Mapping[str, chart.Style]
) -> None:
    """Draw the loss above that of the run's own batch, over k."""
    factors = [row.factor for checkpoint in shown for row in checkpoint.branches]
    epsilon = shown[0].critical.epsilon
    values = [value for checkpoint in shown for value in checkpoint.excess if value is not None]
    panel.axes(
        chart.log_axis(factors, "k: batch of the branch / batch of the run"),
        chart.linear_axis([*values, epsilon], "loss above that of k = 1 (nats per token)", zero=True),
    )
    panel.heading("Loss increase by batch size")
    panel.reference_line(0.0)
    panel.reference_line(epsilon, EPSILON)
    for checkpoint in shown:
        k, hover = [row.factor for row in checkpoint.branches], "k = %{x}: %{y} nats per token"
        panel.line(
            k, checkpoint.excess, style[checkpoint.label], markers=True, hover=hover, group=checkpoint.label
        )


def _draw_critical(
    panel: chart.Panel, shown: Sequence[BranchedCheckpoint], style: Mapping[str, chart.Style]
) -> None:
    """Draw the critical batch of each checkpoint over its training tokens."""
    tokens = [checkpoint.critical.from_tokens for checkpoint in shown]
    batches = [
        size for checkpoint in shown for size in (checkpoint.critical.batch_tokens, checkpoint.open_end)
    ]
    x = chart.log_axis(tokens, "training tokens of the checkpoint")
    panel.axes(x, chart.log_axis(batches, "critical batch (tokens)"))
    panel.heading("Critical batch")
    panel.points(tokens, [checkpoint.critical.batch_tokens for checkpoint in shown], OWN_BATCH)
    for i, checkpoint in enumerate(shown):
        offset = SHIFT * tokens[:i].count(tokens[i])
        row, mark, hover = checkpoint.critical, style[checkpoint.label], "%{y} tokens after %{x} tokens"
        low, high = [row.low], [checkpoint.open_end if row.high is None else row.high]
        position, value = [panel.shifted_x(row.from_tokens, offset)], [row.critical_batch_tokens]
        panel.points(position, value, mark, low=low, high=high, hover=hover, group=checkpoint.label)
