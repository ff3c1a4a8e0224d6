"""A table that a reader can sort by column, and filter by words and verdict."""

from collections.abc import Sequence

from relscale.report.markup import Markup, element


def sortable_table(caption: str, columns: Sequence[tuple[str, str, str]], rows: Sequence[Markup]) -> Markup:
    """A sortable table.

    Parameters
    ----------
    columns
        Name, detail, and kind (``text`` or ``number``) of each column.
    rows
        Elements ``tr``. The page's cards filter by their ``data_verdict``; cells are sorted by their ``data_value``.
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
