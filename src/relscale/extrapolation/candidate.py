"""A candidate: one way to extrapolate, and all that are declared in ``relscale.extrapolation.candidates``."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from relscale.extrapolation import candidates
from relscale.extrapolation.table import Table
from relscale.laws.law import Array

Forecast = Callable[[Table, Table], Array]


@dataclass(frozen=True)
class Candidate:
    """One way to extrapolate.

    Attributes
    ----------
    name
        What it is called in the tables that are printed.
    forecast
        From the known rows and the rows asked for to the forecast of y there, nan where it has none.
    law
        The law of the catalogue that it fits, where it does.
    """

    name: str
    forecast: Forecast
    law: str | None = None


def candidates_for(known: Table) -> list[Candidate]:
    """Every candidate that can speak of such a table, in the order of the files' names.

    A file of ``relscale.extrapolation.candidates`` defines ``candidates(known)``, which gives those that apply.
    """
    applicable: list[Candidate] = []
    for module in sorted(module.name for module in pkgutil.iter_modules(candidates.__path__)):
        applicable += importlib.import_module(f"{candidates.__name__}.{module}").candidates(known)
    return applicable
