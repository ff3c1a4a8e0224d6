"""Code named by a checkpoint's configuration, such as kernels, which transformers would download from the hub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError


def refuse_kernels(folder: str | Path) -> None:
    """Refuse a ``config.json`` that names a kernel of the hub (``attn_implementation: user/kernel``), which is code.

    Raises
    ------
    RelscaleError
        The file names a kernel.
    """
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # loading reports the error
    for key, name in _implementations(config):
        raise RelscaleError(
            f"{folder}: config.json names {name!r} as {key}, which is code from the hub; remove it, or set "
            "scoring.trust_remote_code: true if you trust it"
        )


def _implementations(value: Any) -> Iterator[tuple[str, str]]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
            for key, name in part.items():
                if "implementation" in key:
                    names = name.values() if isinstance(name, dict) else [name]
                    yield from ((key, value) for value in names if isinstance(value, str) and "/" in value)
        elif isinstance(part, list):
            waiting += part
