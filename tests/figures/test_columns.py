"""The columns that figures choose rows by, read from their source: nothing is drawn here."""

import ast
from importlib import import_module
from pathlib import Path

import relscale.figures
from relscale.figures.data import FittedParameter
from relscale.figures.row_filter import RowFilter
from relscale.fitting.analyses.specification import CHOICES, SpecificationRow
from relscale.fitting.curves.point_rows import GapRow
from relscale.storage.rows import names_of

ROWS_OF = {"gaps": GapRow, "points": GapRow, "law_rows": FittedParameter, "pooled_rows": FittedParameter}


def test_figures_choose_rows_by_columns_that_their_tables_have() -> None:
    calls = 0
    for path in Path(relscale.figures.__file__).parent.glob("[a-z]*.py"):
        module = import_module(f"relscale.figures.{path.stem}")
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(ast.Attribute(ast.Name("data"), "rows"), [ast.Name(name), *_], keywords):
                    kind = getattr(module, name)
                case ast.Call(ast.Attribute(ast.Name("data"), method), _, keywords) if method in ROWS_OF:
                    kind = ROWS_OF[method]
                case _:
                    continue
            columns = {keyword.arg for keyword in keywords if keyword.arg}
            assert columns <= {*names_of(kind)} & {*RowFilter.__annotations__}, f"{path}:{call.lineno}"
            calls += 1
    assert calls > 30


def test_the_choices_of_a_specification_are_columns_of_its_table() -> None:
    assert set(CHOICES) <= set(names_of(SpecificationRow))
