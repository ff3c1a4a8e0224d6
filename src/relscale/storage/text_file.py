"""Text files: compressed or not, UTF-8 or UTF-16, with or without a byte order mark."""

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from relscale.errors import RelscaleError

PACKED = (".gz", ".bz2", ".xz", ".zst")
_UNPACKERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {  # by a file's first bytes, whatever its name
    b"\x1f\x8b": gzip.open,  # type: ignore[dict-item]
    b"BZh": bz2.open,  # type: ignore[dict-item]
    b"\xfd7zXZ\x00": lzma.open,  # type: ignore[dict-item]
    b"\x28\xb5\x2f\xfd": lambda file: pa.CompressedInputStream(file, "zstd"),
}
_FOREIGN = {
    b"PK\x03\x04": "a spreadsheet or another zip archive; save the table in it as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet; save the table in it as CSV",
    b"ARROW1": "an Arrow file; write it as parquet",
    b"\x89HDF": "an HDF5 file; write the table in it as parquet",
    **{bytes([0x80, protocol]): "a pickle; write it as parquet" for protocol in range(2, 6)},
    b"%PDF": "a PDF",
}


def read_text(path: Path) -> str:
    """The decompressed text of a file, with its line ends unchanged.

    Raises
    ------
    RelscaleError
        It cannot be read or decompressed, or is neither UTF-8 nor UTF-16 with a byte order mark.
    """
    data = read_bytes(path)
    for start, description in _FOREIGN.items():
        if data.startswith(start):
            raise RelscaleError(f"{path}: {description}")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RelscaleError(f"{path}, line {line}: not UTF-8 text; save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise RelscaleError(f"{path}, line {line}: not text, a byte is 0; save it as UTF-8 text")
    return text


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed if it begins like a compressed one.

    Raises
    ------
    RelscaleError
        It cannot be read or decompressed.
    """
    try:
        with path.open("rb") as file:
            start = file.peek(6)
            unpack = next((how for first, how in _UNPACKERS.items() if start.startswith(first)), None)
            if unpack is None:
                return file.read()
            with unpack(file) as unpacked:
                return unpacked.read()
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise RelscaleError(f"{path}: cannot be unpacked, it is cut or damaged; copy it again") from error
    except OSError as error:
        if error.errno is None:  # raised by bz2 and Arrow for damaged data
            raise RelscaleError(f"{path}: cannot be unpacked, it is cut or damaged; copy it again") from error
        raise RelscaleError(f"{path}: cannot be read ({error.strerror})") from error
