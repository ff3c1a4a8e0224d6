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
    """The recipe cannot train this width at this budget; the message is the reason."""


class Recipe(Protocol):
    """Model sizes and hyperparameters: the functions of a module of this package."""

    def widths(self, forward_budget: float) -> tuple[int, ...]:
        """Hidden sizes to try unless the experiment sets them."""
        ...

    def architecture(self, hidden_size: int, sequence_length: int, vocabulary_size: int) -> "Architecture":
        """Architecture of a width."""
        ...

    def batch_size(self, forward_budget: float, architecture: "Architecture") -> int:
        """Sequences per step.

        Raises
        ------
        Infeasible
            No batch size is feasible.
        """
        ...

    def hyperparameters(
        self, optimizer: str, architecture: "Architecture", batch_size: int, tokens: int
    ) -> "Hyperparameters":
        """Hyperparameters of a run on ``tokens`` tokens."""
        ...


def recipe(name: str) -> Recipe:
    """Look up a recipe by name.

    Raises
    ------
    RelscaleError
        There is no such recipe; the message lists the recipes.
    """
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))
    if name not in names:
        raise RelscaleError(f"design.recipe: no recipe {name!r}; {suggestion(name, names)}")
    module: Recipe = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module
