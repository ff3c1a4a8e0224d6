"""Candidates: ways to extrapolate, declared in ``relscale.extrapolation.candidates``."""

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
    forecast
        Function of the known rows and the target rows that returns the forecast of y at the latter, nan without one.
    law
        The law of the catalogue that it fits, if any.
    """

    name: str
    forecast: Forecast
    law: str | None = None


def candidates_for(known: Table) -> list[Candidate]:
    """All candidates that apply to a table, in the order of their files' names.

    Each file of ``relscale.extrapolation.candidates`` defines ``candidates(known)``, which returns those that apply.
    """
    applicable: list[Candidate] = []
    for module in sorted(module.name for module in pkgutil.iter_modules(candidates.__path__)):
        applicable += importlib.import_module(f"{candidates.__name__}.{module}").candidates(known)
    return applicable
