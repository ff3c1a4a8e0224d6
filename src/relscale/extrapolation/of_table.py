"""Extrapolation of a table on disk: rows that meet a condition are known, the others are forecast.

>>> from relscale.extrapolation.of_table import extrapolate_table
>>> result = extrapolate_table(
...     "runs.csv", y="loss", x={"params": "params", "tokens": "tokens"}, train='split == "train"'
... )  # doctest: +SKIP
>>> print(result)  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.extrapolation.extrapolate import Extrapolation, extrapolate
from relscale.extrapolation.table import Labels, Table
from relscale.printable import shown_printable
from relscale.tables import read_table, write_table

FORECAST = "forecast"
SHOWN = 12  # rows that are printed


@shown_printable
@dataclass(frozen=True)
class TableExtrapolation:
    """An extrapolation and the rows that it forecast; printing it shows what was tried and how it did.

    Attributes
    ----------
    extrapolation
        The candidates, their errors in the folds and weights.
    rows
        The rows asked for, with a column ``forecast``.
    y
        The column that was forecast.
    """

    extrapolation: Extrapolation
    rows: pd.DataFrame
    y: str

    def __str__(self) -> str:
        lines = [str(self.extrapolation), ""]
        truth = self.rows[self.y].to_numpy(float)
        known = np.isfinite(truth)
        if known.sum() > 1:
            off = self.rows[FORECAST].to_numpy(float)[known] - truth[known]
            r2 = 1 - float(np.mean(off**2)) / max(float(np.var(truth[known])), 1e-300)
            lines.append(
                f"of {known.sum()} rows with a known answer: R² {r2:.4f}, RMSE {np.sqrt(np.mean(off**2)):.4g}"
            )
        lines.append(self.rows.head(SHOWN).to_string(index=False))
        if len(self.rows) > SHOWN:
            lines.append(f"… and {len(self.rows) - SHOWN} rows more")
        return "\n".join(lines)

    def write(self, output: str | Path) -> None:
        """Write the rows with their forecast."""
        write_table(pa.Table.from_pandas(self.rows, preserve_index=False), output)


def extrapolate_table(
    table: str | Path,
    *,
    y: str,
    x: Mapping[str, str],
    train: str,
    group: Sequence[str] = (),
    model: str | None = None,
    laws: Sequence[str] = (),
) -> TableExtrapolation:
    """Forecast the rows of a table that do not meet the condition ``train``.

    Parameters
    ----------
    x
        From the names that candidates give predictors to columns.
    train
        A condition on columns, as pandas has them: ``'split == "train"'``.
    group
        Columns whose values together make a curve.
    model
        A column that names the model a row was measured on.
    laws
        Beginnings of the names of candidates; all that apply by default.

    Raises
    ------
    RelscaleError
        A column is missing, the condition cannot be read, no row is known or asked for, or no candidate is left.
    """
    rows = read_table(table, [y, *x.values(), *group, *([model] if model else [])]).to_pandas()
    try:
        known = np.asarray(rows.eval(train), dtype=bool)
    except (ValueError, SyntaxError, TypeError, pd.errors.UndefinedVariableError) as error:
        raise RelscaleError(f"--train {train!r}: no condition on the columns of {table} ({error})") from None
    if known.shape != (len(rows),) or known.all() or not known.any():
        raise RelscaleError(
            f"--train {train!r}: {known.sum()} of {len(rows)} rows are known; some must be, and some not"
        )
    every = table_of(rows, y, x, group, model)
    usable = known & np.isfinite(every.y) & np.isfinite(every.x).all(axis=0)
    result = extrapolate(every.take(usable), every.take(~known), laws)
    return TableExtrapolation(result, rows[~known].assign(**{FORECAST: result.forecast}), y)


def table_of(
    rows: pd.DataFrame, y: str, x: Mapping[str, str], group: Sequence[str] = (), model: str | None = None
) -> Table:
    """Rows as a table of an extrapolation."""
    return Table(
        names=tuple(x),
        x=rows[list(x.values())].to_numpy(float).T,
        y=rows[y].to_numpy(float),
        group=_labels(rows, group),
        model=_labels(rows, [model]) if model else np.arange(len(rows)),
    )


def _labels(rows: pd.DataFrame, columns: Sequence[str]) -> Labels:
    if not columns:
        return np.zeros(len(rows), dtype=np.int64)
    return np.asarray(rows.groupby(list(columns), sort=False).ngroup(), dtype=np.int64)
