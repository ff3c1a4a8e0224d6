"""Anchors, classes, symbols and words for a gap and its verdict in the page."""

from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.markup import Markup, element, identifier

SYMBOLS = {
    Verdict.CLOSES: "▼",
    Verdict.WIDENS: "▲",
    Verdict.CROSSES: "✕",
    Verdict.FLAT: "═",
    Verdict.NOT_RESOLVED: "○",
    None: "–",
}


def row_id(row: VerdictRow) -> str:
    """The anchor of a gap, such as ``gap.group.knowledge.learning-code.web``."""
    names = ("gap", row.contrast, row.suite, row.group, row.corpus, row.optimizer, row.arm)
    return identifier(*names).rstrip(".")


def verdict_class(row: VerdictRow) -> str:
    """The verdict's class in the style sheet, which sets its colour."""
    return "unknown" if row.verdict is None else str(row.verdict).replace(" ", "-")


def chip(row: VerdictRow) -> Markup:
    """The verdict as a symbol and a word."""
    word = "no interval" if row.verdict is None else str(row.verdict)
    return element("span", f"{SYMBOLS[row.verdict]} {word}", class_=f"word {verdict_class(row)}")


def factor_words(factor: float) -> str:
    """A factor, such as ``2.5×`` or ``1,140×``."""
    if factor < 10:
        return f"{factor:.2g}×"
    return f"{factor:,.0f}×" if factor < 1e4 else f"{words.flops(factor)}×"
