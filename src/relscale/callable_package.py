"""Packages that are called for the list of what is in them: ``relscale.laws()``, ``relscale.figures()``."""

from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package whose call gives the table of ``relscale.listings`` that has its name."""

    def __call__(self) -> Any:
        """A table with one row per member."""
        listing = import_module("relscale.listings")
        return getattr(listing, self.__name__.rpartition(".")[2])()
