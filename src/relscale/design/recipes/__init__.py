"""Hyperparameter recipes, one file each, found by name.

A recipe is a module with the four functions of `Recipe`; its name has hyphens for underscores.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    from relscale.design.architecture import Architecture
    from relscale.design.run import Hyperparameters


class Infeasible(Exception):
    """A width that a budget cannot train by this recipe; the message is the reason."""


class Recipe(Protocol):
    """How large models are and how they are trained: the functions of a module of this package."""

    def widths(self, forward_budget: float) -> tuple[int, ...]:
        """The hidden sizes to try where the experiment names none."""
        ...

    def architecture(self, hidden_size: int, sequence_length: int, vocabulary_size: int) -> "Architecture":
        """The architecture of that width."""
        ...

    def batch_size(self, forward_budget: float, architecture: "Architecture") -> int:
        """Sequences per step.

        Raises
        ------
        Infeasible
            None will do.
        """
        ...

    def hyperparameters(
        self, optimizer: str, architecture: "Architecture", batch_size: int, tokens: int
    ) -> "Hyperparameters":
        """The hyperparameters of a run of so many tokens."""
        ...


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises
    ------
    RelscaleError
        There is none; the message lists those there are.
    """
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))
    if name not in names:
        raise RelscaleError(f"design.recipe: no recipe {name!r}; {suggestion(name, names)}")
    module: Recipe = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module
