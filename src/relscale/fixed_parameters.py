"""Numbers that a command line gives: parameters of a law such as ``E=1.87``, and shares."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError


def fixed_parameters(
    texts: Sequence[str], option: str = "--fix", example: str = "a parameter with its value, such as E=1.87"
) -> dict[str, float]:
    """Parameters and their values, from ``NAME=VALUE`` each; ``example`` says in messages what was meant.

    Raises
    ------
    RelscaleError
        A text is no such pair.
    """
    fixed = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            fixed[name] = float(value if name else "")
        except ValueError:
            raise RelscaleError(f"{option}: {text!r} is not {example}") from None
    return fixed


def fractions(option: str, texts: Sequence[str], count: int) -> NDArray[np.float64]:
    """So many numbers that are not negative, over their sum.

    Raises
    ------
    RelscaleError
        They are not; ``option`` is where they were given.
    """
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
