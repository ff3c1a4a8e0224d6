"""Checks of the options that several questions have."""

from relscale.errors import RelscaleError


def check_choice(option: str, value: str, first: str, second: str) -> None:
    """Refuse a value that is neither of two.

    Raises
    ------
    RelscaleError
        It is neither.
    """
    if value not in (first, second):
        raise RelscaleError(f"{option}: {value!r} is neither {first} nor {second}")


def check_draws(draws: int) -> None:
    """Refuse a negative number of resamples.

    Raises
    ------
    RelscaleError
        It is negative.
    """
    if draws < 0:
        raise RelscaleError(f"draws: {draws} is negative")
