"""The optimum of a law: its module may define ``OPTIMUM``, which ``relscale ask optimum`` evaluates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from relscale.laws.law import Array


@dataclass(frozen=True)
class Optimum:
    """The optimum of a law.

    Attributes
    ----------
    fixed
        What must be given, such as ``training_flops``, and what that is.
    of
        From theta (q,) and what is given to the best values by name; those that are predictors of the law are held
        against the data, and nan is "no optimum".
    traps
        When the answer misleads.
    """

    fixed: Mapping[str, str]
    of: Callable[[Array, Mapping[str, float]], Mapping[str, float]]
    traps: str = ""
