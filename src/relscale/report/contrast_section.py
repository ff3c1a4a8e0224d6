"""The section on contrasts between corpora, optimizers and other arms."""

from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.measurements.metric import VALIDATION
from relscale.report.markup import Markup, element, section
from relscale.report.report_data import ReportData

MOST_SENTENCES = 40


def contrast_section(data: ReportData) -> Markup | None:
    """The verdicts on contrasts, each of which is its own family of tests; None without any."""
    rows = [row for row in data.verdicts if row.primary and row.contrast != "group"]
    if not rows or rows == words.counted_rows(data.verdicts):
        return None
    rows = [row for row in rows if row.verdict is not None]
    if not rows:
        return None
    more = len(rows) - MOST_SENTENCES
    names = {"corpus": "corpora", "optimizer": "optimizers"}
    listed = " and ".join(
        dict.fromkeys(names.get(str(row.contrast), f"runs of other {row.contrast}") for row in rows)
    )
    return section(
        "between",
        f"Between {listed}",
        element(
            "p",
            "The same group for models that differ in training data or training method.",
            class_="quiet",
        ),
        element(
            "ul",
            *(
                element("li", f"{_suite(data, row)}{words.sentence(row, data.names)}")
                for row in words.ordered(rows)[:MOST_SENTENCES]
            ),
            element("li", f"and {more} more in verdicts.csv") if more > 0 else None,
        ),
    )


def _suite(data: ReportData, row: VerdictRow) -> str:
    """The suite before its group; nothing before the validation loss, which is the group."""
    return "" if row.suite == VALIDATION.suite else f"{data.names.suite(row)}, "
