"""The section on the method."""

from collections.abc import Sequence

from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.markup import Markup, element, section


def method_section(counted: Sequence[VerdictRow]) -> Markup:
    """The method in numbered steps, with the margin for flat verdicts."""
    margin = words.percent(counted[0].margin) if counted else "1%"
    steps = (
        "Where each compute budget has models of several sizes, a parabola of validation loss in log tokens has its "
        "minimum at the compute-optimal allocation, and each group's error E is read off its own parabola there. "
        "Elsewhere each run, or checkpoint, is a point.",
        "The ratio G(F) = E(F) / E_baseline(F) is fitted as a straight line in logarithms, G ∝ F^Δβ. The change per "
        "tenfold of compute is 10^Δβ − 1. The gap is |ln G|: a negative Δβ closes a gap above 1 and widens one below.",
        "Intervals generalise in one of two ways. These items: runs vary, the questions or documents are fixed. Item "
        "population: runs and items vary, as if new test items had been sampled. Where points are "
        "checkpoints of one training, whole trainings are resampled.",
        "p-values are adjusted for multiple testing over the family: all groups, corpora and optimizers of one "
        "suite under one metric and prompt. BH: Benjamini–Hochberg, used for verdicts; BY: Benjamini–Yekutieli, "
        "valid under any dependence.",
        "Closes and widens: adjusted p below the rate, and the ratio stays on one side of 1. Crosses: adjusted p below "
        "the rate, and the whole interval of the compute at which the ratio is 1 is inside the data (Fieller). Flat: "
        f"none of these, and the whole interval of the change is within ±{margin} per tenfold. Else: not resolved.",
        "A forecast combines several laws, weighted by their backtest error; its interval is for one new model on "
        "these items, is calibrated by backtests inside the data, and is too narrow if a curve bends beyond them.",
    )
    return section("method", "Method", element("ol", *(element("li", step) for step in steps)))
