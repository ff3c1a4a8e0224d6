"""Optimizers by name: ``c-adamc`` is ``c_adamc.py`` here, and its ``build`` creates one for a model.

A new optimizer is a new file with the function of `OptimizerModule`; nothing is registered elsewhere.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol

from relscale.design.run import Hyperparameters
from relscale.errors import RelscaleError
from relscale.suggestions import suggestion

if TYPE_CHECKING:  # names are looked up for a run's key, without torch
    import torch
    from torch import nn


class OptimizerModule(Protocol):
    """A module of this package."""

    def build(self, model: "nn.Module", hyperparameters: Hyperparameters) -> "torch.optim.Optimizer":
        """The optimizer over a model's parameters, at its peak learning rate."""
        ...


def optimizers() -> list[str]:
    """The names of all optimizers."""
    return sorted(file.name.replace("_", "-") for file in pkgutil.iter_modules(__path__))


def optimizer_module(name: str) -> str:
    """Dotted name of the module behind an optimizer's name.

    Raises
    ------
    RelscaleError
        There is no such optimizer.
    """
    names = optimizers()
    if name not in names:
        raise RelscaleError(f"no optimizer {name!r}; {suggestion(name, names)}")
    return f"{__name__}.{name.replace('-', '_')}"


def build_optimizer(model: "nn.Module", hyperparameters: Hyperparameters) -> "torch.optim.Optimizer":
    """The optimizer named by the hyperparameters, over the model's parameters, at its peak learning rate."""
    module: OptimizerModule = importlib.import_module(optimizer_module(hyperparameters.optimizer))
    return module.build(model, hyperparameters)
