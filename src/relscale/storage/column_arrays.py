"""Columns of a table as numpy arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.compute_columns import SIZES, check_no_logarithm, check_one_unit
from relscale.errors import RelscaleError
from relscale.storage.columns import is_empty, numbers
from relscale.storage.tables import read_table
from relscale.suggestions import suggestion

EXACT = 2**53  # integers up to this are exact as floats


@dataclass(frozen=True)
class Columns:
    """Columns of a table: numbers as floats, nan if missing; text, and integers beyond 2⁵³, as objects."""

    of: Mapping[str, NDArray[Any]]

    @classmethod
    def read(cls, path: Path) -> "Columns":
        """The columns of a table in a file.

        Raises
        ------
        RelscaleError
            The file is missing, or is not a table.
        """
        return cls.of_table(read_table(path))

    @classmethod
    def of_table(cls, table: pa.Table) -> "Columns":
        """The columns of a table."""
        columns: dict[str, NDArray[Any]] = {}
        for column in table.column_names:
            values = table[column].to_pylist()
            if all(isinstance(value, bool | int | float | None) for value in values) and not any(
                isinstance(value, int) and abs(value) > EXACT for value in values
            ):
                columns[column] = np.array([np.nan if v is None else v for v in values], dtype=float)
            else:
                columns[column] = np.array(values, dtype=object)
        return cls(columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.of:
            raise RelscaleError(f"no column {name!r}; {suggestion(name, tuple(self.of), 'it has')}")
        return self.of[name]

    def __len__(self) -> int:
        return len(next(iter(self.of.values()), ()))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as numbers, nan if missing.

        Raises
        ------
        RelscaleError
            The column is missing, or not numeric.
        """
        found = numbers(pa.array(self[name].tolist(), from_pandas=True), f"column {name!r}")
        values = np.array(found.to_numpy(zero_copy_only=False), dtype=float)
        if np.isinf(values).any():
            raise RelscaleError(
                f"column {name!r} has the value {values[np.isinf(values)][0]:g}; exclude such rows with --where"
            )
        return values

    def positive(self, name: str) -> NDArray[np.float64]:
        """A column as positive numbers, nan if missing.

        Raises
        ------
        RelscaleError
            The column is missing, not numeric, or not positive, is compute given as its logarithm, or contains
            parameters or tokens in several units.
        """
        values = self.numbers(name)
        if (values <= 0).any():
            raise RelscaleError(
                f"column {name!r} has the value {values[values <= 0][0]:g}, which has no logarithm"
            )
        if len(name) > 1:  # one letter, C too, may be any quantity here
            check_no_logarithm(name, values)
        if name in SIZES:
            check_one_unit(name, values)
        return values

    def labels(self, name: str, may_be_empty: bool = False) -> NDArray[np.object_]:
        """A column as text that is equal only for equal values; without a column (``""``), all rows are equal.

        Parameters
        ----------
        may_be_empty
            Whether the caller excludes the rows without a name, which would else be one of their own.

        Raises
        ------
        RelscaleError
            The column is missing, or a row has no name in it.
        """
        if not name:
            return np.full(len(self), "all", dtype=object)
        if not may_be_empty and (unnamed := int((~self.filled(name)).sum())):
            raise RelscaleError(
                f"column {name!r} is empty in {unnamed} of {len(self)} rows; fill it, or remove these rows"
            )
        numeric = self[name].dtype == float
        return np.array([_label(float(v)) if numeric else str(v) for v in self[name]], dtype=object)

    def filled(self, name: str) -> NDArray[np.bool_]:
        """Which rows have a value in a column; without a column (``""``), all of them.

        Raises
        ------
        RelscaleError
            The column is missing.
        """
        if not name:
            return np.ones(len(self), dtype=bool)
        return np.array([not is_empty(cell) for cell in self[name]], dtype=bool)

    def where(self, mask: NDArray[np.bool_]) -> "Columns":
        """The rows where ``mask`` is true."""
        return Columns({name: values[mask] for name, values in self.of.items()})

    def without_blanks(self, numbers: Sequence[str], names: Sequence[str]) -> "Columns":
        """The rows that have all of the numbers, or all of the names (``""``: every row has it).

        A row without a name is refused by `labels`; one that has no number either would not be used, and is not.

        Raises
        ------
        RelscaleError
            A column is missing, one of ``numbers`` is not numeric, or no row is left.

        Examples
        --------
        >>> table = Columns.of_table(pa.table({"loss": [3.0, None, None], "task": ["a", "b", None]}))
        >>> table.without_blanks(["loss"], ["task"]).labels("task").tolist()
        ['a', 'b']
        """
        known = np.all([np.isfinite(self.numbers(name)) for name in numbers], axis=0)
        named = np.all([self.filled(name) for name in names], axis=0)
        if not (known | named).any():
            raise RelscaleError(f"no row has {', '.join(numbers)}")
        return self.where(known | named)

    def by(self, name: str) -> Iterator[tuple[str, "Columns"]]:
        """The rows of each value of a column, in order of first appearance."""
        for value in dict.fromkeys(self[name]):
            yield str(value), self.where(np.asarray(self[name] == value))


def rows_by_name(names: NDArray[np.object_]) -> dict[str, NDArray[np.int64]]:
    """The rows of each name, names by their first row."""
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    code = np.array([place[name] for name in names], dtype=np.int64)
    ends = np.cumsum(np.bincount(code, minlength=len(place)))
    rows = np.split(np.argsort(code, kind="stable"), ends)[: len(place)]
    return dict(zip(place, rows, strict=True))


def _label(value: float) -> str:
    """A number as the shortest exact text."""
    short = f"{value:g}"
    if float(short) == value or not np.isfinite(value):
        return short
    return f"{value:.0f}" if value.is_integer() and abs(value) <= EXACT else repr(value)
