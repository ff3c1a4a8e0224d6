"""Published numbers: any table with a row a number becomes measurements."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.measurements.schema import MEASUREMENTS
from relscale.tables import read_table

REQUIRED = ("run", "training_flops", "group", "metric", "value")
DEFAULTS: dict[str, Any] = {"corpus": "published", "suite": "published", "prompt": "default", "status": "ok"}


def published(
    path: str | Path,
    experiment: str,
    columns: dict[str, str] | None = None,
    constants: dict[str, Any] | None = None,
) -> pa.Table:
    """Read a table as measurements, with the columns of ``relscale.measurements.schema.MEASUREMENTS``.

    Parameters
    ----------
    path
        CSV or parquet.
    experiment
        Its name.
    columns
        For each column of the measurements that is called otherwise in the table, its name there.
    constants
        Values of columns that the table does not have, ``{"corpus": "dclm"}`` for instance.

    Raises
    ------
    RelscaleError
        A column is not there, or is not of its type.
    """
    columns, constants = columns or {}, {**(constants or {}), "experiment": experiment}
    unknown = (columns.keys() | constants.keys()) - set(MEASUREMENTS.names)
    if unknown:
        known = ", ".join(MEASUREMENTS.names)
        raise RelscaleError(f"{path}: {sorted(unknown)[0]!r} is no column of measurements; they have {known}")
    needed = [columns.get(name, name) for name in REQUIRED if name not in constants]
    table = read_table(path, [*needed, *columns.values()])
    arrays = []
    for field in MEASUREMENTS:
        source = columns.get(field.name, field.name)
        if field.name in constants:
            array = pa.array([constants[field.name]] * table.num_rows, field.type)
        elif source in table.column_names:
            try:
                array = pc.cast(table[source], field.type)
            except pa.ArrowInvalid as error:
                raise RelscaleError(f"{path}: column {source!r} is not of type {field.type}") from error
        elif field.name == "block":
            array = pc.cast(table[columns.get("run", "run")], pa.string())
        else:
            array = pa.array([DEFAULTS.get(field.name)] * table.num_rows, field.type)
        arrays.append(array)
    return pa.table(arrays, schema=MEASUREMENTS)
