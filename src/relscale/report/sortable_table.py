"""A table that is sorted by choosing the head of a column, and filtered by words and by what its rows say."""

from collections.abc import Sequence

from relscale.report.markup import Markup, element


def sortable_table(caption: str, columns: Sequence[tuple[str, str, str]], rows: Sequence[Markup]) -> Markup:
    """The table of these rows.

    Parameters
    ----------
    caption
        For those who do not see it.
    columns
        Name, detail, and ``text`` or ``number``, of each.
    rows
        Elements ``tr``; ``data_verdict`` is what the cards of the page filter by, and ``data_value`` of a cell what it
        is sorted by.
    """
    heads = (
        element(
            "th",
            element("button", name, element("small", detail) if detail else None, type="button"),
            scope="col",
            data_kind=kind,
        )
        for name, detail, kind in columns
    )
    return element(
        "table",
        element("caption", caption, class_="hidden"),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        class_="verdicts",
    )
