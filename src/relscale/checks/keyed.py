"""Prefix error messages with the key of the value."""

from collections.abc import Callable
from typing import TypeVar

from relscale.errors import RelscaleError

T = TypeVar("T")


def keyed(key: str, call: Callable[[], T]) -> T:
    """The result of a call; its error begins with the key."""
    try:
        return call()
    except RelscaleError as error:
        reason = str(error)
        raise RelscaleError(reason if reason.startswith(key) else f"{key}: {reason}") from None
