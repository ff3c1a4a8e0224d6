"""Parquet files that carry the digest of their own bytes, so that damage is noticed wherever they are copied.

Parquet's page checksums leave out the footer, where a flipped bit changes names, types and counts. Readers find pages
by their offsets and the footer from the end, so that what lies between the two is nobody's: there a file written here
has ``MARK`` and the sha256 of all its other bytes. Any reader of parquet reads such a file, and this one any other.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet

from relscale.errors import Damaged, first_line

CHANGES_NO_NUMBER = "adds a digest to a file, and refuses a file that differs from its own"

MAGIC = b"PAR1"
MARK = b"sha256: "
GAP = len(MARK) + hashlib.sha256().digest_size
PIECE = 1 << 20


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[pa.parquet.ParquetWriter]:
    """A writer of a file that has its digest once the writer is left."""
    with pa.parquet.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        yield writer
    with path.open("r+b") as file:
        footer = _footer(file)
        file.seek(footer)
        end = file.read()
        total = _sha256(file, footer, end)
        file.seek(footer)
        file.write(MARK + total + end)


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pa.Table:
    """A parquet file, whole or some columns of it.

    Raises
    ------
    Damaged
        It is not what was written.
    """
    # As one file, never as a data set: there a path with `=` in it adds columns (Hive's partitions).
    with open_parquet(path) as file, _damaged_if_unreadable(path):
        missing = [name for name in columns or () if name not in file.schema_arrow.names]
        if missing:
            raise Damaged(Path(path), f"no column {', '.join(missing)}")
        table = file.read(columns)
        return table if columns is None else table.select(columns)


@contextmanager
def open_parquet(path: str | Path) -> Iterator[pa.parquet.ParquetFile]:
    """A parquet file that is read a row group at a time.

    Raises
    ------
    Damaged
        It is not what was written.
    """
    check_parquet(path)
    # By its path, never as a file of Python's: a thread of Arrow's that lets go of one while Python ends aborts the
    # process.
    with _damaged_if_unreadable(path):
        file = pa.parquet.ParquetFile(path, page_checksum_verification=True)
    with file:
        yield file


def check_parquet(path: str | Path) -> None:
    """Hold a file against the digest in it; one without, written by others, need only be whole at its ends.

    Raises
    ------
    Damaged
        It is not what was written.
    """
    with open(path, "rb") as file:
        footer = _footer(file)
        file.seek(max(0, footer - GAP))
        gap = file.read(GAP)
        if gap.startswith(MARK):
            end = file.read()
            if _sha256(file, footer - GAP, end) != gap[len(MARK) :]:
                raise Damaged(Path(path), "its bytes are not those that were written")


def check_ends(path: str | Path) -> None:
    """See that a file begins and ends as parquet does: one that was cut does not.

    Raises
    ------
    Damaged
        It does not.
    """
    with open(path, "rb") as file:
        _footer(file)


def _footer(file: BinaryIO) -> int:
    """Where the footer begins."""
    size = file.seek(0, 2)
    if size >= 2 * len(MAGIC) + 4:
        file.seek(0)
        first = file.read(len(MAGIC))
        file.seek(-8, 2)
        length, last = int.from_bytes(file.read(4), "little"), file.read(len(MAGIC))
        start = size - 8 - length
        if first == last == MAGIC and start >= len(MAGIC):
            return start
    raise Damaged(Path(str(file.name)), "not a whole parquet file")


def _sha256(file: BinaryIO, length: int, end: bytes) -> bytes:
    """Of the first bytes of a file and the end that follows them."""
    total = hashlib.sha256()
    file.seek(0)
    while length > 0:
        piece = file.read(min(length, PIECE))
        length -= len(piece)
        total.update(piece)
    total.update(end)
    return total.digest()


@contextmanager
def _damaged_if_unreadable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(Path(path), first_line(error)) from error
