"""What follows from the verdicts, in a few sentences on the first screen of a report."""

from collections.abc import Sequence

from relscale.fitting.analyses.statistical_power import ENOUGH
from relscale.fitting.keys import key_of
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.markup import Markup, element
from relscale.report.needed_resources import half_need
from relscale.report.report_data import ReportData

FOLLOWS = {
    Verdict.CLOSES: "For a gap that closes, the table states how much more compute would halve it.",
    Verdict.WIDENS: "More compute alone enlarges a gap that widens.",
    Verdict.CROSSES: "Where curves cross, the group that is ahead at small compute is behind at large compute.",
}


def next_steps(data: ReportData, counted: Sequence[VerdictRow]) -> Markup | None:
    """What verdicts mean for the use of compute, and what gaps that are not resolved need."""
    present = {row.verdict for row in counted}
    sentences = [text for verdict, text in FOLLOWS.items() if verdict in present]
    sentences += _not_resolved(data, [row for row in counted if row.verdict == Verdict.NOT_RESOLVED])
    return element("p", " ".join(sentences)) if sentences else None


def _not_resolved(data: ReportData, rows: Sequence[VerdictRow]) -> list[str]:
    """Why gaps without a direction may have one, and what half of them need for enough power."""
    weak = [row for row in rows if row.power is not None and row.power < ENOUGH]
    sizes = {row.power_delta_beta for row in weak}
    size = sizes.pop() if len(sizes) == 1 else None
    if size is None:
        return []
    gaps = [[power for power in data.powers.get(key_of(row), ()) if power.delta_beta == size] for row in weak]
    need, enough = half_need(gaps), words.percent(ENOUGH)
    return [
        f"A gap that is not resolved may still change: {len(weak)} of {words.number_of(len(rows), 'such gap')} had "
        f"less than {enough} power to detect a change of {words.percent(10**size - 1)} per 10× compute.",
        *([f"For {enough}, half of them need {need}; the table states what each needs."] if need else []),
    ]
