"""What a fit found in a few lines: for the end of a run."""

from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.fits import Fits
from relscale.fitting.report.frontier_advice import frontier_advice
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.rows import rows_of

STRONGEST = 3  # gaps that a sentence is written about


def headline_of_tables(fits: Fits, names: words.Names = words.UNNAMED) -> str:
    """The headline and the clearest gaps; where nothing could be fitted, why and what to change."""
    counted = words.counted_rows(rows_of(VerdictRow, fits.verdicts))
    if not any(row.verdict for row in counted):
        advice = frontier_advice(rows_of(FrontierRow, fits.frontier))
        return "\n".join(["Nothing could be fitted.", *(f"  {line}" for line in advice)])
    several = len({(row.corpus, row.optimizer) for row in counted}) > 1
    first = words.headline(counted)
    lines = [f"  {words.sentence(row, names, several)}" for row in words.strongest(counted, STRONGEST)]
    return "\n".join([first[0].upper() + first[1:], *lines])
