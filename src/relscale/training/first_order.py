"""Functions whose gradient is written out, and has no gradient itself."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
C = TypeVar("C")
R = TypeVar("R")


def first_order(backward: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
    """A backward pass that refuses ``create_graph``: what is computed from its result would lack terms in silence.

    ``torch.autograd.function.once_differentiable`` raises only where a second pass reaches it, and a pass to given
    inputs does not.

    Raises
    ------
    RuntimeError
        Its gradients are to be differentiated.
    """

    @wraps(backward)
    def refusing(ctx: C, /, *arguments: P.args, **named: P.kwargs) -> R:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a fused operation of the decoder has no second derivative (create_graph=True)"
            )
        return backward(ctx, *arguments, **named)

    return refusing
