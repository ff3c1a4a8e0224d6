"""A function of two variables: points coloured by value, and contours."""

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from relscale.figures.chart.panel import Panel
from relscale.figures.chart.style import FAINT, SIZE


def coloured_points(
    panel: Panel, x: ArrayLike, y: ArrayLike, colour: ArrayLike, texts: Iterable[str], hover: str
) -> None:
    """Draw points coloured by a positive number, on the figure's logarithmic colour scale (`Grid.colour_scale`).

    ``texts`` has one text per point, ``%{text}`` in ``hover``.
    """
    marker = {"coloraxis": "coloraxis", "color": _rounded(np.log(colour)), "size": 8}
    panel.add(
        go.Scatter(
            x=_rounded(x),
            y=_rounded(y),
            mode="markers",
            marker={**marker, "line": {"color": "white", "width": 0.6}},
            text=list(texts),
            hovertemplate=f"{hover}<extra></extra>",
            showlegend=False,
        )
    )


def contours(panel: Panel, x: ArrayLike, y: ArrayLike, z: ArrayLike, levels: Sequence[float]) -> None:
    """Draw labelled contours of ``z``, (y, x), at evenly spaced levels."""
    panel.add(
        go.Contour(
            x=_rounded(x),
            y=_rounded(y),
            z=[_rounded(line) for line in np.asarray(z)],
            contours={
                "start": levels[0],
                "end": levels[-1],
                "size": levels[1] - levels[0],
                "coloring": "none",
                "showlabels": True,
                "labelfont": {"size": SIZE - 3, "color": FAINT},
                "labelformat": ".4~r",
            },
            line={"color": "#9a9a9a", "width": 1},
            hoverinfo="skip",
            showscale=False,
            showlegend=False,
        )
    )


def _rounded(values: ArrayLike) -> list[float]:
    """Numbers with as many digits as can be seen, as a list, because plotly stores arrays in binary."""
    return [float(f"{value:.4g}") for value in np.ravel(values)]
