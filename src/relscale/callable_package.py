"""Packages that list their members when called: ``relscale.laws()``, ``relscale.figures()``."""

from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package that, when called, returns the table of the same name in ``relscale.listings``."""

    def __call__(self) -> Any:
        """A table with one row per member."""
        listing = import_module("relscale.listings")
        return getattr(listing, self.__name__.rpartition(".")[2])()
