"""The optimum of a law: its module may define ``OPTIMUM``, which ``relscale ask optimum`` evaluates.

The module of a family of laws defines ``make_optimum`` instead, a function of the law's predictors.
"""

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
    optimal_values
        Function of theta (q,) and the given values that returns the optimal values by name; nan if there is no
        optimum. Predictors of the law and ``derived`` quantities are compared with the data.
    shares
        Names of the optimal values that are between 0 and 1.
    derived
        Function of the data's predictors (p, n) that returns further quantities (n,) by name, such as the compute.
    """

    fixed: Mapping[str, str]
    optimal_values: Callable[[Array, Mapping[str, float]], Mapping[str, float]]
    traps: str = ""
    derived: Callable[[Array], Mapping[str, Array]] = _nothing
    shares: tuple[str, ...] = ()


def compute(x: Array) -> dict[str, Array]:
    """``training_flops``, 6·N·D, of parameters and tokens, the first two predictors."""
    return {"training_flops": 6 * x[0] * x[1]}
