"""The numbers behind a figure as a table, folded away: for screen readers, and to copy from."""

from collections.abc import Sequence

from relscale.report.markup import Markup, element

MOST = 400  # rows; all of them are in the tables of the fit


def data_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table under a summary that opens it."""
    return element("details", element("summary", title), *_table(title, columns, rows), class_="data")


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table that is open, under its title."""
    return element("div", element("h4", title), *_table(title, columns, rows), class_="data")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Markup]:
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows[:MOST]]
    table = element("table", element("thead", head), element("tbody", *body), class_="plain")
    parts = [element("div", table, class_="scroll", tabindex="0", role="region", aria_label=title)]
    if len(rows) > MOST:
        more = f"The first {MOST} of {len(rows)} rows; all are in the tables of the fit."
        parts.append(element("p", more, class_="quiet"))
    return parts
