"""The laws there are, by name: every module of this package that defines ``LAW``, a ``Law`` or a ``Family`` of laws."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

from relscale import laws
from relscale.errors import RelscaleError
from relscale.laws.law import Family, Law
from relscale.suggestions import suggestion


def law_modules() -> dict[str, ModuleType]:
    """The modules of all laws, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(laws.__path__))
    modules = {name: importlib.import_module(f"{laws.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "LAW")}


def law_names() -> tuple[str, ...]:
    """The names of all laws, sorted."""
    return tuple(law_modules())


def law_or_family(name: str | Law) -> Law | Family:
    """The law or the family of laws of that name; a law itself is returned.

    Raises
    ------
    RelscaleError
        There is none.
    """
    if isinstance(name, Law):
        return name
    modules = law_modules()
    if name not in modules:
        raise RelscaleError(f"no law {name!r}; {suggestion(name, modules)}")
    found: Law | Family = modules[name].LAW
    return found


def law(name: str | Law, columns: Sequence[str] = ()) -> Law:
    """The law of that name; of a family, that of the predictor columns ``columns``.

    Raises
    ------
    RelscaleError
        There is none, or a family has no columns.
    """
    found = law_or_family(name)
    return found.law(tuple(columns)) if isinstance(found, Family) else found
