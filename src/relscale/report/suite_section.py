"""The section of one suite: its headline, verdicts, curves and forecasts."""

import re
from collections import Counter
from collections.abc import Sequence

from relscale.fitting.report.joint_lines import as_sentence
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.curves import curves
from relscale.report.forecasts import forecasts
from relscale.report.markup import Markup, element, identifier, section
from relscale.report.report_data import ReportData, SuiteWords
from relscale.report.robustness_badges import robustness_legend
from relscale.report.verdict_table import verdict_table

MOST_REASONS = 5  # reasons why a suite's gaps have no interval


def suites_with_verdicts(data: ReportData, counted: Sequence[VerdictRow]) -> list[SuiteWords]:
    """The suites with verdicts: those of the config in its order, then others."""
    present = {row.suite for row in counted}
    named = [suite for suite in data.suites if suite.name in present]
    others = sorted({name for name in present if name} - {suite.name for suite in named})
    return [*named, *map(data.suite, others)]


def suite_anchor(suite: SuiteWords) -> str:
    """The address of a suite's section within the page."""
    return identifier("suite", suite.name)


def suite_section(data: ReportData, suite: SuiteWords, counted: Sequence[VerdictRow]) -> Markup:
    """The verdicts on a suite's groups, their curves and forecasts."""
    rows = words.ordered([row for row in counted if row.suite == suite.name])
    if all(row.verdict is None for row in rows):
        return _suite_without_gaps(data, suite, rows)
    tests = rows[0].tests
    fans = forecasts(data, rows)
    return section(
        suite_anchor(suite),
        suite.title,
        element("p", _sentences(words.headline(rows), f"against {data.names.baseline(rows[0])}")),
        *_description(suite),
        element(
            "div",
            element(
                "label",
                "Filter ",
                element("input", type="search", placeholder="group, corpus, verdict …", class_="filter"),
            ),
            element(
                "span", f"family of {words.number_of(tests, 'test')}, metric {rows[0].metric}", class_="quiet"
            ),
            class_="tools",
        ),
        element("div", verdict_table(data, rows, suite.title), class_="table-frame"),
        element("p", legend, class_="quiet") if (legend := robustness_legend(rows)) else None,
        element("h3", "Ratio along compute"),
        curves(data, rows) or element("p", "Nothing to draw.", class_="quiet"),
        element("h3", "Forecast") if fans else None,
        fans,
    )


def _suite_without_gaps(data: ReportData, suite: SuiteWords, rows: Sequence[VerdictRow]) -> Markup:
    """The section of a suite whose gaps have no interval: the reasons, and the folded table."""
    reasons = Counter(row.note or str(row.status) for row in rows)
    lines = [
        element("li", as_sentence(f"{number} of {words.number_of(len(rows), 'gap')}: {reason}"))
        for reason, number in reasons.items()
    ]
    more = len(lines) - MOST_REASONS
    return section(
        suite_anchor(suite),
        suite.title,
        element("p", f"No gap has an interval, against {data.names.baseline(rows[0])}."),
        element("ul", *lines[:MOST_REASONS], element("li", f"and {more} more reasons") if more > 0 else None),
        *_description(suite),
        element(
            "details",
            element("summary", "Each gap"),
            element("div", verdict_table(data, rows, suite.title), class_="table-frame"),
        ),
        curves(data, rows),
    )


def _description(suite: SuiteWords) -> list[Markup]:
    """The first two sentences of a suite's description, and the others folded away."""
    sentences = re.split(
        r"(?<=[.?!])\s+", " ".join(part.strip() for part in (suite.description, suite.note) if part.strip())
    )
    first, others = " ".join(sentences[:2]), " ".join(sentences[2:])
    parts = [element("p", first, class_="quiet")] if first else []
    if others:
        parts.append(
            element("details", element("summary", "More on this suite"), element("p", others, class_="quiet"))
        )
    return parts


def _sentences(*parts: str) -> str:
    sentences = [part.strip() for part in parts if part and part.strip()]
    return " ".join(
        f"{words.sentence_case(part)}{'' if part.endswith(('.', '?', '!')) else '.'}" for part in sentences
    )
