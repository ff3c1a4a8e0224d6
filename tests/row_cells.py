"""Rows of a fit as mappings, with their status and their method in words, for tests that state what people read."""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from relscale.fitting.inference.method import described
from relscale.storage.rows import fields_of


def cells(rows: pa.Table | Iterable[Any]) -> list[dict[str, Any]]:
    """The cells of each row, with ``reason``, its status in words, and ``interval``, its method in words."""
    mappings = rows.to_pylist() if isinstance(rows, pa.Table) else [{**fields_of(row)} for row in rows]
    return [
        row
        | {"reason": row.get("note") or str(row["status"])}
        | {"interval": described(row.get("method"), row.get("method_note"))}
        for row in mappings
    ]


def as_cells(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of rows, or of a pair of them, as one of their cells."""

    def inner(*args: Any, **options: Any) -> Any:
        rows = function(*args, **options)
        return tuple(cells(part) for part in rows) if isinstance(rows, tuple) else cells(rows)

    return inner
