"""The default confidence level of intervals, and the check of another one."""

from numbers import Real
from typing import TYPE_CHECKING, Any

from relscale.errors import RelscaleError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEVEL = 0.95


def t_quantile(df: "ArrayLike", level: float) -> Any:
    """The half-width, in standard errors, of the two-sided t interval with ``df`` degrees of freedom, in its shape."""
    from scipy.special import stdtrit

    return stdtrit(df, (1 + level) / 2)


def check_level(level: float, option: str = "level") -> None:
    """Refuse what is not a confidence level.

    Parameters
    ----------
    option
        What it is called where it was given.

    Raises
    ------
    RelscaleError
        It is not a number between 0 and 1, such as a percentage.

    Examples
    --------
    >>> check_level(0.9)
    >>> check_level(95)
    Traceback (most recent call last):
    relscale.errors.RelscaleError: level: 95 is not between 0 and 1; write 0.95
    """
    if isinstance(level, Real) and 0 < level < 1:
        return
    percent = f"; write {level / 100:g}" if isinstance(level, Real) and 1 < level < 100 else ""
    raise RelscaleError(f"{option}: {level!r} is not between 0 and 1{percent}")
