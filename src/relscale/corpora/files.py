"""Local text: a folder of text files, or tables with a column of text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relscale.corpora.documents import Document
from relscale.corpora.options import TextFiles
from relscale.corpora.text_cells import domain_of, text_of
from relscale.errors import RelscaleError
from relscale.storage.folder_files import files_below
from relscale.storage.json_lines import read_json_lines
from relscale.storage.tables import listed, read_table
from relscale.storage.text_file import PACKED, read_text

TEXT_ENDINGS = (".txt", ".md")
TABLE_ENDINGS = (".parquet", ".jsonl")
PART = "text"
BOUNDARIES = ("\n\n", "\n", " ")


def read_folder(source: TextFiles, name: str) -> list[Document]:
    """The documents of a file or of every ``.txt``, ``.md``, ``.parquet`` and ``.jsonl`` file below a folder.

    A text file is one document, or several if it is longer than ``max_characters``; its group is the source's
    ``domain``, else its first folder below ``path``, else the source's name. Each row of a table is a
    document and a module; its group is the value of the column ``group``.

    Parameters
    ----------
    source
        The options of the source.
    name
        Its key in the config.

    Raises
    ------
    RelscaleError
        ``path`` does not exist or contains no such file, a table lacks a column, a file cannot be read or is not
        UTF-8, or a column is not text.
    """
    path = Path(source.path)
    if not path.exists():
        raise RelscaleError(f"{path}: no such file or folder")
    root = path if path.is_dir() else path.parent
    files = [file for file in _files(path) if ending(file) in TEXT_ENDINGS + TABLE_ENDINGS]
    if not files:
        raise RelscaleError(f"{path}: no file ends in {', '.join(TEXT_ENDINGS + TABLE_ENDINGS)}")
    documents = []
    for file in files:
        location = file.relative_to(root).as_posix()
        domain = source.domain or (location.split("/")[0] if "/" in location else name or PART)
        for number, (content, group) in enumerate(_texts(file, source.text, source.group)):
            row = f"{location}#{number}" if ending(file) in TABLE_ENDINGS else location
            pieces = list(_pieces(content, source.max_characters or len(content)))
            for start, piece in pieces if len(content) >= source.min_characters else ():
                module = row if len(pieces) == 1 else f"{row}@{start}"
                documents.append(Document(module, PART, group or domain, location, module, "", "", "", piece))
    return documents


def _pieces(text: str, max_length: int) -> Iterator[tuple[int, str]]:
    """Split a text into pieces of at most ``max_length`` characters, each with its offset in characters.

    A piece ends after a paragraph, else a line, else a word, if it then has at least half of the maximum length.
    """
    start = 0
    while start < len(text) or not start:
        end = start + max_length
        if end < len(text):
            cuts = (
                text.rfind(boundary, start + max_length // 2, end) + len(boundary) for boundary in BOUNDARIES
            )
            end = next((cut for cut in cuts if cut > start + max_length // 2), end)
        yield start, text[start:end]
        if end >= len(text):
            return
        start = end


def _files(path: Path) -> list[Path]:
    """The file, or all files below the folder; an unreadable folder is an error."""
    if path.is_file():
        return [path]
    paths = sorted(files_below(path))
    broken_links = [file for file in paths if file.is_symlink() and not file.exists() and ending(file)]
    if broken_links:
        raise RelscaleError(f"{broken_links[0]}: a link to a missing file; remove the link")
    return [file for file in paths if file.is_file()]


def ending(file: Path) -> str:
    """The extension of a file's name, before that of its compression."""
    return Path(file.stem).suffix if file.suffix in PACKED else file.suffix


def _texts(file: Path, text: str, group: str | None) -> Iterator[tuple[str, str]]:
    if ending(file) in TEXT_ENDINGS:
        yield read_text(file).replace("\r\n", "\n").replace("\r", "\n"), ""
        return
    for location, row in _rows(file, [text, group] if group else [text]):
        if row[text] is not None:
            domain = domain_of(row[group], group, location) if group else None
            yield text_of(row[text], text, location), domain or ""


def _rows(file: Path, columns: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a table, each with its location; every column occurs in at least one of them."""
    if ending(file) == ".parquet":
        table = read_table(file, columns)
        for number, row in enumerate(table.select(columns).to_pylist(), start=1):
            yield f"{file}, row {number}", row
        return
    known: set[str] = set()
    for number, row in read_json_lines(file):
        if not isinstance(row, dict):
            raise RelscaleError(f"{file}, line {number}: not an object with the column {columns[0]!r}")
        known |= row.keys()
        yield f"{file}, line {number}", {name: row.get(name) for name in columns}
    missing = [name for name in columns if name not in known]
    if missing:
        raise RelscaleError(f"{file}: no column {missing[0]!r}; it has {listed(sorted(known)) or 'no rows'}")
