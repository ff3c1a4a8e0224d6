"""Parquet files with an embedded digest, so that damage is detected wherever they are copied.

Parquet's page checksums do not cover the footer, where a flipped bit changes names, types and counts. Readers find
pages by their offsets and the footer from the end, and ignore bytes between the two. Files written here have ``MARK``
and the sha256 of all other bytes there. Any parquet reader can read them, and this module reads any parquet file.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from relscale.errors import Damaged, first_line

CHANGES_NO_NUMBER = "adds a digest to a file, and rejects a file that does not match its digest"

MAGIC = b"PAR1"
MARK = b"sha256: "
GAP = len(MARK) + hashlib.sha256().digest_size
PIECE = 1 << 20


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> "Iterator[pa.parquet.ParquetWriter]":
    """A writer that embeds the digest when its context ends."""
    from pyarrow import parquet  # slow; not all processes that import this module open a file

    with parquet.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        yield writer
    with path.open("r+b") as file:
        footer = _footer(file)
        file.seek(footer)
        end = file.read()
        total = _sha256(file, footer, end)
        file.seek(footer)
        file.write(MARK + total + end)


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pa.Table:
    """Read a parquet file, or some of its columns.

    Raises
    ------
    Damaged
        Its bytes do not match the digest.
    """
    # As a single file: as a data set, a path that contains `=` would add columns (Hive partitions).
    with open_parquet(path) as file, _damaged_if_unreadable(path):
        missing = [name for name in columns or () if name not in file.schema_arrow.names]
        if missing:
            raise Damaged(Path(path), f"no column {', '.join(missing)}")
        table = file.read(columns)
        return table if columns is None else table.select(columns)


@contextmanager
def open_parquet(path: str | Path) -> "Iterator[pa.parquet.ParquetFile]":
    """Open a parquet file to read it one row group at a time.

    Raises
    ------
    Damaged
        Its bytes do not match the digest.
    """
    from pyarrow import parquet

    check_parquet(path)
    # By its path rather than a Python file object: an Arrow thread that releases one during shutdown aborts the
    # process.
    with _damaged_if_unreadable(path):
        file = parquet.ParquetFile(path, page_checksum_verification=True)
    with file:
        yield file


def check_parquet(path: str | Path) -> None:
    """Compare a file with its embedded digest; files without one are only checked for complete ends.

    Raises
    ------
    Damaged
        Its bytes do not match the digest.
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
    """Refuse a file as damaged that does not begin and end like parquet, as if it is truncated."""
    with open(path, "rb") as file:
        _footer(file)


def _footer(file: BinaryIO) -> int:
    """Offset of the footer."""
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
    """Digest of the first bytes of a file and of its end."""
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
