"""JSON lines: one value per line; only a line feed ends a line.

``str.splitlines`` also splits at U+2028, U+2029 and U+0085, which JSON may contain unescaped.
"""

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.storage.text_file import PACKED, read_text

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_json_lines(path: str | Path) -> Iterator[tuple[int, Any]]:
    """The values of a file, each with its line number, from 1; blank lines are skipped.

    Parameters
    ----------
    path
        UTF-8, or UTF-16 with a byte order mark; compressed if its name ends in ``.gz``, ``.zst``, ``.bz2`` or ``.xz``.
        A line may end in a carriage return and a line feed.

    Raises
    ------
    RelscaleError
        There is no such file, it has another encoding, or a line is not JSON; the message names the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".jsonl") as file:
    ...     _ = file.write('{"text": "one\u2028line"}\\n\\n{"text": "two"}\\n')
    ...     file.flush()
    ...     [(number, len(value["text"])) for number, value in read_json_lines(file.name)]
    [(1, 8), (3, 3)]
    """
    path = Path(path)
    if path.suffix in PACKED:
        yield from json_lines(io.StringIO(read_text(path), newline="\n"), path)
        return
    try:
        with path.open("rb") as file:
            encoding = "utf-16" if file.peek(2)[:2] in _UTF_16 else "utf-8-sig"
            yield from json_lines(io.TextIOWrapper(file, encoding, newline="\n"), path)
    except OSError as error:
        raise RelscaleError(f"{path}: cannot be read ({error.strerror})") from error


def json_lines(lines: Iterable[str], path: str | Path) -> Iterator[tuple[int, Any]]:
    """The values of the lines of ``path``, a file or its URL, as ``read_json_lines``."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if not line.isspace():
                yield number, _value(line, f"{path}, line {number}")
    except UnicodeDecodeError as error:
        raise RelscaleError(f"{path}, after line {number}: not UTF-8 text; save it as UTF-8") from error


def _value(line: str, place: str) -> Any:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise RelscaleError(f"{place}: not JSON ({reason})") from error
    try:
        if "\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # it would fail in a later stage
        raise RelscaleError(
            f"{place}: not JSON (half of a surrogate pair, which is not a character)"
        ) from None
    return value
