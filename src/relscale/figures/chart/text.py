"""Width and line breaks of text."""

from relscale.figures.as_text import visible_text
from relscale.figures.chart.style import SIZE

LETTER = 0.58  # width of a letter as a share of its size: an upper estimate, so that text fits


def text_width(text: str, size: float = SIZE) -> float:
    """Approximate width of ``text`` in pixels, without its tags."""
    return LETTER * size * len(visible_text(text))


def wrap(text: str, width: float, size: float = SIZE) -> list[str]:
    """The lines of ``text``, broken at spaces so that each is at most ``width`` pixels wide."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
