"""The safetensors files of a checkpoint folder and their headers; no weights are read."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError

SINGLE_FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
# The maximum header length of the format.
MOST_BYTES = 100_000_000


def weight_files(folder: str | Path) -> list[Path]:
    """The files that transformers loads from a folder; others, such as ``consolidated.safetensors``, are ignored.

    Raises
    ------
    RelscaleError
        The index is not readable, or a file that it names is missing.
    """
    folder = Path(folder)
    if (folder / SINGLE_FILE).is_file():
        return [folder / SINGLE_FILE]
    index = folder / INDEX
    if not index.is_file():
        return []
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RelscaleError(
            f"{index}: not an index of safetensors files ({error}); download it again"
        ) from error
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise RelscaleError(f"{missing[0]}: no such file, but {INDEX} names it; download it again")
    return files


def weights_bytes(folder: str | Path) -> int:
    """Bytes of the weights of a folder, in the number format that they are stored in.

    Raises
    ------
    RelscaleError
        There are no safetensors, or a file is damaged.
    """
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in tensors(folder))


def tensors(folder: str | Path) -> list[Mapping[str, Any]]:
    """The headers' entries of all tensors: ``dtype``, ``shape`` and ``data_offsets``.

    Raises
    ------
    RelscaleError
        There are no safetensors, or a file is damaged.
    """
    files = weight_files(folder)
    if not files:
        raise RelscaleError(f"{folder}: no {SINGLE_FILE} in it, nor shards with {INDEX}")
    return [entry for file in files for entry in _header(file)]


def _header(file: Path) -> list[Mapping[str, Any]]:
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(MOST_BYTES, size - 8):
                raise ValueError("its header is longer than the file")
            header = json.loads(stream.read(length))
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        end = max((int(entry["data_offsets"][1]) for entry in entries), default=0)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        struct.error,
        RecursionError,
    ) as error:
        raise RelscaleError(f"{file}: not a safetensors file ({error}); download it again") from error
    if 8 + length + end != size:
        raise RelscaleError(
            f"{file}: {size:,} bytes, but its header describes {8 + length + end:,}; download it again"
        )
    return entries
