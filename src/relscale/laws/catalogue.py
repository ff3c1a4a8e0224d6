"""Registry of laws: every module of this package that defines ``LAW``, a ``Law`` or a ``Family`` of laws."""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from inspect import signature
from types import ModuleType

from relscale import laws
from relscale.errors import RelscaleError
from relscale.laws.law import Family, Law
from relscale.laws.optimum import Optimum
from relscale.suggestions import suggestion


def law_modules() -> dict[str, ModuleType]:
    """The modules of all laws, sorted by name."""
    return dict(_law_modules(tuple(laws.__path__)))


@cache
def _law_modules(folders: tuple[str, ...]) -> dict[str, ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(folders))
    modules = {name: importlib.import_module(f"{laws.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "LAW")}


def law_names() -> tuple[str, ...]:
    """The names of all laws, sorted."""
    return tuple(law_modules())


def law_or_family(name: str | Law) -> Law | Family:
    """Look up a law or a family of laws by name; a ``Law`` is returned unchanged.

    Options of a law follow a colon: ``annealing:warm_up=real,forgetting=0.99``. They are the
    arguments of ``with_options`` of its module, passed as text.

    Raises
    ------
    RelscaleError
        There is no such law, or no such option.
    """
    if isinstance(name, Law):
        return name
    modules = law_modules()
    name, _, option_text = name.partition(":")
    if name not in modules:
        raise RelscaleError(f"no law {name!r}; {suggestion(name, modules)}")
    if option_text:
        return _with_options(name, modules[name], option_text).pickled_as(law, f"{name}:{option_text}")
    entry: Law | Family = modules[name].LAW
    return entry.pickled_as(law, name) if isinstance(entry, Law) else entry


def laws_with_optimum() -> tuple[str, ...]:
    """The names of the laws that have an optimum."""
    return tuple(
        name
        for name, module in law_modules().items()
        if hasattr(module, "OPTIMUM") or hasattr(module, "make_optimum")
    )


def optimum(name: str, predictors: tuple[str, ...]) -> Optimum:
    """The optimum of a law; for a family, that of its law of these predictors.

    Raises
    ------
    RelscaleError
        The law has no optimum.
    """
    if name not in laws_with_optimum():
        raise RelscaleError(f"law: {name!r} has no optimum; {suggestion(name, laws_with_optimum())}")
    module = law_modules()[name]
    of_law: Optimum = module.OPTIMUM if hasattr(module, "OPTIMUM") else module.make_optimum(predictors)
    return of_law


def example(name: str) -> Law:
    """The law of a name, for display; for a family, its law of two columns."""
    entry = law_or_family(name)
    return entry.example if isinstance(entry, Family) else entry


def law_options(name: str) -> dict[str, str]:
    """The options of a law, with their defaults."""
    make = getattr(law_modules()[name], "with_options", None)
    return (
        {}
        if make is None
        else {option.name: option.default for option in signature(make).parameters.values()}
    )


def _with_options(name: str, module: ModuleType, spec: str) -> Law:
    known = law_options(name)
    if not known:
        raise RelscaleError(f"law {name}: it has no options")
    options = {}
    for assignment in spec.split(","):
        option, equals, value = assignment.partition("=")
        if option not in known or not equals:
            raise RelscaleError(
                f"law {name}: {assignment!r} is not one of its options, {'=…, '.join(known)}=…"
            )
        options[option] = value
    changed: Law = module.with_options(**options)
    return changed


def law(name: str | Law, columns: Sequence[str] = ()) -> Law:
    """The law of a name; for a family, its law of the predictor columns ``columns``.

    Raises
    ------
    RelscaleError
        There is no such law, or a family has no columns.
    """
    entry = law_or_family(name)
    if isinstance(entry, Law):
        return entry
    return entry.law(tuple(columns)).pickled_as(law, name, tuple(columns))
