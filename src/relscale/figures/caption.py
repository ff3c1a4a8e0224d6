"""The caption of a figure in the report: relscale's text as markup, and the suite's text escaped.

The report is written in reStructuredText, which can take in any file of the machine (``.. include::``) and any HTML
(``.. raw::``). What a suite or a config says is text there.
"""

from dataclasses import dataclass, field

from relscale.provenance import digest


@dataclass(frozen=True)
class Caption:
    """A caption. As a parameter of a rule it shows as a digest, so that nothing of it gets into the report's scripts.

    Attributes
    ----------
    text
        Of the figure, with its markup.
    about
        Title, content and note of the suite that it shows; empty where it shows several.
    """

    text: str = field(repr=False)
    about: tuple[str, str, str] | None = field(default=None, repr=False)

    @property
    def rst(self) -> str:
        """The complete caption."""
        if self.about is None:
            return self.text
        title, description, note = map(as_rst, self.about)
        return f"{self.text}\n**{title or '–'}.** {description} {note}\n"

    def __repr__(self) -> str:
        return f"Caption({digest([self.text, self.about])})"


def as_rst(text: str) -> str:
    """Text in one line of reStructuredText that reads as it is: a character after a backslash is that character."""
    visible = (letter for letter in text if letter.isspace() or letter.isprintable())
    return "".join(" " if letter.isspace() else f"\\{letter}" for letter in visible).strip()
