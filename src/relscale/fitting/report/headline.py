"""Headline of a fit: its results in a few lines."""

from collections.abc import Sequence

from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.fits import Fits
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.report.frontier_advice import NO_WIDTHS, Widths, frontier_advice
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.storage.rows import rows_of

STRONGEST = 3  # number of gaps with a sentence
REASONS = 3  # maximum number of reasons if nothing could be fitted


def headline_of_tables(fits: Fits, names: words.Names = words.UNNAMED, widths: Widths = NO_WIDTHS) -> str:
    """The headline and the most significant gaps; if nothing could be fitted, the reason and a remedy."""
    counted = words.counted_rows(rows_of(VerdictRow, fits.verdicts))
    if nothing := nothing_fitted(counted, fits, widths):
        return "\n  ".join(nothing)
    several = len({(row.corpus, row.optimizer) for row in counted}) > 1
    first = words.headline(counted)
    lines = [f"  {words.sentence(row, names, several)}" for row in words.strongest(counted, STRONGEST)]
    return "\n".join([words.sentence_case(first), *lines])


def nothing_fitted(counted: Sequence[VerdictRow], fits: Fits, widths: Widths = NO_WIDTHS) -> list[str]:
    """The first lines if no gap has a verdict: this, and the reason or a remedy; else empty.

    Further laws of a config need no gap; those that could be fitted are listed first.
    """
    if any(row.verdict is not None for row in counted):
        return []
    has_estimate = any(row.delta_beta is not None for row in counted)
    reasons = list(dict.fromkeys(row.note or str(row.status) for row in counted))[:REASONS]
    advice = (
        frontier_advice(rows_of(FrontierRow, fits.frontier), widths)
        or reasons
        or ["no suite has errors of two groups to compare"]
    )
    fitted = [_fitted(name, rows) for name, rows in further_fits(rows_of(ParameterRow, fits.fits)).items()]
    fitted = [sentence for sentence in fitted if sentence]
    if fitted:
        first = (
            "Laws were fitted, but no gap has an interval."
            if has_estimate
            else "Laws were fitted, but no gap."
        )
        return [first, *fitted, *advice]
    return ["No gap has an interval." if has_estimate else "Nothing could be fitted.", *advice]


def further_fits(parameters: Sequence[ParameterRow]) -> dict[str, list[ParameterRow]]:
    """The rows of each further law of the config, by the name of the fit."""
    fits: dict[str, list[ParameterRow]] = {}
    for row in parameters:
        if row.fit is not None:
            fits.setdefault(row.fit, []).append(row)
    return fits


def _fitted(name: str, rows: Sequence[ParameterRow]) -> str:
    """The fitted law and its number of curves; empty if none has an estimate."""
    curves = {
        (row.corpus, row.optimizer, row.suite, row.prompt, row.metric, row.group)
        for row in rows
        if row.value is not None
    }
    several = f" for {len(curves)} curves" if len(curves) > 1 else ""
    return f"{name}: the law {rows[0].law} was fitted{several}" if curves else ""
