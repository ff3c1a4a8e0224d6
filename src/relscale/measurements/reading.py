"""Reading of the measurement table."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.storage.tables import listed, read_table


def read_measurements(path: str | Path, columns: Sequence[str]) -> pa.Table:
    """The measurements that ``relscale collect`` wrote.

    Parameters
    ----------
    path
        The table.
    columns
        Required columns; others are optional.

    Raises
    ------
    RelscaleError
        It is missing or damaged, or lacks one of ``columns``.
    """
    table = read_table(path)
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise RelscaleError(
            f"{path}: lacks the column{'s' if len(missing) > 1 else ''} {listed(missing, 5)}, so it was written by "
            f"another version of relscale; collect again (relscale run CONFIG)"
        )
    return table
