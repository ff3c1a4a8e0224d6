"""Published and reproduced numbers with their differences, followed by unpublished numbers."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, significant
from relscale.figures.chart.table import TableLine, section, table
from relscale.figures.data import FigureData, distinct
from relscale.figures.reproduction_words import AGREEMENT_COLOURS, cells_in_words
from relscale.figures.select import levels
from relscale.fitting.report.reproduction_row import ReproductionRow

TITLE = "Published and reproduced numbers"
# Title of each column, and its width in pixels.
COLUMNS = (
    ("data", 205),
    ("quantity", 215),
    ("published", 130),
    ("reproduced", 100),
    ("interval", 165),
    ("difference", 85),
    ("agreement", 160),
)
MOST_OF_KIND = 10  # unpublished numbers of one kind with a line each


def draw(data: FigureData) -> go.Figure:
    """Draw the table."""
    rows = data.rows(ReproductionRow)
    if not rows:
        return chart.empty(TITLE, "This experiment has no published numbers to compare with.")
    published = [row for row in rows if known(row.published)]
    others = [row for row in rows if not known(row.published)]
    lines = []
    for heading, part in (
        ("Published", published),
        ("Not published: our estimate, with its interval", others),
    ):
        if part:
            lines += [section(len(COLUMNS), heading), *_lines(part, condensed=part is others)]
    panels = table(TITLE, COLUMNS, lines)
    panels.notes(*_notes(rows))
    return panels.figure


def _lines(rows: Sequence[ReproductionRow], condensed: bool) -> list[TableLine]:
    """One line per row; if ``condensed``, one line for all but the first ``MOST_OF_KIND`` rows of one kind."""
    lines = []
    for i, row in enumerate(rows):
        same_kind = [other for other in rows if _kind(other) == _kind(row)]
        if condensed and len(same_kind) > MOST_OF_KIND + 1 and same_kind.index(row) >= MOST_OF_KIND:
            if row is same_kind[-1]:
                lines.append(TableLine(_summary(same_kind), ink=chart.FAINT))
            continue
        cells = cells_in_words(row)
        if i and rows[i - 1].data == row.data:
            cells[0] = ""
        lines.append(TableLine(cells, ink=AGREEMENT_COLOURS.get(cells[-1], chart.FAINT)))
    return lines


def _kind(row: ReproductionRow) -> tuple[Any, ...]:
    data = row.data or ""
    return row.quantity, data.partition(":")[0] if ":" in data else data


def _summary(rows: Sequence[ReproductionRow]) -> list[str]:
    """The cells of a line that summarises numbers of one kind."""
    values = [number(row.reproduced) for row in rows if known(row.reproduced)]
    value_range = (
        f"all {len(values)}: {significant(min(values), 4)} to {significant(max(values), 4)}"
        if values
        else "–"
    )
    more = f"… and {len(rows) - MOST_OF_KIND} more in reproduction.parquet"
    return [more, rows[0].quantity, "", "", value_range, "", ""]


def _notes(rows: Sequence[ReproductionRow]) -> list[str]:
    level = levels(rows)
    notes = [
        f"Interval: {level or 'an'} interval of the reproduced number. ✓ same when rounded: equal at the "
        "published precision; ✓ inside our interval: the published number is inside the interval; ±: its "
        "published standard error."
    ]
    sources = distinct(row.source for row in rows if row.source and known(row.published))
    return [*notes, f"Sources: {'; '.join(sources)}."] if sources else notes
