"""The tables of a fit, each a row type beside the code that makes it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.fitting.analyses.registry import analyses
from relscale.fitting.curves.by_size import SizeRow
from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow, GapRow
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.estimation.mixture_optima import MixtureOptimumRow, MixturePointRow
from relscale.fitting.estimation.multipliers import UniqueTextRow
from relscale.fitting.forecasts.forecast import BacktestRow, ForecastRow
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.report.reproduction_row import ReproductionRow
from relscale.fitting.status import Status
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.storage.atomic import atomic_path
from relscale.storage.rows import names_of, schema_of, table_of
from relscale.storage.tables import listed, read_table, write_table

ROWS: dict[str, type] = {
    "frontier": FrontierRow,
    "errors": ErrorRow,
    "gaps": GapRow,
    "sizes": SizeRow,
    "fits": ParameterRow,
    "verdicts": VerdictRow,
    "predictions": PredictionRow,
    "mixtures": MixtureOptimumRow,
    "mixture_points": MixturePointRow,
    "multipliers": UniqueTextRow,
    "forecasts": ForecastRow,
    "backtests": BacktestRow,
    **{analysis.table: analysis.row for analysis in analyses()},
    "reproduction": ReproductionRow,
}
"""The tables of a fit, and the type of each one's rows."""

ESTIMATES = (
    "value",
    "low",
    "high",
    "ratio",
    "predicted",
)  # columns that may overflow


@dataclass(frozen=True, eq=False)
class Fits:
    """The results of a fit: the tables of ``ROWS``, each an attribute too. A null has a status with the reason.

    In all of them, ``group`` (``contrast`` "group"), ``corpus`` or ``optimizer`` is compared with ``baseline``;
    it is null for traditional laws. ``docs/reference/tables.md`` has the meaning and unit of every column.

    Attributes
    ----------
    sources
        By name, a table or the function that computes it when it is first read.
    """

    sources: Mapping[str, pa.Table | Callable[[], pa.Table]]

    def __getitem__(self, name: str) -> pa.Table:
        """The table of that name."""
        source = self.sources[name]
        return source() if callable(source) else source

    def __getattr__(self, name: str) -> pa.Table:
        """The table of that name."""
        if name not in ROWS:
            raise AttributeError(f"no table {name!r}; there are {', '.join(ROWS)}")
        return self[name]

    @property
    def tables(self) -> dict[str, pa.Table]:
        """All tables by name."""
        return {name: self[name] for name in ROWS}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fits) and self.tables == other.tables

    def __copy__(self) -> "Fits":
        """A copy, for which nothing is computed."""
        return Fits(self.sources)

    def __reduce__(self) -> tuple[type["Fits"], tuple[dict[str, pa.Table]]]:
        """Pickled and deep copies have the tables, because the functions that compute them cannot be pickled."""
        return Fits, (self.tables,)

    def with_table(self, name: str, table: pa.Table) -> "Fits":
        """The same, with another table of that name."""
        return Fits({**self.sources, name: table})


Rows = Iterable[Any]


def from_rows(rows: Mapping[str, Rows | Callable[[], Rows]]) -> Fits:
    """Rows of each table as tables; a table without rows is empty, and nan and infinity are null.

    A function in place of rows is called when its table is first read.
    """
    unknown = [name for name in rows if name not in ROWS]
    if unknown:
        raise KeyError(f"no table {unknown[0]!r}; there are {', '.join(ROWS)}")
    return Fits({name: _source(kind, rows.get(name, ())) for name, kind in ROWS.items()})


def _source(kind: type, rows: Rows | Callable[[], Rows]) -> pa.Table | Callable[[], pa.Table]:
    if not callable(rows):
        return _table(kind, rows)
    return cache(lambda: _table(kind, rows()))


def _table(kind: type, rows: Iterable[Any]) -> pa.Table:
    """The rows, with a status where an estimate is infinite."""
    rows = list(rows)
    infinite = np.zeros(len(rows), dtype=bool)
    for name in ESTIMATES:
        if name in names_of(kind):
            infinite |= np.isinf(np.array(list(map(attrgetter(name), rows)), dtype=float))
    for row in np.flatnonzero(infinite):
        if rows[row].status == Status.OK:
            rows[row] = replace(rows[row], status=Status.BEYOND_RANGE)
    return table_of(kind, rows)


def empty(name: str) -> pa.Table:
    """The table of that name without rows."""
    return schema_of(ROWS[name]).empty_table()


def check_folder(folder: str | Path) -> None:
    """Refuse a folder that ``write`` cannot replace: a file, or one with other files than the tables of a fit, which
    would be lost."""
    folder = Path(folder).resolve()
    if folder.is_file():
        raise RelscaleError(f"{folder}: a file; name a folder for the tables of the fit")
    files = {f"{name}.parquet" for name in ROWS}
    others = sorted(path.name for path in folder.glob("[!.]*") if path.name not in files)
    if others:
        raise RelscaleError(
            f"{folder}: contains {others[0]}, which is not a table of a fit; name a separate folder"
        )


def write(fits: Fits, folder: str | Path) -> None:
    """Write the tables as ``<folder>/<name>.parquet``, all or none; tables of an earlier fit are replaced.

    Raises
    ------
    RelscaleError
        As ``check_folder``.
    """
    check_folder(folder)
    folder = Path(folder).resolve()  # "." has no name to rename to
    with atomic_path(folder) as partial:
        partial.mkdir()
        for name in ROWS:
            write_table(fits[name], partial / f"{name}.parquet")


def read(folder: str | Path) -> Fits:
    """The tables that ``write`` wrote.

    Raises
    ------
    RelscaleError
        One is missing, damaged, or written by another version, or ``folder`` is a table.
    """
    if Path(folder).is_file():
        raise RelscaleError(
            f"{folder}: a table, not a folder of fits; relscale fit {folder} --output FOLDER writes one"
        )
    return Fits({name: read_fit_table(folder, name) for name in ROWS})


def read_fit_table(folder: str | Path, name: str) -> pa.Table:
    """The table of that name that ``write`` wrote.

    Raises
    ------
    RelscaleError
        It is missing, damaged, or written by another version.
    """
    path = Path(folder) / f"{name}.parquet"
    table = read_table(path)
    missing = [column for column in names_of(ROWS[name]) if column not in table.column_names]
    if missing:
        columns = "the column" if len(missing) == 1 else "the columns"
        raise RelscaleError(
            f"{path}: lacks {columns} {listed(missing, 5)}, so it was written by another version of relscale; run the "
            "fit again (relscale run CONFIG, or relscale fit)"
        )
    return table
