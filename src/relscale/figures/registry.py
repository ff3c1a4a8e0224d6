"""Registry of figures: the modules of this package that declare ``draw``, found by name.

A figure is one file. It declares

``draw``
    Its function of ``FigureData``, and of its options where it has any (a ``Section``), which returns a plotly figure.
``PER_SUITE = True``
    Where it shows one suite: it is then drawn once for each, as ``relative-law-knowledge``.

Nothing else names it. What a module declares is read from its syntax tree and not imported: the workflow asks for
names often, and plotly takes longer to import than all else.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
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
        Of its module, with hyphens for underscores.
    module
        The dotted name of its module.
    per_suite
        Whether it is drawn once for each suite.
    description
        Description: the first paragraph of its module's docstring, in one line.
    """

    name: str
    module: str
    per_suite: bool
    description: str


@cache
def figures() -> dict[str, Figure]:
    """All figures by name, sorted."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    declared = (_declared(path) for path in files)
    return {figure.name: figure for figure in declared if figure}


def _declared(path: Path) -> Figure | None:
    text = path.read_text(encoding="utf-8")
    if "\ndef draw(" not in text:  # most modules here, and to read a tree takes a hundred times as long
        return None
    tree = ast.parse(text)
    constants = {
        target.id: part.value.value
        for part in tree.body
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    description = (ast.get_docstring(tree) or "").partition("\n\n")[0].replace("``", "")
    return Figure(
        path.stem.replace("_", "-"),
        f"{__package__}.{path.stem}",
        constants.get("PER_SUITE") is True,
        " ".join(description.split()),
    )


def figure_of(name: str) -> Figure:
    """The figure that a name stands for, with or without a suite: ``relative-law`` of ``relative-law-knowledge``.

    Raises
    ------
    RelscaleError
        There is no figure of that name.
    """
    if name in figures():
        return figures()[name]
    bases = [base for base in figures().values() if base.per_suite and name.startswith(f"{base.name}-")]
    if not bases:
        raise RelscaleError(f"no figure {name!r}; {suggestion(name, list(figures()))}")
    return max(bases, key=lambda base: len(base.name))


def figure_suite(name: str) -> str | None:
    """The suite in the name of a figure that is drawn once for each, ``X`` in ``relative-law-X``; else None."""
    base = figure_of(name).name
    return name.removeprefix(f"{base}-") if name != base else None


def all_figures(names: Iterable[str], suites: Iterable[str]) -> list[str]:
    """The figures of an experiment as they are drawn: one that shows a single suite comes once for each."""
    return [
        name_of_figure
        for name in names
        for name_of_figure in (
            [f"{name}-{suite}" for suite in suites]
            if name in figures() and figures()[name].per_suite
            else [name]
        )
    ]
