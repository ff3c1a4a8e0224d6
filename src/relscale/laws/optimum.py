"""The optimum of a law: its module may define ``OPTIMUM``, which ``relscale ask optimum`` evaluates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from relscale.laws.law import Array


def _nothing(x: Array) -> dict[str, Array]:
    return {}


@dataclass(frozen=True)
class Optimum:
    """The optimum of a law.

    Attributes
    ----------
    fixed
        Names and descriptions of the given values, such as ``training_flops``.
    of
        Function of theta (q,) and the given values that returns the optimal values by name; those that are predictors
        of the law, or ``made`` from them, are compared with the data, and nan means "no optimum".
    traps
        Caveats of the result.
    made
        Function of the data's predictors (p, n) that returns quantities to compare with given and optimal values, (n,)
        by name.
    """

    fixed: Mapping[str, str]
    of: Callable[[Array, Mapping[str, float]], Mapping[str, float]]
    traps: str = ""
    made: Callable[[Array], Mapping[str, Array]] = _nothing


def compute(x: Array) -> dict[str, Array]:
    """``training_flops``, 6·N·D, of parameters and tokens, the first two predictors."""
    return {"training_flops": 6 * x[0] * x[1]}
