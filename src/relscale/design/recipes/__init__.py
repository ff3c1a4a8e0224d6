"""Hyperparameter recipes, one file each, found by name.

A recipe is a module with four functions; its name has hyphens for underscores:

- ``widths(forward_budget) -> tuple[int, ...]``: the hidden sizes to try where the experiment names none;
- ``architecture(hidden_size, sequence_length, vocabulary_size) -> Architecture``;
- ``batch_size(forward_budget, architecture) -> int``: sequences per step; raises ``Infeasible`` where none will do;
- ``hyperparameters(optimizer, architecture, batch_size, tokens) -> Hyperparameters``, of a run of so many tokens.
"""

import importlib
import pkgutil
from types import ModuleType

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


class Infeasible(Exception):
    """A width that a budget cannot train by this recipe; the message is the reason."""


def recipe(name: str) -> ModuleType:
    """The recipe of that name.

    Raises
    ------
    RelscaleError
        There is none; the message lists those there are.
    """
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))
    if name not in names:
        raise RelscaleError(f"design.recipe: no recipe {name!r}; {suggestion(name, names)}")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
