"""Text of one's own: a folder of text files, or tables with a column of text."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

from relscale.corpora.documents import Document
from relscale.errors import RelscaleError

TEXT_ENDINGS = (".txt", ".md")
TABLE_ENDINGS = (".parquet", ".jsonl")
PART = "text"
UNGROUPED = "all"


def read_folder(
    path: str | Path, min_characters: int = 1, text: str = "text", group: str | None = None
) -> list[Document]:
    """The documents of a file or of every ``.txt``, ``.md``, ``.parquet`` and ``.jsonl`` file below a folder.

    A text file is one document; its group is the first folder below ``path`` that it is in. A table's documents are
    its rows; their group is what the column ``group`` says, each row a module of its own.

    Parameters
    ----------
    min_characters
        Shorter texts are left out.
    text, group
        Columns of the tables. Without ``group`` a row's group is its file's, found as for text files.

    Raises
    ------
    RelscaleError
        ``path`` does not exist or holds no such file, a table lacks a column, a file is not UTF-8.
    """
    path = Path(path)
    if not path.exists():
        raise RelscaleError(f"{path}: no such file or folder")
    root = path if path.is_dir() else path.parent
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in found if file.is_file() and file.suffix in TEXT_ENDINGS + TABLE_ENDINGS]
    if not files:
        raise RelscaleError(f"{path}: no file ends in {', '.join(TEXT_ENDINGS + TABLE_ENDINGS)}")
    documents = []
    for file in files:
        name = file.relative_to(root).as_posix()
        folder = name.split("/")[0] if "/" in name else UNGROUPED
        for number, (content, domain) in enumerate(_texts(file, text, group)):
            row = f"{name}#{number}" if file.suffix in TABLE_ENDINGS else name
            document = Document(row, PART, domain or folder, name, row, "", "", "", content)
            if len(content) >= min_characters:
                documents.append(document)
    return documents


def _texts(file: Path, text: str, group: str | None) -> Iterator[tuple[str, str]]:
    if file.suffix in TEXT_ENDINGS:
        try:
            yield file.read_text(encoding="utf-8-sig"), ""
        except UnicodeDecodeError as error:
            raise RelscaleError(f"{file}: not UTF-8 text (byte {error.start})") from error
        return
    try:
        read = pa.parquet.read_table if file.suffix == ".parquet" else pa.json.read_json
        table = read(file)
    except pa.ArrowInvalid as error:
        raise RelscaleError(f"{file}: not a readable table ({str(error).splitlines()[0]})") from error
    for name in filter(None, (text, group)):
        if name not in table.column_names:
            raise RelscaleError(f"{file}: no column {name!r}; it has {', '.join(table.column_names)}")
    groups = table[group].to_pylist() if group else [""] * table.num_rows
    for content, domain in zip(table[text].to_pylist(), groups, strict=True):
        if content is not None:
            yield str(content), "" if domain is None else str(domain)
