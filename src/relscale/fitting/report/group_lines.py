"""Lines of the summary on groups: each group's law, its gap to the baseline and the verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from relscale.fitting.analyses.crossing import PARAMETER as CROSSING
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import WITHIN_BUDGETS, Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CurveKey
from relscale.fitting.report.text_table import MANY, Line, curve_cells, interval_text, reason_text
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.laws import power, relative
from relscale.measurements.metric import VALIDATION

GapKey = tuple[str | None, ...]

EXTREMES = 3  # groups at either end of a large suite
INDEPENDENT = f"{relative.LINE.slope}, {Estimand.INDEPENDENT_ITEMS}"


@dataclass(frozen=True)
class Group:
    """One group of a suite: its fitted parameters by name, and the verdict on its gap."""

    parameters: Mapping[str, ParameterRow]
    verdict: VerdictRow | None

    def value(self, parameter: str) -> float | None:
        """The estimate of a parameter; None if it was not fitted."""
        row = self.parameters.get(parameter)
        return row.value if row else None


def group_lines(
    rows: Iterable[ParameterRow], verdicts: Sequence[VerdictRow]
) -> tuple[list[Line], list[tuple[str, list[Line]]]]:
    """A line per group of small suites and per contrast of corpora; a sentence and the extremes of each large suite."""
    verdict_of = {_gap_key(row): row for row in verdicts}
    suites: dict[GapKey, list[Group]] = {}
    for key, parameters in _parameters(rows).items():
        if {power.LINE.slope, relative.LINE.slope} & parameters.keys():
            suites.setdefault(key[:-1], []).append(Group(parameters, verdict_of.get(key)))
    few = [_line(group) for suite in suites.values() if len(suite) <= MANY for group in suite]
    return few, [_extremes(suite) for suite in suites.values() if len(suite) > MANY]


def baseline_text(row: CurveKey) -> str:
    """The baseline; for runs that differ in a column, with both of its values."""
    baseline = row.baseline or ""
    return baseline if row.arm is None else f"{baseline} ({row.contrast} of these: {row.arm})"


def _parameters(rows: Iterable[ParameterRow]) -> dict[GapKey, dict[str, ParameterRow]]:
    """The parameters of each group that a line shows, by name."""
    groups: dict[GapKey, dict[str, ParameterRow]] = {}
    for row in rows:
        if row.suite == VALIDATION.suite and row.contrast in (None, "group"):
            continue
        parameters = groups.setdefault(_gap_key(row), {})
        if row.method in WITHIN_BUDGETS:
            continue
        name = str(row.parameter)
        if row.method == Method.PARTIAL_POOLING:
            name = Method.PARTIAL_POOLING
        elif row.estimand == Estimand.INDEPENDENT_ITEMS:
            name = f"{name}, {Estimand.INDEPENDENT_ITEMS}"
        # Rows for the population follow those for these items, and replace them if they have a value.
        if name not in parameters or row.value is not None:
            parameters[name] = row
    return groups


def _gap_key(row: CurveKey) -> GapKey:
    """The key of the rows of one group, the group last."""
    contrast = row.contrast if row.contrast != "group" else None
    return (row.corpus, row.optimizer, row.suite, row.prompt, row.metric, contrast, row.arm, row.group)


def _line(group: Group) -> Line:
    gap = group.parameters.get(relative.LINE.slope)
    law = group.parameters.get(power.LINE.slope)
    curve, verdict = law or gap, group.verdict
    assert curve is not None  # groups without both have no line
    independent = group.parameters.get(INDEPENDENT)
    return {
        **curve_cells(curve),
        "β": _interval(law),
        "E": words.number(group.value(power.LINE.level), 3),
        "against": baseline_text(gap) if gap else "",
        "G": words.number(group.value(relative.LINE.level), 3),
        "Δβ": _interval(gap),
        "per 10×": words.change(verdict) if verdict and verdict.change is not None else "",
        "selected": words.change_after_selection(verdict) if verdict else "",
        "p": _p_value(verdict.p_value if verdict else None),
        "p BH": _p_value(verdict.p_bh if verdict else None),
        "p BY": _p_value(verdict.p_by if verdict else None),
        "p, items independent": _p_value(independent.p_value if independent else None),
        "verdict": (verdict.verdict or "") if verdict else "",
        "G = 1 at": _crossing(group.parameters.get(CROSSING)),
        "estimand": curve.estimand,
        "status": reason_text(*((verdict.status, verdict.note) if verdict else (curve.status, curve.note))),
    }


def _extremes(suite: Sequence[Group]) -> tuple[str, list[Line]]:
    """The verdicts on the groups of a suite, and the extremes: of Δβ, or of β if there is no baseline."""
    gaps = [group for group in suite if relative.LINE.slope in group.parameters]
    slope = relative.LINE.slope if gaps else power.LINE.slope
    known = [group for group in suite if group.value(slope) is not None]
    known.sort(key=lambda group: group.value(slope) or 0.0)
    first = next(iter(suite[0].parameters.values()))
    names = dict.fromkeys(filter(None, (first.suite, first.metric, first.corpus)))
    text = f"{', '.join(names)}: {len(suite)} groups"
    ends = known[:EXTREMES] + known[EXTREMES:][-EXTREMES:]
    if not gaps:
        return f"{text}, without a baseline; the extremes of β:", [_line(group) for group in ends]
    if not known:
        return f"{text}, none with a gap", []
    text += f" against {known[0].parameters[relative.LINE.slope].baseline}: "
    text += words.headline([group.verdict for group in gaps if group.verdict])
    pooled = [
        group.parameters[Method.PARTIAL_POOLING]
        for group in gaps
        if Method.PARTIAL_POOLING in group.parameters
    ]
    if pooled:
        below = sum(row.high is not None and row.high < 0 for row in pooled)
        above = sum(row.low is not None and row.low > 0 for row in pooled)
        text += f"; with partial pooling, Δβ is below 0 in {below} and above 0 in {above}"
    return f"{text}; the extremes:", [_line(group) for group in ends]


def _interval(row: ParameterRow | None) -> str:
    return interval_text(row.value, row.low, row.high) if row else ""


def _crossing(row: ParameterRow | None) -> str:
    if row is None:
        return ""
    if row.value is None:
        return reason_text(row.status, row.note)
    return interval_text(row.value, row.low, row.high, 3)


def _p_value(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value >= 0.001 else "<0.001"
