"""Width and line breaks of text."""

import re

from relscale.figures.as_text import as_text, visible_text
from relscale.figures.chart.style import SIZE

LETTER = 0.58  # width of a letter as a share of its size: an upper estimate, so that text fits


def text_width(text: str, size: float = SIZE) -> float:
    """Approximate width of ``text`` in pixels, without its tags."""
    return LETTER * size * len(visible_text(text))


def wrap(text: str, width: float, size: float = SIZE) -> list[str]:
    """The lines of ``text``, broken at spaces so that each is at most ``width`` pixels wide.

    A word that is wider, such as a name in snake case, is broken too, after punctuation if possible.

    Examples
    --------
    >>> wrap("of paloma_dolma_100_languages", width=110, size=10)
    ['of', 'paloma_dolma_100_', 'languages']
    """
    lines = [""]
    for word in text.split(" "):
        for i, part in enumerate(_parts(word, width, size)):
            longer = f"{lines[-1]} {part}".strip()
            if i or (lines[-1] and text_width(longer, size) > width):
                lines.append(part)
            else:
                lines[-1] = longer
    return lines


def shortened(text: str, width: float, size: float = SIZE) -> str:
    """``text``, or its beginning with an ellipsis if it is wider than ``width`` pixels.

    Examples
    --------
    >>> shortened("loss", width=100), shortened("loss on peer-reviewed literature", width=100)
    ('loss', 'loss on pee…')
    """
    if text_width(text, size) <= width:
        return text
    kept = max(1, int(width / (LETTER * size)) - 1)
    return f"{as_text(visible_text(text)[:kept].rstrip())}…"


def _parts(word: str, width: float, size: float) -> list[str]:
    """The parts of a word, each at most ``width`` pixels wide; a word with tags or entities is one part."""
    if "<" in word or "&" in word or text_width(word, size) <= width:
        return [word]
    most = max(1, int(width / (LETTER * size)))
    return re.findall(rf".{{1,{most - 1}}}[_/.,:-]|.{{1,{most}}}", word) if most > 1 else list(word)
