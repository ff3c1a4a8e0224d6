"""Texts of messages about a config."""

from collections.abc import Sequence

from relscale.suggestions import suggestion

CHANGES_NO_NUMBER = "texts of messages"

LONGEST = 240  # characters of a message, without the file's name
SHOWN = 60  # characters of a value in a message


def shortened(text: str, most: int) -> str:
    """A text as one line of at most ``most`` characters; the middle of a longer one is omitted."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return line if len(line) <= most else f"{line[: most * 2 // 3]} … {line[len(line) - most // 3 :]}"


def unknown_name(key: str, kind: str, name: str, known: Sequence[str], place: str = "") -> str:
    """A message about an unknown name: it suggests the nearest known name, or lists the first of the known ones."""
    description = " ".join(word for word in ("no", kind, shortened(repr(name), SHOWN), place) if word)
    return f"{key}: {description}; {suggestion(name, known) if known else 'there are none'}"
