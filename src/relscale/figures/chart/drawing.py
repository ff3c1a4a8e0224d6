"""A figure while it is being drawn."""

from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with the annotations and shapes that it will have.

    Plotly validates all annotations again for each one that is added, so it gets them all at once.

    Attributes
    ----------
    annotations, shapes
        By plotly's names.
    """

    figure: go.Figure
    annotations: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)

    def finished(self) -> go.Figure:
        """The figure with its annotations and shapes."""
        self.figure.layout.annotations = self.annotations
        self.figure.layout.shapes = self.shapes
        return self.figure
