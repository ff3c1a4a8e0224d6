"""Method of an interval: one of a closed set of names; tables have a note beside it."""

from enum import StrEnum


class Method(StrEnum):
    """Method of an interval; p-values are adjusted among rows of the same method."""

    LINE = "line"
    LINE_AND_ITEMS = "line and items"
    JACKKNIFE = "jackknife"
    JACKKNIFE_AND_ITEMS = "jackknife and items"
    BLOCK_BOOTSTRAP = "block bootstrap"
    FRONTIER_PAIRS = "frontier bootstrap, pairs"
    FRONTIER_RESIDUAL = "frontier bootstrap, residual"
    PARTIAL_POOLING = "partial pooling"
    FIELLER = "Fieller set"
    NONLINEAR_T = "nonlinear least squares"
    HUBER_SANDWICH = "Huber's loss"
    PAIRS_BOOTSTRAP = "pairs bootstrap"
    RESIDUAL_BOOTSTRAP = "residual bootstrap"
    PARAMETRIC_BOOTSTRAP = "parametric bootstrap"
    NONCENTRAL_T = "noncentral t"
    ITEM_REPLICATES = "item replicates"
    FIXED = "fixed"


TEXTS = {
    Method.LINE: "t interval of the last stage",
    Method.LINE_AND_ITEMS: "runs + items − interaction, t",
    Method.JACKKNIFE: "jackknife by trajectory (CR3), t",
    Method.JACKKNIFE_AND_ITEMS: "jackknife by trajectory (CR3) + items − interaction, t",
    Method.BLOCK_BOOTSTRAP: "block bootstrap by trajectory",
    Method.FRONTIER_PAIRS: "pairs bootstrap",
    Method.FRONTIER_RESIDUAL: "residual bootstrap",
    Method.NONLINEAR_T: "t interval of nonlinear least squares",
    Method.HUBER_SANDWICH: "t interval of Huber's loss, from its sandwich",
}

WORDS = {str(method): words for method, words in TEXTS.items()}

WITHIN_BUDGETS = (Method.FRONTIER_PAIRS, Method.FRONTIER_RESIDUAL)
"""Bootstraps of the runs within each budget, as a check of the line's intervals."""

BOOTSTRAPS = (
    Method.BLOCK_BOOTSTRAP,
    *WITHIN_BUDGETS,
    Method.PAIRS_BOOTSTRAP,
    Method.RESIDUAL_BOOTSTRAP,
    Method.PARAMETRIC_BOOTSTRAP,
)


def described(method: str | None, note: str | None = None) -> str:
    """A method in words, with its note; empty if there is none."""
    if method is None:
        return ""
    return ", ".join(filter(None, (WORDS.get(method, method), note)))
