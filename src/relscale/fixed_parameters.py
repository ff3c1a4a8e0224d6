"""Parameters of a law that are given, as a command line names them: ``E=1.87``."""

from collections.abc import Sequence

from relscale.errors import RelscaleError


def fixed_parameters(texts: Sequence[str], option: str = "--fix") -> dict[str, float]:
    """Parameters and their values, from ``NAME=VALUE`` each.

    Raises
    ------
    RelscaleError
        A text is no such pair.
    """
    fixed = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            fixed[name] = float(value)
        except ValueError:
            raise RelscaleError(
                f"{option}: {text!r} is not a parameter with its value, such as E=1.87"
            ) from None
    return fixed
