"""Reading and writing of tables; the file name's suffix determines the format."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv

from relscale.errors import Damaged, RelscaleError, first_line
from relscale.lookalikes import check_lookalikes
from relscale.storage.atomic import atomic_path
from relscale.storage.checked_parquet import MAGIC, check_parquet, parquet_writer, read_parquet
from relscale.storage.columns import column
from relscale.storage.endings import TABLE
from relscale.storage.json_lines import json_lines
from relscale.storage.text_file import PACKED, read_text

if TYPE_CHECKING:
    import pyarrow.dataset  # the import takes 0.3 s

CHANGES_NO_NUMBER = "stores tables; stages that read a user's table digest this module by its name"

DELIMITERS = (
    ",",
    ";",
    "\t",
    "|",
)  # column delimiters; the first wins if a header has equally many of several
LARGEST_BLOCK = (1 << 31) - 1
EXCEL_DELIMITER = re.compile(
    r"sep=(.)\r?\n", re.IGNORECASE
)  # a first line by which Excel knows the delimiter
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*(,\d+)?([eE][+-]?\d+)?\s*")
POINT_OF_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*")


def read_table(
    path: str | Path,
    columns: Iterable[str] = (),
    types: pa.Schema | None = None,
    names: Iterable[str] = (),
) -> pa.Table:
    """Read a table, compressed (gz, bz2, xz, zst) or not.

    Parameters
    ----------
    path
        Parquet, CSV or TSV with a row of names, or JSON lines with one object per line: by the ending of its name or,
        if that is ambiguous, by its content. Columns without a name are dropped.
    columns
        Required columns; others are optional.
    types
        Types of the columns of a CSV file that was written with this schema; otherwise guessed from the cells, so that
        text of digits becomes a number and text in the form of a date a date.
    names
        Columns of a CSV file, if it has them, whose cells are names and stay as they are written: 3.1 and 3.10 are two.

    Raises
    ------
    RelscaleError
        The file is missing, is not a table, or lacks one of ``columns``.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise RelscaleError(f"{path}: a folder; name the table in it")
        if not path.is_file():
            raise RelscaleError(f"{path}: no such table; check the path or run the stage that makes it")
        with path.open("rb") as file:
            is_parquet = file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise RelscaleError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        table = _named(
            _of_parquet(path) if is_parquet or path.suffix == ".parquet" else _of_text(path, types, names),
            path,
        )
    except Damaged as error:
        raise Damaged(path, error.reason, "copy or write it again") from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise RelscaleError(
            f"{path}: no column {listed([repr(name) for name in missing], 3)}; it has "
            f"{listed(table.column_names, 10 if len(missing) == 1 else 5)}"
        )
    return table


def table_name(path: str | Path) -> str:
    """A file's name without its suffixes, such as ``.csv.gz``."""
    name = Path(path).name
    for endings in (PACKED, (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".txt")):
        ending = next((ending for ending in endings if name.endswith(ending)), "")
        name = name.removesuffix(ending) or name
    return name


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names for a message on one line: at most ``most``, each shortened, in quotes if it has blanks at its ends."""
    shown = [shortened(name) if name == name.strip() else repr(name) for name in names[:most]]
    return ", ".join(shown) + (" …" if len(names) > most else "")


def shortened(text: str, most: int = 40) -> str:
    """A text for a message: on one line, and truncated if it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"


def _named(table: pa.Table, path: Path) -> pa.Table:
    """The columns with a name; duplicate names, and names that look alike, are an error."""
    names = table.column_names
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise RelscaleError(f"{path}: {shortened(twice[0])!r} is the name of several columns; rename one")
    check_lookalikes(names, f"{path}: columns")
    return table.select([i for i, name in enumerate(names) if name]) if "" in names else table


def _of_parquet(path: Path) -> pa.Table:
    table = read_parquet(path)
    try:
        table.validate(full=True)  # detects invalid text, among others
        _ = table.column_names  # as text
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise Damaged(path, shortened(str(error), 80)) from error
    return table


def _of_text(path: Path, types: pa.Schema | None, names: Iterable[str]) -> pa.Table:
    text = read_text(path)
    if not text.strip():
        raise RelscaleError(f"{path}: an empty file")
    start = text.lstrip()[:1]
    if start == "[" and text.rstrip().endswith("]"):
        raise RelscaleError(f"{path}: a JSON list; write it as JSON lines, one object per line")
    ending = Path(path.name.removesuffix(next((end for end in PACKED if path.name.endswith(end)), ""))).suffix
    if ending in (".jsonl", ".ndjson", ".json") or (ending not in (".csv", ".tsv") and start == "{"):
        return _of_json_lines(text, path)
    return _of_csv(text, path, ending, types, names)


