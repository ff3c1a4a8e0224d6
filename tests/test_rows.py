"""Row types: the schema that follows from them, and tables there and back."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import pyarrow as pa
import pytest

from relscale.storage.rows import column, columns_of, names_of, rows_of, schema_of, table_of


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str = column("A name.")
    color: Color = column("One of two.")
    size: Literal["small", "large"] | None = column("Or none.", default=None)
    number: float | None = column("A number.", "FLOPs", default=None)
    count: int | None = column("A count.", default=None)
    yes: bool | None = column("A truth value.", default=None)


def test_the_schema_names_every_field_with_its_type():
    assert schema_of(Row) == pa.schema(
        [
            ("name", pa.string()),
            ("color", pa.string()),
            ("size", pa.string()),
            ("number", pa.float64()),
            ("count", pa.int64()),
            ("yes", pa.bool_()),
        ]
    )
    assert names_of(Row) == ("name", "color", "size", "number", "count", "yes")


def test_descriptions_units_and_closed_sets_are_kept_for_the_documentation():
    by_name = {each.name: each for each in columns_of(Row)}
    assert by_name["number"].unit == "FLOPs"
    assert by_name["color"].values == ("red", "blue")
    assert by_name["size"].values == ("small", "large")
    assert all(each.description for each in by_name.values())


def test_rows_survive_a_table():
    rows = [
        Row(name="a", color=Color.RED, number=1.5, count=3, yes=True),
        Row(name="b", color=Color.BLUE, size="large"),
    ]
    assert rows_of(Row, table_of(Row, rows)) == rows
    assert table_of(Row, []).schema == schema_of(Row)


def test_a_number_that_is_not_finite_is_null():
    table = table_of(Row, [Row(name="a", color=Color.RED, number=each) for each in (math.nan, math.inf, 1.0)])
    assert table["number"].to_pylist() == [None, None, 1.0]


def test_a_misspelt_column_is_an_error():
    with pytest.raises(TypeError, match="colour"):
        Row(name="a", colour=Color.RED)
