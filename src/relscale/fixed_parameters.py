"""Numbers on the command line: values of parameters such as ``E=1.87``, and shares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from relscale.errors import RelscaleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fixed_parameters(
    texts: Sequence[str], option: str = "--fix", example: str = "a parameter with its value, such as E=1.87"
) -> dict[str, float]:
    """Parse values of parameters, each written as ``NAME=VALUE``; error messages show ``example``.

    Raises
    ------
    RelscaleError
        A text does not have this form.
    """
    fixed = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            fixed[name] = float(value if name else "")
        except ValueError:
            raise RelscaleError(f"{option}: {text!r} is not {example}") from None
    return fixed


def fractions(option: str, texts: Sequence[str], count: int) -> "NDArray[np.float64]":
    """Parse ``count`` non-negative numbers and divide them by their sum.

    Raises
    ------
    RelscaleError
        The texts are not such numbers; the message begins with ``option``.
    """
    import numpy as np  # slow to import for the command line, which imports this module

    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        raise RelscaleError(f"{option}: {','.join(texts)} are not all numbers") from None
    if (
        len(numbers) != count
        or not np.isfinite(numbers).all()
        or (numbers < 0).any()
        or not numbers.sum() > 0
    ):
        raise RelscaleError(
            f"{option}: {','.join(texts)} are not {count} numbers, none negative and one positive"
        )
    return np.asarray(numbers / numbers.sum())
