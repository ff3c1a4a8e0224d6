"""HTML and SVG from Python: text is escaped, whoever wrote it, and only what was made here is markup."""

import html
import re


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
    """An anchor made of names, another one for other names.

    Letters, digits, hyphens and underscores stay; any other character is its code, and points stand between names.

    Examples
    --------
    >>> identifier("gap", "my suite", "learning-code")
    'gap.my~20~suite.learning-code'
    """
    return ".".join(re.sub(r"[^A-Za-z0-9_-]", _code, name or "") for name in names)


def _code(character: "re.Match[str]") -> str:
    return f"~{ord(character[0]):x}~"


def _text(value: "str | float") -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
