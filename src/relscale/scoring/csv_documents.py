"""Documents in a CSV file, every cell of which is the text that it says.

Readers of tables take ``NA``, ``null`` and ``None`` for missing and ``007`` for 7. Here they may be an answer. For the
same reason 1 among decimals makes a column of text: as a number it would be 1.0, and a template would render that.
"""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError, first_line
from relscale.storage.text_file import read_text

SEPARATORS = ",;\t"
MOST_DIGITS = 18  # of a whole number that surely has 64 bits
TRUTH = {"True": True, "False": False}


def read_csv(*paths: Path) -> dict[str, list[Any]]:
    """The columns of files, one below the other; cells of a column that a file lacks are None.

    A column has numbers or booleans if every cell in any file is empty or one as Python writes it, else text.

    Parameters
    ----------
    paths
        Text with its columns' names in the first line, separated by commas, semicolons or tabs; it may be compressed.

    Raises
    ------
    RelscaleError
        A file is not a table of text, or two of its columns have one name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("question;answer;label\\nWhich agent?;007;1\\nWhich state?;NA;0\\n")
    ...     file.flush()
    ...     read_csv(Path(file.name))
    {'question': ['Which agent?', 'Which state?'], 'answer': ['007', 'NA'], 'label': [1, 0]}
    """
    files = [_cells(path) for path in paths]
    columns: dict[str, list[str | None]] = {name: [] for cells in files for name in cells}
    for cells in files:
        absent = [None] * len(next(iter(cells.values())))
        for name, texts in columns.items():
            texts += cells.get(name, absent)
    return {name: _values(texts) for name, texts in columns.items()}


def _cells(path: Path) -> dict[str, list[str]]:
    """The texts of a file by column."""
    text = read_text(path)
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names, *rows = [cells for cells in lines if cells]
    except (csv.Error, ValueError) as error:  # ValueError: not a single line
        raise RelscaleError(f"{path}: not a readable table ({first_line(error)})") from error
    again = next((name for name in names if names.count(name) > 1), None)
    if again is not None:
        raise RelscaleError(f"{path}: two columns are called {again!r}; give each a name of its own")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise RelscaleError(
                f"{path}: row {number} has {len(row)} cells and the header {len(names)}; quote text that has a "
                f"{separator!r}"
            )
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _values(texts: Sequence[str | None]) -> list[Any]:
    """The numbers or booleans that texts say, an empty one as None; the texts if one of them says neither."""
    written = [text for text in texts if text]
    for kind in (_whole, float, TRUTH.__getitem__):
        if written and all(_says(text, kind) for text in written):
            return [kind(text) if text else None for text in texts]
    return list(texts)


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def _says(text: str, kind: Callable[[str], float]) -> bool:
    try:
        return str(kind(text)) == text
    except (ValueError, KeyError):
        return False
