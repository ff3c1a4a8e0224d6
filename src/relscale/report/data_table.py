"""Plain tables, such as the numbers of a figure for screen readers and for copying."""

from collections.abc import Sequence

from relscale.report.markup import Markup, element

MOST_ROWS = 400


def folded_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table that is folded away below its title."""
    return element("details", element("summary", title), *_table(title, columns, rows), class_="data")


def open_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table below its title."""
    return element("div", element("h4", title), *_table(title, columns, rows), class_="data")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Markup]:
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows[:MOST_ROWS]]
    table = element("table", element("thead", head), element("tbody", *body), class_="plain")
    parts = [element("div", table, class_="scroll", tabindex="0", role="region", aria_label=title)]
    if len(rows) > MOST_ROWS:
        more = f"The first {MOST_ROWS} of {len(rows)} rows; all are in the tables of the fit."
        parts.append(element("p", more, class_="quiet"))
    return parts
