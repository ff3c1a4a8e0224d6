"""The cells of a table that become the text and the domain of a document."""

from typing import Any

from relscale.errors import RelscaleError


def text_of(cell: Any, column: str, location: str) -> str:
    """The text of a cell, which is not made of anything else.

    Raises
    ------
    RelscaleError
        It is not text, but for example bytes or a list of sentences.
    """
    if not isinstance(cell, str):
        raise RelscaleError(f"{location}: {column!r} is {_kind(cell)}, not text; name the column of the text")
    return cell


def domain_of(cell: Any, column: str, location: str) -> str | None:
    """The name of a domain in a cell; None for an empty one.

    Raises
    ------
    RelscaleError
        It is neither text nor a number.
    """
    if not isinstance(cell, str | int | float | None):
        raise RelscaleError(f"{location}: {column!r} is {_kind(cell)}, not a name; name another column")
    return None if cell is None else str(cell)


def _kind(cell: Any) -> str:
    return "a list" if isinstance(cell, list) else "a mapping" if isinstance(cell, dict) else f"{cell!r:.40}"