def _of_json_lines(text: str, path: Path) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for number, row in json_lines(io.StringIO(text, newline="\n"), path):
        if not isinstance(row, dict):
            raise RelscaleError(f"{path}, line {number}: not an object with a value for each column")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: column([row.get(name) for row in rows]) for name in names})


def _of_csv(text: str, path: Path, ending: str, types: pa.Schema | None, names: Iterable[str]) -> pa.Table:
    while text.startswith("#") and "\n" in text:  # comments before the names
        text = text.partition("\n")[2]
    if stated := EXCEL_DELIMITER.match(text):
        text, delimiter = text[stated.end() :], stated[1]
    else:
        heading = text.lstrip().partition("\n")[0]
        delimiter = "\t" if ending == ".tsv" else max(DELIMITERS, key=heading.count)
    data = text.encode()
    # As in ``write_table``: text is quoted, and null is an empty cell.
    written = {"null_values": [""], "strings_can_be_null": True, "quoted_strings_can_be_null": False}
    as_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    convert = pa.csv.ConvertOptions(column_types=types, **written) if types is not None else as_text
    try:
        table = _parsed(data, delimiter, convert)
        if delimiter == ";" and types is None:
            _check_points(table, data, path)
        return table
    except pa.ArrowException as error:
        reason = first_line(error).removeprefix("CSV parse error: ")
        raise RelscaleError(f"{path}: not a readable table ({reason})") from error


def _parsed(data: bytes, delimiter: str, convert: pa.csv.ConvertOptions) -> pa.Table:
    return pa.csv.read_csv(
        pa.BufferReader(data),
        # In one block, so that no cell spans two blocks.
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=min(len(data) + 1, LARGEST_BLOCK)),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=convert,
    )


def _check_points(table: pa.Table, data: bytes, path: Path) -> None:
    """Refuse a column whose points all precede three digits, in a table that has decimal commas elsewhere: a German
    spreadsheet writes 1500 as 1.500."""
    if not any(_has_decimal_commas(column) for column in table.columns):
        return
    as_text = pa.csv.ConvertOptions(column_types=dict.fromkeys(table.column_names, pa.string()))
    for field, cells in zip(table.schema, _parsed(data, ";", as_text).columns, strict=True):
        with_point = [cell for cell in cells.to_pylist() if "." in cell]
        if (
            pa.types.is_floating(field.type)
            and with_point
            and all(map(POINT_OF_THOUSANDS.fullmatch, with_point))
        ):
            raise RelscaleError(
                f"{path}: column {field.name!r}: {with_point[0]!r} may have a point between thousands, because other "
                "columns have decimal commas; write it without points"
            )


def _has_decimal_commas(column: pa.ChunkedArray) -> bool:
    known = [cell for cell in column.to_pylist() if cell] if pa.types.is_string(column.type) else []
    return any("," in cell for cell in known) and all(map(DECIMAL_COMMA.fullmatch, known))


def open_table(path: str | Path) -> "pyarrow.dataset.Dataset":
    """Open a parquet table that is too large for memory, to be read in batches.

    Raises
    ------
    RelscaleError
        The file is missing or is not a parquet table.
    """
    from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions, dataset

    if not Path(path).is_file():
        raise RelscaleError(f"{path}: no such table; check the path or run the stage that makes it")
    if Path(path).suffix != ".parquet":
        raise RelscaleError(f"{path}: not a .parquet file, which alone is read in batches; collect into one")
    check_parquet(path)
    checked = ParquetFragmentScanOptions(page_checksum_verification=True)
    try:
        return dataset(path, format=ParquetFileFormat(default_fragment_scan_options=checked))
    except (pa.ArrowException, OSError) as error:
        raise RelscaleError(f"{path}: not a readable table ({first_line(error)})") from error


def write_table(table: pa.Table, path: str | Path, durable: bool = True) -> None:
    """Write ``table`` atomically; the suffix of ``path`` selects parquet or CSV, ``durable`` as in ``atomic_path``.

    Raises
    ------
    RelscaleError
        The ending is neither ``.parquet`` nor ``.csv``.
    """
    write_pieces([table], table.schema, path, durable)


def write_pieces(
    pieces: Iterable[pa.Table], schema: pa.Schema, path: str | Path, durable: bool = True
) -> None:
    """Write a table atomically, with only one piece in memory at a time.

    Raises
    ------
    RelscaleError
        The ending is neither ``.parquet`` nor ``.csv``.
    """
    path = Path(path)
    TABLE.check(path)
    with atomic_path(path, durable) as partial:
        opened = parquet_writer if path.suffix == ".parquet" else pa.csv.CSVWriter
        with opened(partial, schema) as writer:
            for piece in pieces:
                writer.write_table(piece)
