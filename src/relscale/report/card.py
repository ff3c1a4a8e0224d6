"""A card at the top of a page: the number of rows with one verdict, and a filter of the tables for them."""

from relscale.report.markup import Markup, element


def card(verdict: str, number: int, name: str, meaning: str) -> Markup:
    """The card of the rows whose ``data_verdict`` is ``verdict``, which is also its class in the style sheet."""
    return element(
        "button",
        element("b", str(number)),
        element("span", name),
        element("small", meaning),
        type="button",
        class_=f"card {verdict}",
        data_verdict=verdict,
        aria_pressed="false",
        title="Show only these in the tables",
    )
