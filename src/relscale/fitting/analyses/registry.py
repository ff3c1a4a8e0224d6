"""Registry of analyses: the modules of this package, discovered by name.

An analysis is one file. It declares

``TABLE``, ``ROW``
    The table that it writes to, and the type of its rows; several analyses may share a table.
``Options``
    A section of the config with its options, which become keys of the section ``fit``; omitted without options.
``FAMILY``
    If each row has a verdict: the columns whose equal values mark rows with jointly adjusted p-values
    (``verdicts.adjusted_verdicts``).
``rows``
    Its function of ``Curves`` or ``FrontierCurves``, by the type of its first parameter, and of the ``Settings``. It is
    called with errors and ratios along every frontier and with ratios between frontiers, or once per frontier.

No other registration is needed. All analyses are imported for their options whenever a config is read, so slow imports
(scipy) belong inside functions.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_type_hints

from relscale.experiments.section import Section
from relscale.fitting import analyses as package
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.settings import Settings


@dataclass(frozen=True)
class Analysis:
    """One analysis.

    Attributes
    ----------
    family
        Columns of the family of its p-values; empty if its rows have no verdicts.
    subject
        Type of its first parameter: ``Curves`` or ``FrontierCurves``.
    """

    name: str
    table: str
    row: type
    options: type[Section]
    family: tuple[str, ...]
    rows: Callable[[Any, Settings], Iterable[Any]]
    subject: type[Curves | FrontierCurves]


def analyses() -> list[Analysis]:
    """All analyses, by name.

    Raises
    ------
    ValueError
        A module lacks a part, or its ``rows`` takes something else.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in names if name != "registry")
    return [_analysis(module) for module in modules]


def _analysis(module: ModuleType) -> Analysis:
    name = module.__name__.rpartition(".")[2]
    for part in ("TABLE", "ROW", "rows"):
        if not hasattr(module, part):
            raise ValueError(f"analyses/{name}.py: has no {part}")
    subject = next(iter(get_type_hints(module.rows).values()))
    if subject not in (Curves, FrontierCurves):
        raise ValueError(f"analyses/{name}.py: rows takes {subject}, not Curves or FrontierCurves")
    options, family = getattr(module, "Options", Section), getattr(module, "FAMILY", ())
    return Analysis(name, module.TABLE, module.ROW, options, family, module.rows, subject)
