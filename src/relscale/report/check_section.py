"""The checks of a report: one line at its top, and a section with the details."""

from collections.abc import Sequence

from relscale.report.checks import Check
from relscale.report.markup import Markup, element, identifier, joined, section
from relscale.report.plotly_figures import figure_anchor, figure_title
from relscale.report.report_data import ReportData

CHECKS = "Robustness of the finding"
MARKS = {"yes": ("✓", "holds"), "warn": ("!", "take care"), "no": ("✗", "fails")}


def trust_line(checks: Sequence[Check]) -> Markup | None:
    """The checks in one line, each a link to its entry in the section."""
    if not checks:
        return None
    marks = [
        element(
            "a",
            f"{MARKS[check.outcome][0]} {check.title}",
            href="#" + identifier("check", check.title),
            class_=f"trust {check.outcome}",
        )
        for check in checks
    ]
    return element("p", f"{CHECKS}: ", *(joined(mark, " ") for mark in marks), class_="trusts")


def check_section(data: ReportData, checks: Sequence[Check]) -> Markup | None:
    """Each check with its outcome, its reason and the figures that show it."""
    if not checks:
        return None
    items = []
    for check in checks:
        mark, meaning = MARKS[check.outcome]
        links = [
            element("a", figure_title(figure), href=f"#{figure_anchor(figure.name)}")
            for kind in check.figures
            for figure in data.figures
            if figure.name == kind
            or (
                figure.name.startswith(f"{kind}-")
                and (check.suites is None or figure.name.removeprefix(f"{kind}-") in check.suites)
            )
        ]
        items.append(
            element(
                "li",
                element("span", mark, class_=f"mark {check.outcome}", role="img", aria_label=meaning),
                element(
                    "div",
                    element("strong", check.title),
                    " ",
                    check.detail,
                    *(joined(" ", link) for link in links),
                ),
                id=identifier("check", check.title),
            )
        )
    return section("checks", CHECKS, element("ul", *items, class_="checks"))
