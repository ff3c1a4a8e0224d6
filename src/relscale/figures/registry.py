"""Registry of figures: the modules of this package that declare ``draw``, found by name.

A figure is one file. It declares

``draw``
    Its function of ``FigureData``, and of its options (a ``Section``) if it has any, which returns a plotly figure.
``PER_SUITE = True``
    If it shows one suite; it is then drawn once per suite, as ``relative-law-knowledge``.

There is no list of figures. Modules are read and not imported, because the workflow needs the names often and plotly
takes long to import; parsing all of them would take a hundred times as long as reading.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name
        Name of its module, with hyphens for underscores.
    module
        Dotted name of its module.
    per_suite
        Whether it is drawn once per suite.
    source
        Source of its module.
    """

    name: str
    module: str
    per_suite: bool
    source: str = field(repr=False)

    @property
    def description(self) -> str:
        """First paragraph of its module's docstring, in one line."""
        docstring = ast.get_docstring(ast.parse(self.source)) or ""
        return " ".join(docstring.partition("\n\n")[0].replace("``", "").split())


@cache
def figures() -> dict[str, Figure]:
    """All figures by name, sorted."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    declared = (_declared(path) for path in files)
    return {figure.name: figure for figure in declared if figure}


def _declared(path: Path) -> Figure | None:
    source = path.read_text(encoding="utf-8")
    if "\ndef draw(" not in source:
        return None
    per_suite = re.search(r"^PER_SUITE = True\b", source, re.MULTILINE) is not None
    return Figure(path.stem.replace("_", "-"), f"{__package__}.{path.stem}", per_suite, source)


def find_figure(name: str) -> Figure:
    """The figure of a name with or without a suite: ``relative-law`` for ``relative-law-knowledge``.

    Raises
    ------
    RelscaleError
        There is no figure of this name.
    """
    if name in figures():
        return figures()[name]
    bases = [base for base in figures().values() if base.per_suite and name.startswith(f"{base.name}-")]
    if not bases:
        raise RelscaleError(f"no figure {name!r}; {suggestion(name, list(figures()))}")
    return max(bases, key=lambda base: len(base.name))


def figure_suite(name: str) -> str | None:
    """The suite in the name of a figure, ``X`` in ``relative-law-X``; None for a name without a suite."""
    base = find_figure(name).name
    return name.removeprefix(f"{base}-") if name != base else None


def all_figures(names: Iterable[str], suites: Iterable[str]) -> list[str]:
    """The names of all figures to draw, with one per suite for figures of a single suite."""
    listed = []
    suites = list(suites)
    for name in names:
        is_per_suite = name in figures() and figures()[name].per_suite
        listed += [f"{name}-{suite}" for suite in suites] if is_per_suite else [name]
    return listed
