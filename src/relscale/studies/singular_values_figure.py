"""Figure of the largest singular values: by depth, one line per width, and by width in units of √(η/λ)."""

from collections.abc import Sequence

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.studies.singular_values import SingularValueRow, width_exponents

TITLE = "Largest singular values"


def singular_values_figure(rows: Sequence[SingularValueRow]) -> go.Figure:
    """Draw the largest singular values by depth (left) and by width (right).

    The lines of the left panel coincide if the recipe keeps the scale of matrices across widths.
    """
    if not rows:
        return chart.empty(TITLE, "No model has matrices in layers.")
    scaled = [row for row in rows if row.scale is not None]
    panels = chart.grid(TITLE, 1, 2 if scaled else 1, width=400, height=320, gap_x=100, lines=1)
    _draw_depth(panels.panel(0, 0), rows)
    widths = chart.ordered_styles(sorted({row.width for row in rows}))
    keys = [chart.Key(f"width {width}", style, group=str(width)) for width, style in widths.items()]
    if scaled:
        _draw_width(panels.panel(0, 1), scaled)
        kinds = chart.styles(sorted({row.matrix for row in scaled}))
        keys += [chart.Key(kind, style, group=kind) for kind, style in kinds.items()]
    panels.key(keys)
    notes = {row.note for row in width_exponents(rows) if row.note}
    panels.notes(*sorted(notes)[:1])
    return panels.figure


def _draw_depth(panel: chart.Panel, rows: Sequence[SingularValueRow]) -> None:
    """The mean over models and matrices of a layer, one line per width."""
    layers = sorted({row.layer for row in rows})
    panel.axes(chart.linear_axis(layers, "layer"), chart.log_axis([row.sigma_max for row in rows], "σ_max"))
    panel.heading("By depth", "mean over the matrices of a layer")
    widths = sorted({row.width for row in rows})
    for width, style in chart.ordered_styles(widths).items():
        means = {}
        for layer in layers:
            sigmas = [row.sigma_max for row in rows if (row.width, row.layer) == (width, layer)]
            if sigmas:
                means[layer] = sum(sigmas) / len(sigmas)
        panel.line(list(means), list(means.values()), style, markers=True, name=str(width), group=str(width))


def _draw_width(panel: chart.Panel, rows: Sequence[SingularValueRow]) -> None:
    """The largest singular value of every matrix in units of √(η/λ)."""
    scaled = [row.sigma_max / row.scale for row in rows if row.scale]
    panel.axes(chart.log_axis([row.width for row in rows], "width"), chart.log_axis(scaled, "σ_max / √(η/λ)"))
    exponents = [row.scaled_exponent for row in width_exponents(rows) if row.scaled_exponent is not None]
    if exponents:
        panel.heading("By width", f"exponents from {min(exponents):.2f} to {max(exponents):.2f}")
    for kind, style in chart.styles(sorted({row.matrix for row in rows})).items():
        matrix_rows = [row for row in rows if row.matrix == kind]
        panel.points(
            [row.width for row in matrix_rows],
            [row.sigma_max / row.scale for row in matrix_rows if row.scale],
            style,
            details=[f"{row.run}, layer {row.layer}" for row in matrix_rows],
            hover="%{customdata}<br>%{y}",
            name=kind,
            group=kind,
        )
