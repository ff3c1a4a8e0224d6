"""A user's table as measurements: reading it, checking its columns, and a status per row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.measurements.lm_eval_results import refuse_lone_results
from relscale.measurements.measurement import MEASUREMENTS
from relscale.measurements.metric import VALIDATION, Metric
from relscale.measurements.status import Status, joined
from relscale.storage.columns import numbers, plain, words
from relscale.storage.tables import read_table, table_name
from relscale.suggestions import suggestion
from relscale.table_fit.frames import arrow_table

METRIC_NAMES = {"bpb": "bits_per_byte"}
MAX_STEPS = 1e8


def read_source(table: Any, names: Sequence[str | None] = ()) -> tuple[pa.Table, str]:
    """The table, and its name; ``names`` are columns whose cells are names, if it has them."""
    if not isinstance(table, str | Path):
        return arrow_table(table), "table"
    refuse_lone_results(Path(table))
    name = table_name(table)
    # this name of a suite is reserved for the validation loss
    source = read_table(table, names=[column for column in names if column])
    return source, Path(table).name if name == VALIDATION.suite else name


def check_names(names: Sequence[Any]) -> None:
    """Refuse column names that are not text."""
    invalid = [name for name in names if not isinstance(name, str)]
    if invalid:
        raise RelscaleError(f"{invalid[0]!r} is not a column name; give text, or a list of texts")


def check_columns(source: pa.Table, named: Sequence[str], name: str) -> None:
    """Refuse a column that the table does not have, or has several times."""
    for column in named:
        count = source.column_names.count(column)
        if count == 0:
            raise RelscaleError(
                f"{name}: no column {column!r}; {suggestion(column, source.column_names, 'it has')}"
            )
        if count > 1:
            raise RelscaleError(f"{name}: {column!r} is the name of several columns; rename one")


def measures_something(rows: pa.Table) -> pa.Array:
    """Whether each row has a value, or stands for the missing one of its corpus, run and group: loggers write a row
    whenever any column is logged."""
    is_blank = pc.is_null(rows["value"], nan_is_null=True).to_pylist()
    if not any(is_blank):
        return pa.array([True] * len(is_blank))
    keys = _keys(rows)
    row_of = {key: row for row, key in reversed(list(enumerate(keys)))}  # the first
    row_of |= {key: row for row, key in enumerate(keys) if not is_blank[row]}
    return pa.array([not blank or row_of[keys[row]] == row for row, blank in enumerate(is_blank)])


def check_once(columns: pa.Table, name: str, runs: Sequence[str], group: str | None) -> None:
    """Refuse several rows of the same corpus, run and group; ``group`` is the column of groups, if there is one."""
    (_, run, of_group), count = Counter(_keys(columns)).most_common(1)[0]
    if count > 1:
        rows = f"{count} rows of group {of_group!r}" if group else f"{count} rows"
        or_group = "" if group else ", or the column of groups, as in --group task"
        raise RelscaleError(
            f"{name}: {rows} with {', '.join(runs)} = {run}; "
            f"name the columns that identify a run, as in --run model,seed{or_group}; or remove copies"
        )


def _keys(rows: pa.Table) -> list[tuple[str, str, str]]:
    return list(zip(*(rows[part].to_pylist() for part in ("corpus", "run", "group")), strict=True))


def note_on_copies(rows: Sequence[Mapping[str, object]], name: str) -> str:
    """A note on rows that equal another in every column; empty if there are none.

    Runs of one design may have the same rounded loss, so only a table of which most rows are copies is refused.

    Raises
    ------
    RelscaleError
        More than half of the rows equal another, as in a file that was written twice.

    Examples
    --------
    >>> runs = [{"tokens": 1e9, "loss": 3.1}, {"tokens": 2e9, "loss": 3.0}, {"tokens": 4e9, "loss": 2.9}]
    >>> note_on_copies([*runs, *runs[:1]], "runs.csv")
    '2 of 4 rows equal another in every column; each is fitted as a separate run, so remove copies'
    """
    counts = Counter(map(repr, rows))
    equal = sum(count for count in counts.values() if count > 1)
    if 2 * equal > len(rows):
        raise RelscaleError(
            f"{name}: {equal} of {len(rows)} rows equal another in every column, so that runs would be fitted twice; "
            "remove the copies, or add a column that distinguishes the runs, such as seed"
        )
    if not equal:
        return ""
    return (
        f"{equal} of {len(rows)} rows equal another in every column; each is fitted as a separate run, so remove "
        "copies"
    )


def joined_words(source: pa.Table, names: Sequence[str], table: str, numeric: Sequence[str] = ()) -> pa.Array:
    """The text of these columns, joined per row; in the columns ``numeric`` values may be missing, and 1e3 is 1000."""

    def texts(name: str) -> list[str]:
        cells, place = source[name], f"{table}: column {name!r}"
        is_text = pa.types.is_string(plain(cells).type)
        return words(numbers(cells, place) if is_text and name in numeric else cells, place, name in numeric)

    rows = list(zip(*map(texts, names), strict=True))
    for separator in (" ", " / ", "\x1f"):  # the first by which different rows have different texts
        joined = [separator.join(row) for row in rows]
        if len(set(joined)) == len(set(rows)):
            break
    return pa.array(joined)


def usable(columns: Mapping[str, Floats]) -> list[str]:
    """The status of each row: ``ok``, or the number that is missing or not positive."""
    return statuses_of({name: (values, True) for name, values in columns.items()})


def statuses_of(columns: Mapping[str, tuple[Floats, bool]], rows: int | None = None) -> list[str]:
    """The status of each row; ``columns`` gives per column its numbers, and whether they must be positive.

    ``rows`` are those of the table, if it was wide: its groups follow one another.
    """
    problems: dict[int, list[str]] = {}
    for name, (values, positive) in columns.items():
        known = np.isfinite(values)
        for row in np.flatnonzero(~known | (positive & ~(values > 0))).tolist():
            kind = Status.NOT_POSITIVE if known[row] else Status.NO_NUMBER
            text = "missing" if np.isnan(values[row]) else f"{values[row]:g}"
            place = row % rows if rows else row
            problems.setdefault(row, []).append(f"{kind}: {name} is {text} in row {place + 1}")
    count = max((len(values) for values, _ in columns.values()), default=0)
    return [joined(problems[row]) if row in problems else str(Status.OK) for row in range(count)]


def whole_steps(steps: Floats, column: str, name: str) -> pa.Array:
    """A column of optimizer steps; null for a missing number."""
    known = np.isfinite(steps)
    invalid = np.flatnonzero(known & ((steps != np.round(steps)) | (steps < 0) | (steps > MAX_STEPS)))
    if len(invalid):
        raise RelscaleError(
            f"{name}: column {column!r}, row {invalid[0] + 1}: {steps[invalid[0]]:g} is not an optimizer step, a whole "
            f"number from 0 to {MAX_STEPS:g}; divide tokens by the tokens of a batch"
        )
    return pa.array(np.where(known, steps, 0).astype(np.int64), mask=~known)


def measurements_of(columns: Mapping[str, pa.Array | Floats], name: str) -> pa.Table:
    """The measurement table with these columns; its other columns are null."""
    constants = {"experiment": name, "prompt": "default"}
    rows = len(columns["value"])
    arrays = [
        columns[field.name]
        if field.name in columns
        else pa.repeat(pa.scalar(constants.get(field.name), field.type), rows)
        for field in MEASUREMENTS
    ]
    table = pa.table(arrays, schema=MEASUREMENTS)
    for extra in columns.keys() - set(MEASUREMENTS.names):  # predictors outside the schema
        table = table.append_column(extra, pa.array(columns[extra], pa.float64()))
    return table


def error_metric(y: str) -> str:
    """The metric name of a column of errors: its own; with the prefix ``loss_`` if that is known as a score.

    Examples
    --------
    >>> error_metric("my_error"), error_metric("accuracy")
    ('my_error', 'loss_accuracy')
    """
    name = METRIC_NAMES.get(y, y)
    return f"loss_{name}" if Metric.parse(name).is_score else name
