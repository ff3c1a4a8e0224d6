"""Width and line breaks of text."""

from relscale.figures.as_text import shown
from relscale.figures.chart.style import SIZE

LETTER = 0.58  # the width of a letter as a share of its size: rather too much, so that text fits


def text_width(text: str, size: float = SIZE) -> float:
    """About how wide ``text`` is in pixels; tags take no width."""
    return LETTER * size * len(shown(text))


def wrap(text: str, width: float, size: float = SIZE) -> list[str]:
    """``text`` in lines of at most ``width`` pixels, broken at spaces."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
