"""Convert American spelling to that of other varieties of English, in prose only.

Code is unchanged: literal blocks, doctests, quoted and marked-up text, names of parameters, and words next to a dot, an
underscore or a bracket. Words whose spelling depends on their part of speech (licence and license, practice and
practise) are not in the table.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from relscale.errors import RelscaleError

# A word without adjacent characters that make it part of a name, a path, a call or a quotation.
WORD = re.compile(
    r"""(?<![\w./\\`'"@$%&*=:<>{}\[\]#|-])(?<!\w\()[A-Za-z]+(?![\w`/\\({\[<>|]|\.\w|:\w|-[->\d]|\s*=|['"](?!s\b))"""
)
MARKED = re.compile(r"(`+)[^`]+\1")  # `name` and ``code``
PARAMETER = re.compile(
    r"\s*[*\w][*\w, .]*(\([^)]*\))?\s?:(?=\s|$)"
)  # "color : str", "color (str): what it is"
TITLE = re.compile(r"\s*\w+\s*$")  # a line of one word: a section's title or a parameter's name
DIRECTIVE = re.compile(r"\s*\.\. ([\w-]+)::")
FENCE = re.compile(r"\s*(```|~~~)")
DOCTEST = re.compile(r"\s*(>>>|\.\.\.)( |$)")
PROSE_DIRECTIVE = re.compile(
    r"admonition|attention|caution|danger|deprecated|error|hint|important|note|rubric|seealso|tip|version\w+|warning"
)


def read_spellings(path: str | Path, variety: str) -> dict[str, str]:
    """The words with a different spelling in a variety: American spelling to the variety's, in lower case.

    Parameters
    ----------
    path
        A table, tab-separated, with the columns american, spelling and varieties (codes between spaces).
    variety
        One of those codes.

    Raises
    ------
    RelscaleError
        No word in the table is of that variety.
    """
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines()[1:]]
    words = {american: spelling for american, spelling, varieties in rows if variety in varieties.split()}
    if not words:
        known = sorted({code for row in rows for code in row[2].split()})
        raise RelscaleError(f"{path}: no spelling of variety {variety!r}; it has {', '.join(known)}")
    return words


def respell(text: str, words: dict[str, str]) -> tuple[str, int]:
    """``text`` with its prose in another spelling, and the number of words that changed.

    Case is preserved: color, Color and COLOR become colour, Colour and COLOUR. A capital inside a sentence marks a
    name, which is unchanged.
    """
    changed = 0

    def other(match: re.Match[str]) -> str:
        nonlocal changed
        word = match.group()
        spelling = words.get(word.lower())
        if spelling is None or not (word.islower() or word.isupper() or _starts_sentence(match)):
            return word
        changed += 1
        return spelling if word.islower() else spelling.upper() if word.isupper() else spelling.capitalize()

    pieces, end = [], 0
    for start, stop in _prose(text):
        pieces += [text[end:start], WORD.sub(other, text[start:stop])]
        end = stop
    return "".join([*pieces, text[end:]]), changed


def _starts_sentence(match: re.Match[str]) -> bool:
    before = match.string[: match.start()].rstrip()
    return match.group().istitle() and (not before or before[-1] in ".!?:-*")


def _prose(text: str) -> Iterator[tuple[int, int]]:
    """Spans of prose in ``text``: (start, end) within a line, in order."""
    block: int | None = None  # indentation of the line that starts a literal block
    fenced = doctest = False
    start = 0
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip())
        blank = not line.strip()
        doctest = not blank and (doctest or bool(DOCTEST.match(line)))
        if not blank and block is not None and indent <= block:
            block = None
        fence = FENCE.match(line)
        if not (fenced or fence or doctest or blank or block is not None or TITLE.match(line)):
            yield from _unmarked(line, start)
            directive = DIRECTIVE.match(line)
            if directive:
                block = None if PROSE_DIRECTIVE.fullmatch(directive.group(1)) else indent
            elif line.rstrip().endswith("::"):
                block = indent
        fenced ^= bool(fence)
        start += len(line)


def _unmarked(line: str, start: int) -> Iterator[tuple[int, int]]:
    """Spans of a line outside its mark-up and after a parameter's name."""
    parameter = PARAMETER.match(line)
    end = parameter.end() if parameter else 0
    if parameter and " :" in parameter.group():  # after the name comes its type
        return
    for mark in MARKED.finditer(line):
        if mark.start() > end:
            yield start + end, start + mark.start()
        end = max(end, mark.end())
    yield start + end, start + len(line)
