"""The outline of a Python file: what is needed to find its docstrings, at the positions where the file has it.

Most of what a parser reads is statements that neither hold others nor are docstrings. A regular expression passes over
them several times as fast.
"""

import re

NESTED = 8  # brackets in brackets; a file with more is its own outline

COMMENT = r"#[^\n]*+"
# What stands between the quotes, for each kind of quote. Of an f-string, fields may hold neither braces nor its own
# quote, so that its end is the same for all versions of Python.
QUOTES = {
    '"""': r'(?:[^"\\{braces}]++|\\.|"(?!""){field})*+',
    "'''": r"(?:[^'\\{braces}]++|\\.|'(?!''){field})*+",
    '"': r'(?!"")(?:[^"\\\n{braces}]++|\\.{field})*+',
    "'": r"(?!'')(?:[^'\\\n{braces}]++|\\.{field})*+",
}
STRING = "|".join(f"{quote}{text.format(braces='', field='')}{quote}" for quote, text in QUOTES.items())
F_STRING = "|".join(
    quote + text.format(braces="{}", field=rf"|\{{\{{|\}}\}}|\{{[^{{}}{quote[0]}]*+\}}") + quote
    for quote, text in QUOTES.items()
)
AFTER_F = r"(?:(?<=\b[fFtT])|(?<=\b[fFtT][rR])|(?<=\b[rR][fFtT]))"
TOKENS = rf"""[^"'#()\[\]{{}}\\\n]++|(?!{AFTER_F})(?:{STRING})|{F_STRING}|\\\n"""
BRACKETS = rf"[(\[{{](?:{TOKENS}|\n|{COMMENT})*+[)\]}}]"
for _ in range(NESTED):
    BRACKETS = rf"[(\[{{](?:{TOKENS}|\n|{COMMENT}|{BRACKETS})*+[)\]}}]"

INDENT = r"[ \t\f]*+"
STATEMENT = rf"(?:{TOKENS}|{BRACKETS})++(?:{COMMENT})?+(?:\n|\Z)"
BLANK = rf"(?:{INDENT}(?:{COMMENT})?+\n)*+"
DEFINITION = r"(?:async[ \t]+def|def|class)\b"
STRINGS = r"(?:\(|\w?\w?[\"'])"  # what a docstring may begin with
INNER = rf"(?:(?:elif|else|except|finally|case)\b|{DEFINITION}|{STRINGS})"  # what begins no run
OPENING = r"(?:(?:async|if|for|while|with|try|match)\b)"
NEXT = rf"{BLANK}(?P=indent)"
# Statements at one level, with all that they hold, where that is no definition; else statements that hold nothing.
RUN = rf"(?!{INNER}){STATEMENT}(?:{NEXT}{INDENT}(?!{DEFINITION}){STATEMENT})*+(?!{NEXT}[ \t\f]++{DEFINITION})"
SIMPLE = rf"(?!{INNER}|{OPENING}|[ \t\f]){STATEMENT}"

PIECE = re.compile(
    rf"(?P<before>{BLANK})(?:"
    rf"(?P<indent>{INDENT})(?!\\)(?P<passed>{RUN}|{SIMPLE}(?:{NEXT}{SIMPLE})*+)"
    rf"|(?P<kept>{INDENT}(?={INNER}|{OPENING}){STATEMENT})"
    rf"|{INDENT}(?:{COMMENT})?+\Z)",
    re.DOTALL,
)


def outline(source: str) -> str:
    """A Python file in which ``pass`` stands for each run of statements without blocks that begin with no string.

    Definitions, all other statements with blocks and all docstrings are at the lines and columns of ``source``. A file
    that is not understood, for its f-strings or its deeply nested brackets, is returned as it is.

    Parameters
    ----------
    source
        Python without syntax errors: those in the statements that are passed over would be lost. Its lines end in a
        line feed.
    """
    pieces = []
    position = 0
    while position < len(source):
        piece = PIECE.match(source, position)
        if piece is None:
            return source
        pieces.append("\n" * piece["before"].count("\n"))
        if piece["passed"]:
            pieces.append(piece["indent"] + "pass" + "\n" * piece["passed"].count("\n"))
        else:
            pieces.append(piece["kept"] or "")
        position = piece.end()
    return "".join(pieces)
