"""Captions of figures in Snakemake's report: relscale's text as markup, and the suite's text escaped.

Captions are reStructuredText, which can include any file (``.. include::``) and any HTML (``.. raw::``), so text from
suites and configs is escaped.
"""

from dataclasses import dataclass, field

from relscale.provenance import digest


@dataclass(frozen=True)
class Caption:
    """A caption. Its repr is a digest, so that the report's scripts contain no text of rule parameters.

    Attributes
    ----------
    text
        The figure's part, in reStructuredText.
    suite
        Title, description and note of the figure's suite; None for a figure of several suites.
    """

    text: str = field(repr=False)
    suite: tuple[str, str, str] | None = field(default=None, repr=False)

    @property
    def rst(self) -> str:
        """The complete caption."""
        if self.suite is None:
            return self.text
        title, description, note = map(as_rst, self.suite)
        return f"{self.text}\n**{title or '–'}.** {description} {note}\n"

    def __repr__(self) -> str:
        return f"Caption({digest([self.text, self.suite])})"


def as_rst(text: str) -> str:
    """Text as one line of reStructuredText without markup: every character has a backslash before it."""
    visible = (letter for letter in text if letter.isspace() or letter.isprintable())
    return "".join(" " if letter.isspace() else f"\\{letter}" for letter in visible).strip()
