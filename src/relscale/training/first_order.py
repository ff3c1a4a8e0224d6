"""Autograd functions without a second derivative."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
C = TypeVar("C")
R = TypeVar("R")


def first_order(backward: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
    """A backward pass that refuses ``create_graph``: second derivatives would silently lack terms.

    ``torch.autograd.function.once_differentiable`` raises only if a second pass reaches it, and a pass to given
    inputs does not.

    Raises
    ------
    RuntimeError
        A second derivative is requested.
    """

    @wraps(backward)
    def refusing(ctx: C, /, *arguments: P.args, **named: P.kwargs) -> R:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a fused operation of the decoder has no second derivative (create_graph=True)"
            )
        return backward(ctx, *arguments, **named)

    return refusing
