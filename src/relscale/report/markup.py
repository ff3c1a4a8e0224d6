"""HTML and SVG elements from Python, with all text escaped."""

import html
import re


class Markup(str):
    """Text that is HTML or SVG, and is not escaped again."""


def element(
    name: str, /, *children: "str | Markup | None", **attributes: "str | float | bool | None"
) -> Markup:
    """An element with its attributes and children, without those that are None.

    In names of attributes, a final underscore is dropped and others become hyphens: ``class_``, ``aria_label``.

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


def section(anchor: str, title: str, *children: "str | Markup | None") -> Markup:
    """A section of a page, whose heading links to it."""
    return element("section", element("h2", element("a", title, href=f"#{anchor}")), *children, id=anchor)


VOID = ("meta", "input", "br", "col")


def joined(*children: "str | Markup | None") -> Markup:
    """The children in a row, with plain text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(child)
            for child in children
            if child is not None
        )
    )


def identifier(*names: "str | None") -> str:
    """A unique anchor made of names.

    Names are separated by points; characters other than letters, digits, hyphens and underscores become their codes.

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
