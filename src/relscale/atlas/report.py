"""The atlas as one HTML file: how many known numbers agree, and each entry with its figure, numbers and command."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow.csv

from relscale.atlas.answers import Origin
from relscale.atlas.atlas import Agreement, AtlasRow, entry
from relscale.atlas.entry import Entry, Tables
from relscale.atlas.page import MISSING, computed_cells, reasons
from relscale.atlas.view import View, draw
from relscale.fitting.verdicts.words import sentence_case
from relscale.report.card import card
from relscale.report.document import document, download
from relscale.report.markup import Markup, element, identifier, joined
from relscale.report.plotly_figures import figure_section
from relscale.report.provenance import Fact, provenance_section
from relscale.report.report_data import ReportFigure
from relscale.report.sortable_table import sortable_table
from relscale.storage.rows import table_of

SYMBOLS = {Agreement.AGREES: "✓", Agreement.DIFFERS: "!", Agreement.FAILS: "✗"}
MEANING = {
    Agreement.AGREES: "within the tolerance of its entry",
    Agreement.DIFFERS: "for a reason that its entry states",
    Agreement.FAILS: "unlike its entry states",
}
ORIGINS = {
    Origin.PAPER: "stated in a paper or its released files",
    Origin.TABLE: "computed from the same table by independent code",
    Origin.THEORY: "exact",
}
COLUMNS = (
    ("status", "", "text"),
    ("quantity", "", "text"),
    ("origin", "", "text"),
    ("known", "", "number"),
    ("reproduced", "", "number"),
    ("difference", "", "number"),
    ("95% interval", "", "text"),
)


def atlas_figures(names: Sequence[str], tables: Tables) -> list[ReportFigure]:
    """The figures of these entries, if they have one."""
    return [
        ReportFigure(name, draw(_figure_title(view), view).to_plotly_json(), _caption(view))
        for name in names
        if (view_of := entry(name).view)
        for view in (view_of(tables),)
    ]


def atlas_report(
    rows: Mapping[str, Sequence[AtlasRow]], figures: Sequence[ReportFigure], facts: Sequence[Fact] = ()
) -> str:
    """The HTML of these entries.

    Parameters
    ----------
    rows
        The rows of each entry, by name.
    figures
        Figures, named like their entry.
    facts
        The provenance.
    """
    all_rows = [row for entry_rows in rows.values() for row in entry_rows]
    finding = headline(all_rows)
    drawn = {figure.name: figure for figure in figures}
    main = joined(
        _top(finding, rows),
        *(_entry(name, entry(name), entry_rows, drawn.get(name)) for name, entry_rows in rows.items()),
        _missing(),
        provenance_section(facts),
    )
    contents = [
        ("top", "Summary"),
        *((_anchor(name), entry(name).title) for name in rows),
        ("missing", "Not included"),
        ("provenance", "Provenance"),
    ]
    return document("Atlas of published laws", finding, contents, main, figures)


def headline(rows: Sequence[AtlasRow]) -> str:
    """The number of known numbers that agree."""
    return f"{_agreeing(rows)} of {len(rows)} known numbers agree"


def _agreeing(rows: Sequence[AtlasRow]) -> int:
    return sum(row.status is Agreement.AGREES for row in rows)


def _anchor(name: str) -> str:
    return identifier("entry", name)


def _top(finding: str, rows: Mapping[str, Sequence[AtlasRow]]) -> Markup:
    all_rows = [row for entry_rows in rows.values() for row in entry_rows]
    cards = [
        card(str(status), number, f"{SYMBOLS[status]} {status}", MEANING[status])
        for status in Agreement
        if (number := sum(row.status is status for row in all_rows)) or status is not Agreement.FAILS
    ]
    origins = [
        element("li", f"{_agreeing(origin_rows)} of {len(origin_rows)} {meaning}")
        for origin, meaning in ORIGINS.items()
        if (origin_rows := [row for row in all_rows if row.origin is origin])
    ]
    text = io.BytesIO()
    pyarrow.csv.write_csv(table_of(AtlasRow, all_rows), text)
    return element(
        "section",
        element("p", f"relscale atlas · {len(rows)} entries · nothing is trained", class_="quiet scope"),
        element("h1", finding),
        element(
            "p",
            "Published scaling laws, recomputed from public tables that come with relscale, from published "
            "constants or by simulation, and compared with known numbers:",
        ),
        element("ul", *origins),
        element("div", *cards, class_="cards"),
        element("p", "Download: ", download("atlas.csv", text.getvalue(), "text/csv"), class_="downloads"),
        _overview(rows),
        id="top",
    )


def _overview(rows: Mapping[str, Sequence[AtlasRow]]) -> Markup:
    head = element("tr", *(element("th", column, scope="col") for column in ("entry", "law", "agree")))
    body = [
        element(
            "tr",
            element(
                "td",
                element("a", entry(name).title, href=f"#{_anchor(name)}"),
                element("span", entry(name).paper, class_="note"),
            ),
            element("td", entry(name).law or "–"),
            element("td", f"{_agreeing(entry_rows)} of {len(entry_rows)}", class_="nowrap"),
        )
        for name, entry_rows in rows.items()
    ]
    return element("table", element("thead", head), element("tbody", *body), class_="plain")


def _entry(name: str, record: Entry, rows: Sequence[AtlasRow], figure: ReportFigure | None) -> Markup:
    return element(
        "section",
        element("h2", element("a", record.title, href=f"#{_anchor(name)}")),
        element("p", f"{record.paper}. {_agreeing(rows)} of {len(rows)} numbers agree."),
        element("pre", record.formula, tabindex="0"),
        element("p", *_prose(record.remark)) if record.remark else None,
        figure_section(figure) if figure else None,
        sortable_table(f"Numbers of {record.title}", COLUMNS, list(map(_row, rows))),
        *(element("p", "Differs: ", *_prose(reason), class_="quiet") for reason in reasons(record)),
        _command(record),
        id=_anchor(name),
    )


def _row(row: AtlasRow) -> Markup:
    value, difference, interval, _ = computed_cells(row)
    known = f"{row.published:.10g} {row.unit}".strip()
    numbers = (
        ("known", known, row.published),
        ("reproduced", value, row.reproduced),
        ("difference", difference.replace("-", "−"), abs(row.difference)),
    )
    return element(
        "tr",
        element("td", element("span", f"{SYMBOLS[row.status]} {row.status}", class_=f"word {row.status}")),
        element("th", row.quantity, scope="row", class_="group"),
        element("td", row.origin, data_label="origin"),
        *(
            element("td", text, data_label=label, data_value=repr(float(sort)))
            for label, text, sort in numbers
        ),
        element("td", interval, data_label="95% interval") if interval else element("td"),
        tabindex="0",
        data_verdict=str(row.status),
        class_=str(row.status),
    )


def _command(record: Entry) -> Markup | None:
    if not record.command:
        return None
    return joined(element("p", "On a table of your own:"), element("pre", record.command, tabindex="0"))


def _missing() -> Markup:
    _, *items = MISSING.split("\n- ")
    return element(
        "section",
        element("h2", element("a", "Not included", href="#missing")),
        element("ul", *(element("li", *_prose(" ".join(item.split()))) for item in items)),
        id="missing",
    )


def _prose(text: str) -> Iterator[str | Markup]:
    """Text whose words between backticks are code."""
    for i, part in enumerate(re.split(r"`([^`]+)`", text)):
        yield element("code", part) if i % 2 else part


def _figure_title(view: View) -> str:
    return sentence_case(f"{view.y} over {view.x}")


def _caption(view: View) -> str:
    """The meaning of the points and lines of a figure."""
    sentences = [
        ("points are measured", any(len(np.asarray(series.x)) for series in view.series)),
        ("lines are fitted here", any(series.fitted for series in view.series)),
        ("the dashed line is the published law", any(series.published for series in view.series)),
    ]
    return sentence_case("; ".join(words for words, is_present in sentences if is_present)) + "."
