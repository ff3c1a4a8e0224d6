"""A card at the top of a page: how many rows say the same; choosing it shows only these in the tables."""

from relscale.report.markup import Markup, element


def card(verdict: str, number: int, name: str, meaning: str) -> Markup:
    """The card of the rows whose ``data_verdict`` is this one, in the colour of its class."""
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
