"""HTML and SVG from Python: text is escaped, whoever wrote it, and only what was made here is markup."""

import html


class Markup(str):
    """Text that is HTML already."""


def element(
    name: str, /, *children: "str | Markup | None", **attributes: "str | float | bool | None"
) -> Markup:
    """An element with its attributes and children; what is None is left out.

    An underscore at an attribute's end is dropped and others become hyphens: ``class_``, ``aria_label``.

    Examples
    --------
    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        written = key.removesuffix("_").replace("_", "-")
        parts.append(written if value is True else f'{written}="{html.escape(_text(value))}"')
    opening = f"<{' '.join(parts)}>"
    if name in VOID:
        return Markup(opening)
    return Markup(f"{opening}{joined(*children)}</{name}>")


VOID = ("meta", "input", "br", "col")


def joined(*children: "str | Markup | None") -> Markup:
    """Children one after another, those that are plain text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(child)
            for child in children
            if child is not None
        )
    )


def identifier(*names: "str | None") -> str:
    """An anchor made of names: letters, digits and hyphens; what is none of these is a code."""
    words = []
    for name in names:
        words.append(
            "".join(
                character if character.isascii() and character.isalnum() else _code(character)
                for character in name or ""
            )
        )
    return "-".join(words)


def _code(letter: str) -> str:
    return "-" if letter in " _-." else f"x{ord(letter):x}"


def _text(value: "str | float") -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
