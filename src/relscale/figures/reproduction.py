"""Published numbers, the reproduced ones and the differences, in one table; then numbers that were never published."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, significant
from relscale.figures.chart.table import TableLine, section, table
from relscale.figures.data import FigureData, Row, distinct
from relscale.figures.select import levels

TITLE = "Published, reproduced, difference"
# title and width of each column, in pixels
COLUMNS = (
    ("data", 220),
    ("quantity", 240),
    ("published", 130),
    ("reproduced", 100),
    ("interval", 165),
    ("difference", 85),
    ("agreement", 160),
)
MOST_ALIKE = 10  # unpublished numbers of one kind that get a line each; the frontier's points all do
TO_ITS_DIGITS, INSIDE, OUTSIDE, NOT_KNOWN = (
    "✓ to its digits",
    "✓ inside our interval",
    "✗ outside",
    "– not known",
)
COLOURS = {TO_ITS_DIGITS: "#00704f", INSIDE: "#00704f", OUTSIDE: "#b04a00", NOT_KNOWN: chart.FAINT}


def draw(data: FigureData) -> go.Figure:
    """Draw the table."""
    rows = data.rows("reproduction")
    if not rows:
        return chart.empty(TITLE, "This experiment names no published answers to hold its own against.")
    published = [row for row in rows if known(row.published)]
    others = [row for row in rows if not known(row.published)]
    lines = []
    for heading, part in (
        ("Published", published),
        ("No published number: ours, with its interval", others),
    ):
        if part:
            lines += [section(len(COLUMNS), heading), *_lines(part, all_of_them=part is published)]
    panels = table(TITLE, COLUMNS, lines)
    panels.notes(*_notes(rows))
    return panels.figure


def _lines(rows: Sequence[Row], all_of_them: bool) -> list[TableLine]:
    """A line for each row; of many numbers of one kind that nobody has published, one line for the last of them."""
    lines = []
    for i, row in enumerate(rows):
        alike = [one for one in rows if _kind(one) == _kind(row)]
        if not all_of_them and len(alike) > MOST_ALIKE + 1 and alike.index(row) >= MOST_ALIKE:
            if row is alike[-1]:
                lines.append(TableLine(_rest(alike), ink=chart.FAINT))
            continue
        cells = _cells(row)
        if i and rows[i - 1].data == row.data:
            cells[0] = ""
        lines.append(TableLine(cells, ink=COLOURS.get(cells[-1], chart.FAINT)))
    return lines


def _cells(row: Row) -> list[str]:
    """A row in words."""
    unit = row.unit
    percent = " %" if unit == "%" else ""
    bare = not unit or percent or unit in row.quantity
    published = ""
    if known(row.published):
        published = f"{significant(row.published, 7)}{percent}"
        if known(row.published_stderr):
            published += f" ± {significant(row.published_stderr, 4)}"
    ours = known(row.reproduced)
    interval = "none" if ours else ""
    if known(row.low, row.high):
        interval = f"[{significant(row.low, 4)}, {significant(row.high, 4)}]"
    return [
        row.data or "",
        row.quantity if bare else f"{row.quantity} ({unit})",
        published,
        f"{significant(row.reproduced, 6 if published else 4)}{percent}" if ours else "none",
        interval,
        significant(row.difference, 3) if known(row.difference) else "",
        _agreement(row),
    ]


def _kind(row: Row) -> tuple[Any, ...]:
    data = row.data or ""
    return row.quantity, data.partition(":")[0] if ":" in data else data


def _rest(alike: Sequence[Row]) -> list[str]:
    """A line for the numbers of one kind that have none of their own."""
    values = [row.reproduced for row in alike if known(row.reproduced)]
    reach = (
        f"all {len(values)}: {significant(min(values), 4)} to {significant(max(values), 4)}"
        if values
        else "none"
    )
    more = f"… and {len(alike) - MOST_ALIKE} more in reproduction.parquet"
    return [more, alike[0].quantity, "", "", reach, "", ""]


def _agreement(row: Row) -> str:
    if not known(row.published):
        return "" if known(row.reproduced) else row.reason or NOT_KNOWN
    if not known(row.reproduced):
        return row.reason or NOT_KNOWN
    if row.agrees:
        return TO_ITS_DIGITS
    if row.within is None:
        return NOT_KNOWN if row.agrees is None else OUTSIDE
    return INSIDE if row.within else OUTSIDE


def _notes(rows: Sequence[Row]) -> list[str]:
    level = levels(rows)
    notes = [
        f"Interval: {level or 'an'} interval of the reproduced number. ✓ to its digits: both agree as far as the "
        "published number is given; ✓ inside our interval: the published number is; ± is its published standard error."
    ]
    sources = distinct(row.source for row in rows if row.source and known(row.published))
    return [*notes, f"Sources: {'; '.join(sources)}."] if sources else notes
