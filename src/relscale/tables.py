"""Tables in and out: the ending of a file's name chooses the format."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from relscale.atomic import atomic_path
from relscale.checked_parquet import check_parquet, parquet_writer, read_parquet
from relscale.errors import RelscaleError

if TYPE_CHECKING:
    import pyarrow.dataset  # takes a third of a second to import


def read_table(path: str | Path, columns: Iterable[str] = ()) -> pa.Table:
    """Read a table; ``.gz`` after the ending of a text table is unpacked.

    Parameters
    ----------
    path
        A file ending in ``.parquet``, ``.csv``, ``.tsv`` or ``.jsonl``; any other is read as CSV.
    columns
        Names that must be there; others may be.

    Raises
    ------
    RelscaleError
        The file is missing, is no such table, or lacks one of ``columns``.
    """
    path = Path(path)
    if path.is_dir():
        raise RelscaleError(f"{path}: a folder; name the table in it")
    if not path.is_file():
        raise RelscaleError(f"{path}: no such table; check the path or run the stage that makes it")
    try:
        table = _read(path)
    except pa.ArrowInvalid as error:
        raise RelscaleError(f"{path}: not a readable table ({str(error).splitlines()[0]})") from error
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise RelscaleError(
            f"{path}: no column {', '.join(map(repr, missing))}; it has {', '.join(table.column_names)}"
        )
    return table


def _read(path: Path) -> pa.Table:
    ending = Path(path.name.removesuffix(".gz")).suffix
    if ending == ".parquet":
        return read_parquet(path)
    with pa.input_stream(path) as file:  # unpacks by the name's ending
        if ending == ".jsonl":
            return pa.json.read_json(file)
        options = pa.csv.ParseOptions(delimiter="\t" if ending == ".tsv" else ",")
        return pa.csv.read_csv(file, parse_options=options)


def numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as float64; a whole number beyond 2⁵³ becomes the nearest one.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError
        It holds something else.
    """
    return pc.cast(column, pa.float64(), safe=not pa.types.is_integer(column.type))


def open_table(path: str | Path) -> "pyarrow.dataset.Dataset":
    """A parquet table that is larger than one wants in memory, to be read in batches.

    Raises
    ------
    RelscaleError
        The file is missing or is no such table.
    """
    from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions, dataset

    if not Path(path).is_file():
        raise RelscaleError(f"{path}: no such table; check the path or run the stage that makes it")
    check_parquet(path)
    checked = ParquetFragmentScanOptions(page_checksum_verification=True)
    try:
        return dataset(path, format=ParquetFileFormat(default_fragment_scan_options=checked))
    except (pa.ArrowException, OSError) as error:
        raise RelscaleError(f"{path}: not a readable table ({str(error).splitlines()[0]})") from error


def write_table(table: pa.Table, path: str | Path, durable: bool = True) -> None:
    """Write ``table`` in one step; the ending of ``path`` chooses parquet or CSV, ``durable`` as of ``atomic_path``.

    Raises
    ------
    RelscaleError
        The ending is neither ``.parquet`` nor ``.csv``.
    """
    write_pieces([table], table.schema, path, durable)


def write_pieces(
    pieces: Iterable[pa.Table], schema: pa.Schema, path: str | Path, durable: bool = True
) -> None:
    """Write one table of which only a piece is in memory at a time, in one step.

    Raises
    ------
    RelscaleError
        The ending is neither ``.parquet`` nor ``.csv``.
    """
    path = Path(path)
    if path.suffix not in (".parquet", ".csv"):
        raise RelscaleError(f"{path}: a table's name ends in .parquet or .csv")
    with atomic_path(path, durable) as partial:
        opened = parquet_writer if path.suffix == ".parquet" else pa.csv.CSVWriter
        with opened(partial, schema) as writer:
            for piece in pieces:
                writer.write_table(piece)
