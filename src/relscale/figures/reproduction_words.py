"""Words for a published and a reproduced number, and for their agreement."""

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, significant
from relscale.figures.select import reason
from relscale.fitting.report.reproduction_row import ReproductionRow

SAME_ROUNDED, INSIDE, OUTSIDE, NOT_KNOWN = (
    "✓ same when rounded",
    "✓ inside our interval",
    "✗ outside",
    "– not known",
)
AGREEMENT_COLOURS = {SAME_ROUNDED: "#00704f", INSIDE: "#00704f", OUTSIDE: "#b04a00", NOT_KNOWN: chart.FAINT}


def cells_in_words(row: ReproductionRow) -> list[str]:
    """The cells of a row: data, quantity, published and reproduced number, interval, difference, agreement."""
    unit = row.unit
    percent = " %" if unit == "%" else ""
    unit_is_known = not unit or percent or unit in row.quantity
    published = ""
    if known(row.published):
        published = f"{significant(number(row.published), 7)}{percent}"
        if known(row.published_stderr):
            published += f" ± {significant(number(row.published_stderr), 4)}"
    reproduced = known(row.reproduced)
    interval = "–" if reproduced else ""
    if known(row.low, row.high):
        interval = f"[{significant(number(row.low), 4)}, {significant(number(row.high), 4)}]"
    return [
        row.data or "",
        row.quantity if unit_is_known else f"{row.quantity} ({unit})",
        published,
        f"{significant(number(row.reproduced), 6 if published else 4)}{percent}" if reproduced else "–",
        interval,
        significant(number(row.difference), 3) if known(row.difference) else "",
        agreement(row),
    ]


def agreement(row: ReproductionRow) -> str:
    """Whether the reproduced number agrees with the published one, or why that is unknown."""
    if not known(row.published):
        return "" if known(row.reproduced) else reason(row)
    if not known(row.reproduced):
        return reason(row)
    if row.agrees:
        return SAME_ROUNDED
    if row.within is None:
        return NOT_KNOWN if row.agrees is None else OUTSIDE
    return INSIDE if row.within else OUTSIDE
