"""Columns ``share_<part>`` of the measurements: the share of each part in the training tokens of a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from relscale.measurements.measurement import SHARE
from relscale.storage.columns import numbers, plain
from relscale.storage.tables import read_table


def with_mixture_shares(rows: pa.Table, shares: Mapping[str, Mapping[str, float]]) -> pa.Table:
    """Add a column to measurements or models for each part of the corpora's mixtures; 0 if a corpus lacks the part.

    Nothing is added if no corpus is a mixture.

    Parameters
    ----------
    rows
        Rows with the column ``corpus``.
    shares
        Shares by corpus and part, which sum to 1 over the parts of a corpus.
    """
    if all(len(of_corpus) == 1 for of_corpus in shares.values()):
        return rows
    parts = {part for of_corpus in shares.values() for part in of_corpus}
    corpora = rows["corpus"].to_pylist()
    return _with_columns(
        rows, {part: [shares[corpus].get(part, 0.0) for corpus in corpora] for part in sorted(parts)}
    )


def with_listed_shares(measurements: pa.Table, table: str | Path, runs: Sequence[str]) -> pa.Table:
    """Add the columns ``share_<part>`` of a table of checkpoints to measurements.

    Parameters
    ----------
    measurements
        Measurements with the column ``run``.
    table
        Path of the table.
    runs
        Name of the run of each of its rows.

    Raises
    ------
    RelscaleError
        Such a column does not contain numbers.
    """
    listed = read_table(table)
    place = {run: row for row, run in enumerate(runs)}
    rows = [place[run] for run in measurements["run"].to_pylist()]
    columns = {}
    for name in listed.column_names:
        if not name.startswith(SHARE):
            continue
        column = numbers(plain(listed[name]), f"{table}: column {name!r}").to_pylist()
        columns[name.removeprefix(SHARE)] = [column[row] for row in rows]
    return _with_columns(measurements, columns)


def _with_columns(rows: pa.Table, columns: Mapping[str, Sequence[float | None]]) -> pa.Table:
    for part, values in columns.items():
        rows = rows.append_column(pa.field(SHARE + part, pa.float64()), pa.array(values, pa.float64()))
    return rows
