"""Validation loss against training tokens at each compute budget, and the minima (the paper's Figure 2, left).

One column per corpus. A budget that counts other FLOPs, such as those of forward passes, is named by its training
FLOPs, as on the axis of the frontier.
"""

from collections.abc import Sequence
from statistics import median

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, power_of_ten
from relscale.figures.data import FigureData, MeasuredRun
from relscale.figures.isoflop_panel import MINIMUM, draw_isoflop, has_loss
from relscale.figures.row_filter import LOSS
from relscale.figures.select import series_present, series_rows
from relscale.fitting.curves.point_rows import FrontierRow

TITLE = "IsoFLOP curves"


def draw(data: FigureData) -> go.Figure:
    """Draw every run of every budget, with the fitted parabolas."""
    runs = [run for run in data.rows(MeasuredRun, **LOSS) if known(run.budget)]
    budgets = sorted({number(run.budget) for run in runs})
    if not budgets:
        return chart.empty(TITLE, "No run has a compute budget and a validation loss.")
    all_series = series_present(data, runs)
    panels = chart.grid(TITLE, 1, len(all_series), width=370, height=350, gap_x=84)
    style = chart.ordered_styles(budgets)
    names = {budget: _name(budget, [run for run in runs if run.budget == budget]) for budget in budgets}
    x = chart.power_axis([run.tokens for run in runs], "training tokens", panels.width)
    notes = []
    for column, series in enumerate(all_series):
        points = series_rows(series, data.rows(FrontierRow, run=None))
        notes += draw_isoflop(
            panels.panel(0, column), series, series_rows(series, runs), points, style, names, x
        )
    keys = [chart.Key(names[budget], style[budget], group=names[budget]) for budget in reversed(budgets)]
    keys.append(chart.Key("minimum: compute-optimal", MINIMUM, "markers"))
    if not all(map(has_loss, runs)):
        keys.append(chart.Key("excluded: no finite loss", chart.EXCLUDED, "markers"))
    panels.key(keys, "training compute")
    panels.notes(*notes)
    return panels.figure


def _name(budget: float, runs: Sequence[MeasuredRun]) -> str:
    """The compute of a budget's runs in words, such as ``3×10¹⁸ FLOPs``."""
    spent = [number(run.training_flops) for run in runs if known(run.training_flops)]
    flops = median(spent) if spent else budget
    return f"{power_of_ten(float(f'{flops:.2g}'))} FLOPs"
