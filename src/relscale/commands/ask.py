"""``relscale ask``: analyses of a table."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from relscale.commands.listing import complete_by
from relscale.commands.outputs import output_page, output_table

if TYPE_CHECKING:
    import pyarrow as pa

    from relscale.questions.catalogue import Question
    from relscale.storage.column_arrays import Columns

HELP = "analyses of a table: noise of a metric, optimal mixture or allocation, inverse scaling …"
FORWARDS_OPTIONS = True  # to the question


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """QUESTION, TABLE, --where, --output and --plot; each question has further options."""
    complete_by(
        parser.add_argument("question", nargs="?", help="Name of a question (default: list all)."), _names
    )
    parser.add_argument(
        "table",
        nargs="?",
        type=Path,
        help="The table (.parquet, .csv, .tsv, .jsonl); without it, the question is described.",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Keep the rows that satisfy a condition: model=7B, step>=1000.",
    )
    parser.add_argument(
        "--output", type=output_table, help="Write the rows to this .parquet or .csv as well."
    )
    parser.add_argument(
        "--plot",
        type=output_page,
        metavar="HTML",
        help="Draw the figure of the question, if it has one (sweep).",
    )


def _names() -> Iterable[str]:
    from relscale.questions.catalogue import question_names

    return question_names()


def run(options: argparse.Namespace) -> None:
    """List the questions, describe one, or answer one from a table.

    Each question has further options; `relscale ask QUESTION` lists them.
    """
    from tabulate import tabulate

    from relscale.errors import RelscaleError, keyed
    from relscale.figures.figure_file import write_figure
    from relscale.questions.catalogue import question, question_names
    from relscale.storage.column_arrays import Columns
    from relscale.storage.rows import table_of
    from relscale.storage.tables import read_table, table_name, write_table
    from relscale.table_fit.row_filter import filter_rows

    if options.question is None:
        listed = [[name, question(name).description.partition("\n")[0]] for name in question_names()]
        print(tabulate(listed, ["question", "description"]))
        return
    entry = question(options.question)
    if options.table is None:
        print(description(entry))
        return
    if options.plot and entry.figure is None:
        raise RelscaleError(f"--plot: the question {entry.name} has no figure")
    values = vars(_parser(entry).parse_args(options.further))
    table, remark, place = filter_rows(read_table(options.table), options.where, table_name(options.table))
    columns = Columns.of_table(table)
    with keyed(place):
        rows = list(entry.rows(columns, **values))
    print(shown(entry.row, rows))
    if remark:
        print(remark)
    for line in missing_cells(columns, values.values()):
        print(line)
    if copies := copied_rows(table):
        print(
            f"{copies} of {len(table)} rows equal another in every column; remove copies, else limits are too narrow"
        )
    if options.output:
        write_table(table_of(entry.row, rows), options.output)
        print(f"\nwritten: {options.output}")
    if options.plot and entry.figure:
        write_figure(entry.figure(columns, rows, **values), options.plot)
        print(f"figure: {options.plot}")


def copied_rows(table: "pa.Table") -> int:
    """The number of rows that equal another in every column; 0 if a column has lists, which are not compared."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(pa.types.is_nested(column.type) for column in table.columns):
        return 0
    counts = table.group_by(table.column_names).aggregate([([], "count_all")])["count_all"]
    return int(pc.sum(counts.filter(pc.greater(counts, 1))).as_py() or 0)


def missing_cells(table: "Columns", options: Iterable[Any]) -> Iterator[str]:
    """A line for each column named by an option in which some rows have no number or text."""
    named = [name for value in options for name in (value if isinstance(value, tuple) else (value,))]
    for name in dict.fromkeys(name for name in named if isinstance(name, str) and name in table.of):
        if missing := int((~table.filled(name)).sum()):
            kind = "number" if table[name].dtype == float else "text"
            yield f"column {name!r}: {missing} of {len(table)} rows have no {kind}"


def description(question: "Question") -> str:
    """The description of a question, its options and the columns of its answer."""
    from tabulate import tabulate

    from relscale.storage.rows import columns_of

    arguments = [
        [
            f"--{argument.name.replace('_', '-')}",
            argument.meaning,
            "required" if argument.required else _text(argument.default),
        ]
        for argument in question.arguments
    ]
    answer = [[column.name, column.description, column.unit] for column in columns_of(question.row)]
    required = [
        f"--{argument.name.replace('_', '-')} …" for argument in question.arguments if argument.required
    ]
    return "\n\n".join(
        [
            f"{question.name}: {question.description}",
            tabulate(arguments, ["option", "meaning", "default"]),
            tabulate(answer, ["output column", "meaning", "unit"]),
            f"relscale ask {question.name} TABLE {' '.join(required)}",
        ]
    )


def shown(row: type, rows: Sequence[Any]) -> str:
    """Rows as a text table, without empty columns."""
    from tabulate import tabulate

    from relscale.storage.rows import names_of

    names = [
        name for name in names_of(row) if any(getattr(answer, name) not in (None, "") for answer in rows)
    ]
    cells = [[_text(getattr(answer, name)) for name in names] for answer in rows]
    return str(tabulate(cells, names, disable_numparse=True))


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _parser(question: "Question") -> argparse.ArgumentParser:
    from relscale.cli import Parser

    parser = Parser(prog=f"relscale ask {question.name}", add_help=False, allow_abbrev=False)
    for argument in question.arguments:
        several = get_origin(argument.type) is tuple
        parser.add_argument(
            f"--{argument.name.replace('_', '-')}",
            type=_several if several else argument.type,
            action=_Extend if several else "store",
            default=argument.default,
            required=argument.required,
        )
    return parser


class _Extend(argparse.Action):
    """Collects the values of a repeated option."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        earlier = getattr(namespace, self.dest)
        setattr(namespace, self.dest, values if earlier is self.default else (*earlier, *values))


def _several(text: str) -> tuple[str, ...]:
    from relscale.commands.fit_table import columns

    return tuple(columns(text))
