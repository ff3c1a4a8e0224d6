"""Declaration and checks of options shared by several questions."""

import dataclasses
from typing import Any

from relscale.errors import RelscaleError


def option(meaning: str, default: Any = dataclasses.MISSING) -> Any:
    """A field of a frozen dataclass of options, with its description and default.

    An argument of a question that is annotated with such a dataclass gives one option per field.
    """
    return dataclasses.field(default=default, metadata={"meaning": meaning})


def check_choice(option: str, value: str, first: str, second: str) -> None:
    """Refuse a value that is neither of two."""
    if value not in (first, second):
        raise RelscaleError(f"{option}: {value!r} is neither {first} nor {second}")


def check_draws(draws: int) -> None:
    """Refuse a negative number of resamples."""
    if draws < 0:
        raise RelscaleError(f"draws: {draws} is negative")
