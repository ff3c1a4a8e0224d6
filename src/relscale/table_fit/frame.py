"""Small tables as results: displayed in a terminal or a notebook, and readable by every data frame library."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from relscale.errors import RelscaleError
from relscale.printable import escaped_repr
from relscale.suggestions import suggestion

MAX_CELL_WIDTH = 60  # displayed characters per cell
MAX_ROWS = 40  # displayed rows


@escaped_repr
class Frame:
    """A read-only table whose rows are mappings.

    ``to_pandas()`` gives a DataFrame; pandas, polars and pyarrow also read it directly, by Arrow's interface.

    Parameters
    ----------
    rows
        Mappings from column to value, or an Arrow table.

    Examples
    --------
    >>> table = Frame([{"group": "a", "ratio": 0.5}, {"group": "b", "ratio": 2.0}])
    >>> table
    group      ratio
    -------  -------
    a            0.5
    b            2
    >>> table["ratio"], len(table)
    ([0.5, 2.0], 2)
    """

    def __init__(self, rows: pa.Table | Sequence[Mapping[str, Any]], columns: Sequence[str] = ()):
        if isinstance(rows, pa.Table):
            self._table = rows
        elif isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows) and rows:
            self._table = pa.Table.from_pylist([dict(row) for row in rows])
        elif not isinstance(rows, Sequence) or rows:
            raise RelscaleError(
                f"a Frame is made from mappings or an Arrow table, not from {type(rows).__name__}"
            )
        else:
            self._table = pa.table({name: pa.nulls(0) for name in columns})

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._table.column_names)

    def to_arrow(self) -> pa.Table:
        """The table as an Arrow table."""
        return self._table

    def to_pandas(self) -> Any:
        """The table as a pandas ``DataFrame``."""
        return self._table.to_pandas()

    def to_csv(self, path: str) -> None:
        """Write the table as CSV."""
        from relscale.storage.tables import write_table

        write_table(self._table, path)

    def where(self, **cells: Any) -> "Frame":
        """The rows with these values in these columns.

        Examples
        --------
        >>> Frame([{"group": "a", "ratio": 0.5}, {"group": "b", "ratio": 2.0}]).where(group="b")["ratio"]
        [2.0]
        """
        for name in cells:
            self._check(name)
        rows = [row for row in self if all(row[name] == cell for name, cell in cells.items())]
        return Frame(pa.Table.from_pylist(rows, schema=self._table.schema))

    def __getitem__(self, column: str) -> list[Any]:
        self._check(column)
        cells: list[Any] = self._table[column].to_pylist()
        return cells

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._table.to_pylist())

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)

    def __dir__(self) -> list[str]:
        return ["columns", "to_arrow", "to_csv", "to_pandas", "where"]

    def __repr__(self) -> str:
        rows = [[_cell(cell) for cell in row.values()] for row in self._table.slice(0, MAX_ROWS).to_pylist()]
        text = tabulate(rows, headers=self.columns, floatfmt=".4g", missingval="–")
        hidden = len(self) - MAX_ROWS
        return f"{text}\n… {hidden} more rows" if hidden > 0 else text

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_shown(cell))}</td>" for cell in row.values()) + "</tr>"
            for row in self._table.slice(0, MAX_ROWS).to_pylist()
        )
        hidden = len(self) - MAX_ROWS
        note = f"<p>… {hidden} more rows</p>" if hidden > 0 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def _check(self, column: str) -> None:
        if column not in self._table.column_names:
            raise RelscaleError(f"no column {column!r}; {suggestion(column, self.columns)}")


def _cell(cell: Any) -> Any:
    if isinstance(cell, list | tuple):
        cell = ", ".join(map(str, cell))
    if isinstance(cell, str) and len(cell) > MAX_CELL_WIDTH:
        return f"{cell[: MAX_CELL_WIDTH - 1]}…"
    return cell


def _shown(cell: Any) -> str:
    cell = _cell(cell)
    if cell is None:
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
