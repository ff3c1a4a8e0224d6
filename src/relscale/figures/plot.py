"""Draw one figure by name: HTML and JSON, and SVG, PDF and PNG if Chrome is installed.

This module imports a figure, and plotly, only when it draws one, so that it depends on no figure's code.
"""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from pydantic import ValidationError

from relscale.errors import RelscaleError
from relscale.experiments.section import Section
from relscale.figures.as_text import as_text, visible_text
from relscale.figures.figure_json import figure_json
from relscale.figures.page import LARGEST, page
from relscale.figures.pictures import draw_pictures, remove_pictures
from relscale.figures.registry import figure_suite, find_figure
from relscale.storage.atomic import atomic_path, write_text
from relscale.storage.checksums import files_list, listed_files, seal_files
from relscale.storage.endings import PAGE
from relscale.storage.record import reason
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from relscale.figures.data import FigureData


def make_figure(name: str, data: "FigureData", options: Mapping[str, object] | None = None) -> "go.Figure":
    """The figure of this name, as plotly's figure; for the parameters see `plot`."""
    base, suite = find_figure(name), figure_suite(name)
    draw = importlib.import_module(base.module).draw
    section = get_type_hints(draw).get("options")
    values = {**(options or {}), **({"suite": suite} if suite else {})}
    checked = _checked(base.name, section or Section, values)
    figure: go.Figure = draw(data, checked) if section else draw(data)
    return figure


def _checked(figure: str, section: type[Section], values: Mapping[str, object]) -> Section:
    """The options of a figure, validated."""
    for option in values:
        if option not in section.model_fields:
            known = suggestion(option, section.model_fields) if section.model_fields else "it has none"
            raise RelscaleError(f"{figure}: no option {option!r}; {known}")
    try:
        return section.model_validate({option: as_text(value) for option, value in values.items()})
    except ValidationError as error:
        raise RelscaleError(f"{figure}: {reason(error)}") from None


def plot(
    name: str,
    data: "FigureData",
    output: Path,
    options: Mapping[str, object] | None = None,
    pictures: bool = True,
) -> list[Path]:
    """Draw a figure and write it in every available format.

    Parameters
    ----------
    name
        A name in ``registry.figures()``; ``relative-law-SUITE`` is ``relative-law`` with the option ``suite``.
    output
        A file ending in ``.html``; the other formats are written beside it under the same name.
    options
        Options of the figure, such as ``suite``, ``metric`` and ``prompt``.
    pictures
        Whether to draw SVG, PDF and PNG too; otherwise ``relscale.figures.pictures`` can draw those of many figures.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    RelscaleError
        The figure, an option or the suite is unknown, a table is missing, or the output does not end in ``.html``.
    """
    output = Path(output)
    PAGE.check(output)
    figure = make_figure(name, data, options)
    text = figure_json(figure)
    html = page(f"{visible_text(figure.layout.title.text or name)} – {name}", text)
    if len(html) > LARGEST:
        print(f"{output.name}: too large for the report; open the file itself", file=sys.stderr)
    written = [output, output.with_suffix(".json")]
    with atomic_path(written[0]) as partial:
        partial.write_bytes(html)
    write_text(written[1], text)
    seal_files(files_list(output), written)
    if pictures:
        draw_pictures([output])
    else:
        remove_pictures([output])  # those of an earlier figure
    return listed_files(files_list(output))
