"""Extrapolation of a table on disk: rows that meet a condition are known, the others are forecast.

>>> from relscale.extrapolation.of_table import extrapolate_table
>>> result = extrapolate_table(
...     "runs.csv", y="loss", x={"params": "params", "tokens": "tokens"}, train='split == "train"'
... )  # doctest: +SKIP
>>> print(result)  # doctest: +SKIP
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from relscale.arguments import typed
from relscale.compute_columns import SCALES, SIZES, check_no_logarithm, check_one_unit
from relscale.confidence import LEVEL, check_level
from relscale.errors import RelscaleError, first_line
from relscale.extrapolation.extrapolate import Extrapolation, explained_share, extrapolate
from relscale.extrapolation.interval import FEWEST
from relscale.extrapolation.table import Labels, Table
from relscale.fitting.status import Status
from relscale.printable import escaped_repr
from relscale.storage.columns import numbers, words
from relscale.storage.tables import write_table
from relscale.suggestions import suggestion
from relscale.table_fit.measurements import check_columns, read_source

FORECAST, LIMITS, STATUS = "forecast", ("forecast_low", "forecast_high"), "forecast_status"
COLUMNS = (FORECAST, *LIMITS, "forecast_level", STATUS)
SHOWN = 12  # rows that are printed
EXAMPLE = """write a condition such as 'split == "train"' or 'tokens < 1e10'"""


@escaped_repr
@dataclass(frozen=True)
class TableExtrapolation:
    """An extrapolation and the forecast rows; printing it shows the candidates and their errors.

    Attributes
    ----------
    extrapolation
        The candidates, their errors in the folds and weights.
    rows
        The target rows, with columns ``forecast``, ``forecast_low``, ``forecast_high``, ``forecast_level`` and
        ``forecast_status``: the forecast, the prediction interval of one further measurement, its level, and "ok", "no
        forecast", "no interval", "too few points" of a curve of fewer than three, whose noise is unknown, or
        "extrapolated width" beyond the distances that the folds tested.
    y
        The column that was forecast.
    left_out
        Number of known rows without a number in ``y`` or a predictor.
    """

    extrapolation: Extrapolation
    rows: pd.DataFrame
    y: str
    left_out: int = 0

    def __str__(self) -> str:
        lines = [str(self.extrapolation), ""]
        if self.left_out:
            lines.append(
                f"{self.left_out} known rows lack a number in {self.y} or a predictor (above 0, if it is compute, "
                "parameters or tokens), and are excluded"
            )
        lost = int((~np.isfinite(self.rows[FORECAST].to_numpy(float))).sum())
        if lost:
            lines.append(
                f"{lost} rows have no forecast: a predictor is not a number, or no candidate has a forecast"
            )
        truth = self.rows[self.y].to_numpy(float)
        known = np.isfinite(truth) & np.isfinite(self.rows[FORECAST].to_numpy(float))
        if known.sum() > 1:
            off = self.rows[FORECAST].to_numpy(float)[known] - truth[known]
            r2 = explained_share(truth[known] + off, truth[known])
            explained = "" if np.isnan(r2) else f"R² {r2:.4f}, "
            rmse = np.sqrt(np.mean(off**2))
            low, high = (self.rows[limit].to_numpy(float)[known] for limit in LIMITS)
            inside = int(((low <= truth[known]) & (truth[known] <= high)).sum())
            covered = f", {inside} in the {self.extrapolation.interval.level * 100:g}% interval"
            lines.append(
                f"of {known.sum()} rows with a known answer: {explained}RMSE {rmse:.4g}"
                f"{covered if np.isfinite(low).any() else ''}"
            )
        short = int((self.rows[STATUS] == Status.TOO_FEW_POINTS).sum())
        if short:
            lines.append(
                f"{short} rows are of curves with fewer than {FEWEST} known points, whose noise is unknown; their "
                f"intervals may be too narrow"
            )
        farther = int((self.rows[STATUS] == Status.EXTRAPOLATED_WIDTH).sum())
        if farther:
            lines.append(
                f"{farther} rows are further beyond the known ones than any fold tested; the width of their "
                f"interval is extrapolated"
            )
        lines.append(self.rows.head(SHOWN).to_string(index=False))
        if len(self.rows) > SHOWN:
            lines.append(f"… and {len(self.rows) - SHOWN} rows more")
        return "\n".join(lines)

    def write(self, output: str | Path) -> None:
        """Write the rows with their forecast."""
        write_table(pa.Table.from_pandas(self.rows, preserve_index=False), output)


@typed
def extrapolate_table(
    table: Any,
    *,
    y: str,
    x: Mapping[str, str],
    train: str,
    group: Sequence[str] = (),
    model: str | None = None,
    laws: Sequence[str] = (),
    level: float = LEVEL,
) -> TableExtrapolation:
    """Forecast the rows of a table that do not meet the condition ``train``.

    Parameters
    ----------
    table
        A path, a frame, or another table with an Arrow interface.
    x
        Columns of the predictors, by the names that candidates use.
    train
        A condition on columns, in the syntax of pandas: ``'split == "train"'``. A column of groups or models whose
        names are all numbers is of numbers here, unless the condition has a number in quotes: ``'model == "7"'``.
    group
        Columns that together identify a curve.
    model
        A column with the model of each row.
    laws
        Prefixes of the names of candidates; all that apply by default.
    level
        Level of the prediction intervals.

    Raises
    ------
    RelscaleError
        A column is missing or contains no numbers, the condition cannot be read, there are no known or no target rows,
        or no candidate remains.
    """
    if not isinstance(x, Mapping):
        raise RelscaleError("x: a mapping from the names of predictors to columns, such as {'params': 'n'}")
    check_level(level)
    source, name = read_source(table, [*group, model])
    check_columns(source, (y, *x.values(), *group, *([model] if model else [])), name)
    for column in COLUMNS:
        if column in source.column_names:
            raise RelscaleError(
                f"{name}: it has a column {column!r}, which the forecast would replace; rename it"
            )
    for column in (y, *x.values()):
        cells = numbers(source[column], f"{name}: column {column!r}")
        source = source.set_column(source.column_names.index(column), column, cells)
    for predictor, column in x.items():
        if not predictor.startswith("log_"):
            check_no_logarithm(column, source[column].to_numpy(), name)
        if predictor in SIZES:
            check_one_unit(column, source[column].to_numpy(), name)
    for column in (*group, *([model] if model else [])):
        cells = pa.array(words(source[column], f"{name}: column {column!r}"))
        source = source.set_column(source.column_names.index(column), column, cells)
    rows = source.to_pandas()
    try:
        known = np.asarray(_with_numbers(rows, train).eval(train))
    except Exception as error:  # any exception of pandas for an invalid condition
        for missing in _unknown_names(train, source.column_names):
            wrong = f"no column {missing!r}; {suggestion(missing, source.column_names, 'it has')}"
            raise RelscaleError(f"--train {train!r}: {name}: {wrong}") from None
        raise RelscaleError(
            f"--train {train!r}: not a condition on the columns of {name} ({first_line(error)}); {EXAMPLE}"
        ) from None
    if known.shape != (len(rows),) or known.dtype != bool:
        raise RelscaleError(f"--train {train!r}: not true or false for each row of {name}; {EXAMPLE}")
    if known.all() or not known.any():
        raise RelscaleError(
            f"--train {train!r}: {known.sum()} of {len(rows)} rows are known; there must be both known and unknown rows"
        )
    all_rows = table_of(rows, y, x, group, model)
    positive = (all_rows.x > 0) | ~np.isin(all_rows.names, SCALES)[:, None]
    placed = (np.isfinite(all_rows.x) & positive).all(axis=0)
    usable = known & placed & np.isfinite(all_rows.y)
    targets = ~known & placed
    if not usable.any() or not targets.any():
        which = "known" if not usable.any() else "asked for"
        raise RelscaleError(
            f"{name}: no row that is {which} has a number in {', '.join([y, *x.values()])}, above 0 if it is compute, "
            "parameters or tokens"
        )
    unknown = targets & ~np.isin(all_rows.group, all_rows.group[usable])
    if len(x) == 1 and unknown.any():
        first = ", ".join(f"{column} {rows[column][unknown].iloc[0]!r}" for column in group)
        raise RelscaleError(f"{name}: no known row of {first}, so its curve is unknown; remove it")
    result = extrapolate(all_rows.take(usable), all_rows.take(targets), laws, level=level)
    interval = result.interval
    forecast, low, high = np.full((3, len(rows)), np.nan)
    forecast[targets], low[targets], high[targets] = result.forecast, interval.low, interval.high
    status = np.full(len(rows), str(Status.NO_FORECAST), dtype=object)
    status[targets] = [str(one) for one in interval.status]
    columns = dict(zip(COLUMNS, (forecast, low, high, np.full(len(rows), level), status), strict=True))
    shown = rows.assign(**columns)[~known]
    return TableExtrapolation(result, shown, y, left_out=int((known & ~usable).sum()))


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


def _with_numbers(rows: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The rows, whose texts are numbers in a column of numbers, unless the condition has a number in quotes."""
    texts = {node.value for node in _nodes(condition) if isinstance(node, ast.Constant)}
    if (
        pd.to_numeric(pd.Series([text for text in texts if isinstance(text, str)]), errors="coerce")
        .notna()
        .any()
    ):
        return rows
    numeric = {
        name: pd.to_numeric(rows[name], errors="coerce") for name in rows if rows[name].dtype.kind in "OUT"
    }
    return rows.assign(**{name: cells for name, cells in numeric.items() if cells.notna().all()})


def _unknown_names(condition: str, columns: Sequence[str]) -> list[str]:
    """Names in a condition that are not columns; none if it cannot be parsed."""
    names = [node.id for node in _nodes(condition) if isinstance(node, ast.Name)]
    return [name for name in names if name not in columns]


def _nodes(condition: str) -> list[ast.AST]:
    """The parts of a condition; none if it cannot be parsed."""
    try:
        return list(ast.walk(ast.parse(condition.strip(), mode="eval")))
    except SyntaxError:
        return []
