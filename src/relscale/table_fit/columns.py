"""The columns of a table that a law is fitted to: those that are named, and guesses of the others."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Family, Law
from relscale.storage.tables import listed
from relscale.table_fit.checks import check_baseline, gap_of
from relscale.table_fit.known_columns import (
    Guess,
    guess_baseline,
    guess_column,
    guess_x,
    guess_y,
    is_number,
    long_table,
)
from relscale.table_fit.measurements import check_columns, check_names


@dataclass(frozen=True)
class Columns:
    """The columns of a fit and its baseline, as in ``relscale.fit``; empty or None if not named.

    Attributes
    ----------
    y
        The column of the error; several are those of the groups of a wide table.
    """

    x: tuple[str, ...]
    y: tuple[str, ...]
    run: tuple[str, ...]
    group: str | None
    baseline: str | None
    corpus: str | None
    block: str | None
    tokens: str | None
    params: str | None

    def __post_init__(self) -> None:
        check_names([*self.y, *self.but_errors])

    @property
    def but_errors(self) -> list[str]:
        """All columns that are named, except those of errors."""
        others = (self.group, self.corpus, self.block, self.tokens, self.params)
        return [*self.x, *self.run, *(column for column in others if column is not None)]


def as_names(columns: Any) -> tuple[Any, ...]:
    """One column, several or none as a tuple."""
    if isinstance(columns, list | tuple):
        return tuple(columns)
    return () if columns is None else (columns,)


def with_errors(source: pa.Table, columns: Columns, name: str) -> Columns:
    """The columns, of which those of errors may be given as one text, separated by commas.

    Raises
    ------
    RelscaleError
        The table lacks one of them.
    """
    y = columns.y
    if len(y) == 1 and y[0] not in source.column_names and "," in y[0]:
        y = tuple(column.strip() for column in next(csv.reader([y[0]], skipinitialspace=True)))
    check_columns(source, y, name)
    return replace(columns, y=y)


def as_long(source: pa.Table, columns: Columns, name: str) -> tuple[pa.Table, Columns]:
    """A wide table as one row per group, with a column of groups and one of errors.

    Raises
    ------
    RelscaleError
        A column of errors has no numbers, or there is a column of groups already.
    """
    if columns.group is not None:
        raise RelscaleError(
            f"{name}: y: several columns mean one group per column, but group is {columns.group!r}; give one of them"
        )
    unused = {"column", "error"}.intersection(source.column_names) - {*columns.y, *columns.but_errors}
    long = long_table(source.drop_columns(sorted(unused)), columns.y, "column", "error", name)
    return long, replace(columns, y=("error",), group="column")


def with_groups(source: pa.Table, columns: Columns, law: str | Law | None) -> tuple[str | Law, Columns]:
    """The law, by default relative or power, and the columns with those of groups, if the law may compare them."""
    compares = law is None or (isinstance(law, str) and gap_of(law) == "ratio")
    if columns.group is None and compares:
        columns = replace(columns, group=guess_column(source, "group", [*columns.x, *columns.y]))
    return law if law is not None else "relative" if columns.group else "power", columns


def guessed(source: pa.Table, columns: Columns, law: str | Law, name: str) -> Columns:
    """The columns, with guesses of those that are not named.

    Raises
    ------
    RelscaleError
        A column that the law needs cannot be guessed, or the baseline is not a group.
    """
    x = columns.x or tuple(_predictors(source, law, name, columns.y))
    group = columns.group
    if group is None and not columns.run and "run" not in source.column_names and _repeats(source, x):
        group = guess_column(source, "group", [*x, *columns.y])
    y = columns.y or (guess_y(source, [*x, *as_names(group)], name),)
    baseline, is_ratio = columns.baseline, gap_of(law) == "ratio"
    if is_ratio and group is not None and baseline is None:
        baseline = guess_baseline(source, group, y[0], name)
    if is_ratio or baseline is not None:
        check_baseline(source, group, baseline, law, name)
    tokens, params = (
        key if _has_numbers(source, key) and key not in x else None for key in ("tokens", "params")
    )
    return replace(
        columns,
        x=x,
        y=y,
        group=group,
        baseline=baseline,
        block=columns.block or ("block" if "block" in source.column_names else None),
        tokens=columns.tokens or tokens,
        params=columns.params or params,
    )


def guesses(named: Columns, columns: Columns, law: str | None) -> tuple[Guess, ...]:
    """The guesses to report: of the columns that were not named, and of ``law`` if that was not."""
    found = {
        "group": () if named.group else as_names(columns.group),
        "law": () if law is None or columns.group else (law,),
        "x": () if named.x else columns.x,
        "y": () if named.y else columns.y,
        "baseline": () if named.baseline else as_names(columns.baseline),
    }
    reasons = {"law": "no column of groups", "baseline": "the largest error"}
    return tuple(
        Guess(option, ", ".join(value), reasons.get(option, "")) for option, value in found.items() if value
    )


def _predictors(source: pa.Table, law: str | Law, name: str, errors: Sequence[str]) -> list[str]:
    """The columns of a law's predictors, by their names."""
    entry = law_or_family(law)
    if isinstance(entry, Family):
        raise RelscaleError(
            f"{name}: x: the law {law!r} has any number of columns, such as {entry.pattern}; name them, from "
            f"{listed(source.column_names)}"
        )
    shown = law if isinstance(law, str) else law.name
    return guess_x(source, entry.input_columns, shown, name, errors)


def _repeats(table: pa.Table, columns: Sequence[str]) -> bool:
    """Whether several rows have equal values in these columns."""
    known = [column for column in columns if column in table.column_names]
    return bool(table.group_by(known).aggregate([]).num_rows < table.num_rows)


def _has_numbers(table: pa.Table, column: str) -> bool:
    return column in table.column_names and is_number(table[column].type)
