"""Replicates of the measurements as an array of runs, series and draws."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.curves.key_codes import Integers, Vocabulary
from relscale.fitting.keys import FAMILY, RUN, SERIES
from relscale.measurements.measurement import Unit
from relscale.storage import arrow_compute as pc
from relscale.storage.columns import numbers

if TYPE_CHECKING:
    import pyarrow.dataset  # the import takes 0.3 s

Floats = NDArray[np.float64]

Replicates: TypeAlias = "pa.Table | pyarrow.dataset.Dataset"  # a data set is read in batches
FRUGAL: dict[str, Any] = {"batch_size": 1 << 17, "batch_readahead": 1, "fragment_readahead": 1}


def replicate_array(
    table: "Replicates | None",
    vocabulary: Vocabulary,
    runs: NDArray[np.int64],
    kinds: NDArray[np.int64],
    clustered: NDArray[np.bool_],
) -> Floats:
    """Replicates (R, K, B) from the long table, read in batches: for the paper's runs it has 26 million rows.

    For a series with draws of clusters and of single items, those of clusters if it is ``clustered``.
    """
    if table is None:
        return np.full((len(runs), len(kinds), 0), np.nan)
    from pyarrow.dataset import dataset

    rows = dataset(table) if isinstance(table, pa.Table) else table
    names = [name for name in RUN + SERIES if name in rows.schema.names]
    last = [
        pc.max(batch["replicate"]).as_py()
        for batch in rows.to_batches(columns=["replicate"], **FRUGAL)
        if batch.num_rows
    ]
    count = max(last, default=-1) + 1
    draws = np.full((len(runs), len(kinds), count), np.nan)
    units = ["unit"] if "unit" in rows.schema.names else []
    for batch in rows.to_batches(columns=[*names, *units, "replicate", "value"], **FRUGAL):
        part = pa.Table.from_batches([batch])
        row, column = (
            _positions(part, of, codes, vocabulary) for of, codes in ((RUN, runs), (SERIES, kinds))
        )
        unknown = np.flatnonzero((row < 0) | (column < 0))
        if len(unknown):
            names_of_replicate = [name for name in RUN[len(FAMILY) :] + SERIES if name in names]
            key = {name: part[name][int(unknown[0])].as_py() for name in names_of_replicate}
            raise RelscaleError(
                f"replicates: {named(key)} is not in the measurements; collect both from the same items"
            )
        number, value = part["replicate"].to_numpy(), _numbers(part)
        if units:
            other = np.where(clustered[column], str(Unit.ITEM), str(Unit.CLUSTER))
            of_unit = pc.not_equal(part["unit"].cast(pa.string()), pa.array(other)).fill_null(True).to_numpy()
            row, column, number, value = (array[of_unit] for array in (row, column, number, value))
        draws[row, column, number] = value
    return draws


def _positions(table: pa.Table, names: Sequence[str], codes: Integers, vocabulary: Vocabulary) -> Integers:
    """Position in ``codes`` of each row of ``table``, by those of the columns ``names`` that it has; −1 if absent.

    Raises
    ------
    RelscaleError
        Two of ``codes`` differ only in columns that the table lacks.
    """
    shared = [name for name in names if name in table.column_names]
    known_code = vocabulary.codes(vocabulary.columns(codes, names), shared)
    order = np.argsort(known_code)
    if len(np.unique(known_code)) < len(codes):
        missing = ", ".join(name for name in names if name not in shared)
        raise RelscaleError(f"replicates: they need the columns {missing}, by which the measurements differ")
    code = vocabulary.codes(table, shared)
    place = order[np.searchsorted(known_code[order], code).clip(max=len(order) - 1)]
    return np.where(known_code[place] == code, place, -1)


def _numbers(table: pa.Table) -> Floats:
    values: Floats = numbers(table["value"], "replicates: column 'value'").to_numpy().astype(float)
    return values


def unbiased(draws: Floats, values: Floats, clusters: Floats) -> Floats:
    """Draws of C clusters rescaled around the value, so that their variance is C / (C − 1) times as large."""
    columns = np.flatnonzero(clusters > 1)
    if draws.shape[-1] and len(columns):
        far = np.sqrt(clusters[columns] / (clusters[columns] - 1))[:, None]
        centre = values[:, columns, None]
        draws[:, columns] = centre + far * (draws[:, columns] - centre)
    return draws


def named(row: Mapping[str, object]) -> str:
    """The known values of a row, each with the name of its column."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
