"""What a checkpoint's weights are, read from the headers of its files: nothing is loaded."""

import json
import math
import struct
from pathlib import Path

from relscale.errors import RelscaleError

# The longest header that the format allows.
MOST_BYTES = 100_000_000


def parameters(folder: str | Path) -> int:
    """Number of parameters in the safetensors files of a folder; tied weights are stored, and counted, once.

    Raises
    ------
    RelscaleError
        There is no such file, or one is broken.
    """
    return sum(math.prod(entry["shape"]) for entry in _tensors(folder))


def weights_bytes(folder: str | Path) -> int:
    """Bytes of the weights in the safetensors files of a folder, in the number format that they are stored in.

    Raises
    ------
    RelscaleError
        There is no such file, or one is broken.
    """
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in _tensors(folder))


def _tensors(folder: str | Path) -> list[dict]:
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise RelscaleError(f"{folder}: no safetensors file in it")
    return [entry for file in files for entry in _header(file)]


def _header(file: Path) -> list[dict]:
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(MOST_BYTES, size - 8):
                raise ValueError("its header is longer than the file")
            header = json.loads(stream.read(length))
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        end = max((entry["data_offsets"][1] for entry in tensors), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise RelscaleError(f"{file}: not a safetensors file ({error}); fetch it again") from error
    if 8 + length + end != size:
        raise RelscaleError(
            f"{file}: {size:,} bytes, and its header speaks of {8 + length + end:,}; fetch it again"
        )
    return tensors
