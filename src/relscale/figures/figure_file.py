"""A plotly figure as a separate file."""

from pathlib import Path
from typing import TYPE_CHECKING

from relscale.figures.as_text import visible_text
from relscale.figures.figure_json import figure_json
from relscale.figures.page import page
from relscale.storage.atomic import atomic_path
from relscale.storage.endings import PAGE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def write_figure(figure: "Figure", output: Path) -> None:
    """Write a figure as one HTML file that works offline, in which it adapts to the width of the page.

    Raises
    ------
    RelscaleError
        The name of the file does not end in ``.html``.
    """
    PAGE.check(output)
    title = visible_text(figure.layout.title.text or output.stem)
    with atomic_path(output) as partial:
        partial.write_bytes(page(title, figure_json(figure)))
