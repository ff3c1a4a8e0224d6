"""A plotly figure as a separate file."""

from pathlib import Path
from typing import TYPE_CHECKING

from relscale.storage.atomic import write_text
from relscale.storage.endings import PAGE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def write_figure(figure: "Figure", output: Path) -> None:
    """Write a figure as one self-contained HTML file.

    Raises
    ------
    RelscaleError
        The name of the file does not end in ``.html``.
    """
    PAGE.check(output)
    write_text(output, figure.to_html(include_plotlyjs=True))
