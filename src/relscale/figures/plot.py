"""One figure by its name: HTML and JSON always; SVG, PDF and PNG where a Chrome is found.

Nothing here imports plotly or a figure until one is drawn, so that the workflow can ask for names and formats cheaply,
and so that this file does not depend on any one figure's code.
"""

import importlib
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relscale.atomic import atomic_path, remove, write_text
from relscale.checksums import files_list, seal_files
from relscale.errors import RelscaleError, first_line
from relscale.figures.as_text import as_text, shown
from relscale.figures.browser import FORMATS, find_chrome, render, static_formats
from relscale.figures.page import LARGEST, page
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from relscale.figures.data import FigureData

__all__ = [
    "each_figure",
    "figure_base",
    "figure_module",
    "figure_names",
    "figure_suite",
    "make_figure",
    "plot",
    "static_formats",
    "suite_figures",
]

DIGITS = 7  # of a number in a figure: far below a pixel


def figure_names() -> list[str]:
    """The figures there are: the modules of this package that define ``draw``, with hyphens for underscores."""
    return _modules_with("\ndef draw(")


def suite_figures() -> list[str]:
    """Those that are drawn once for each suite, as ``relative-law-SUITE``: their modules say ``PER_SUITE = True``."""
    return _modules_with("\nPER_SUITE = True\n")


def _modules_with(text: str) -> list[str]:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return [path.stem.replace("_", "-") for path in files if text in path.read_text(encoding="utf-8")]


def figure_base(name: str) -> str:
    """The figure that a name stands for, without the suite: ``relative-law`` of ``relative-law-knowledge``.

    Raises
    ------
    RelscaleError
        There is no figure of that name.
    """
    bases = [base for base in suite_figures() if name.startswith(f"{base}-")]
    base = name if name in figure_names() else max(bases, key=len, default=name)
    if base not in figure_names():
        raise RelscaleError(f"no figure {name!r}; {suggestion(name, figure_names())}")
    return base


def figure_module(name: str) -> str:
    """The dotted name of the module that draws a figure: ``relscale.figures.relative_law`` for ``relative-law-X``.

    Raises
    ------
    RelscaleError
        There is no figure of that name.
    """
    return f"relscale.figures.{figure_base(name).replace('-', '_')}"


def figure_suite(name: str) -> str | None:
    """The suite in the name of a figure that is drawn once for each, ``X`` in ``relative-law-X``; else None."""
    return name.removeprefix(f"{figure_base(name)}-") if name != figure_base(name) else None


def each_figure(figures: Iterable[str], suites: Iterable[str]) -> list[str]:
    """The figures of an experiment as they are drawn: one that shows a single suite comes once for each."""
    return [
        name
        for figure in figures
        for name in ([f"{figure}-{suite}" for suite in suites] if figure in suite_figures() else [figure])
    ]


def make_figure(name: str, data: "FigureData", options: Mapping[str, Any] | None = None) -> "go.Figure":
    """A figure, with the names that ``options`` have shown as they are; see `plot`."""
    module = importlib.import_module(figure_module(name))
    suite = figure_suite(name)
    chosen = {**(options or {}), **({"suite": suite} if suite else {})}
    figure: go.Figure = module.draw(data, {option: as_text(value) for option, value in chosen.items()})
    return figure


def plot(name: str, data: "FigureData", output: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Draw a figure and write it in every format that this machine can make.

    Parameters
    ----------
    name
        Of ``figure_names()``; ``relative-law-SUITE`` stands for ``relative-law`` with the option ``suite``.
    data
        Where the numbers are.
    output
        A file ending in ``.html``; the other formats go beside it under the same name.
    options
        Of the figure: ``suite``, ``metric``, ``prompt`` …; its module says which.

    Returns
    -------
    list of Path
        The files written. Where no Chrome is found, or the one found fails, a line on standard error says so, and
        pictures of an earlier time are removed, since they show another figure.

    Raises
    ------
    RelscaleError
        An unknown figure or suite, a table that is missing, or an output that does not end in ``.html``.
    """
    output = Path(output)
    if output.suffix != ".html":
        raise RelscaleError(
            f"{output}: a figure's name ends in .html; the other formats are written beside it"
        )
    figure = make_figure(name, data, options)
    drawn = rounded(json.loads(figure.to_json()))
    text = json.dumps(drawn, ensure_ascii=False, separators=(",", ":"))
    html = page(f"{shown(figure.layout.title.text or name)} – {name}", text)
    if len(html) > LARGEST:
        print(f"{output.name}: too large to show in a report's frame; open the file itself", file=sys.stderr)
    written = [output, output.with_suffix(".json")]
    with atomic_path(written[0]) as partial:
        partial.write_bytes(html)
    write_text(written[1], text)
    pictures = [output.with_suffix(f".{ending}") for ending in FORMATS]
    chrome = find_chrome()
    if chrome is None:
        trouble = "no Chrome found: wrote HTML and JSON only; install chromium or google-chrome for SVG, PDF and PNG"
    else:
        try:
            with ExitStack() as stack:
                figure.update_layout(width=figure.layout.meta["width"])
                render(
                    figure.to_dict(), [stack.enter_context(atomic_path(path)) for path in pictures], chrome
                )
            trouble = ""
        except Exception as error:
            trouble = f"{chrome} could not draw ({first_line(error)}): wrote HTML and JSON only"
    if trouble:
        for path in pictures:
            remove(path)
        print(trouble, file=sys.stderr)
    else:
        written += pictures
    seal_files(files_list(output), written)
    return written


def rounded(value: Any) -> Any:
    """JSON-able values with their floats at ``DIGITS`` significant digits: half the size, and no noise in the last."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return value
