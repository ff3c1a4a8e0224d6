"""Checks of whether a result can be trusted, each with its evidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from relscale.fitting.analyses.held_out_comparison import FormRow
from relscale.fitting.analyses.slope_components import SURE, SlopeComponentRow, dependences
from relscale.fitting.analyses.statistical_power import ENOUGH
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow
from relscale.fitting.keys import key_of
from relscale.fitting.report.frontier_advice import frontier_advice
from relscale.fitting.report.joint_lines import as_sentence
from relscale.fitting.report.reproduction_row import ReproductionRow
from relscale.fitting.status import Status
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import DIRECTIONS
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.report_data import ReportData

Outcome = Literal["yes", "warn", "no"]
SAME_SIGN = 0.9  # share of the specifications with the same sign of Δβ for a robust direction
FORM = "relative"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    suites
        The suites of these figures; None for all.
    """

    outcome: Outcome
    title: str
    detail: str
    figures: tuple[str, ...] = ()
    suites: frozenset[str] | None = None


def checks(data: ReportData, rows: Sequence[VerdictRow]) -> list[Check]:
    """The checks for which the fit has results; ``rows`` are the gaps that the headline counts."""
    results = (
        _minima(data),
        _seeds(data),
        _leave_one_out(rows),
        _specifications(rows),
        _forms(data),
        _set_of_models(data, rows),
        _power(rows),
        _coverage(data),
        _published(data),
        _notes(rows),
    )
    return [check for check in results if check is not None]


def _minima(data: ReportData) -> Check | None:
    points = [row for row in data.rows("frontier", FrontierRow) if row.run is None]
    if not points:
        return None
    good = sum(row.status == Status.OK for row in points)
    advice = frontier_advice(points, data.widths)
    detail = f"{good} of {len(points)} budgets have the minimum of their parabola within the range of widths"
    detail = " ".join(map(as_sentence, [detail, *advice]))
    return Check(_outcome(good, len(points), 0.7), "Compute-optimal sizes", detail, ("isoflop", "frontier"))


def _seeds(data: ReportData) -> Check | None:
    rows = data.rows("frontier", FrontierRow)
    relative = [row.run_sd / row.loss for row in rows if row.run_sd and row.loss]  # no loss without a minimum
    if not relative:
        return None
    worst = max(relative)
    outcome: Outcome = "yes" if worst < 0.01 else "warn" if worst < 0.03 else "no"
    return Check(
        outcome,
        "Seeds",
        f"Runs that differ only in their seed differ in validation loss by {words.percent(round(worst, 4))} "
        "(largest relative standard deviation).",
        ("isoflop",),
    )


def _leave_one_out(rows: Sequence[VerdictRow]) -> Check | None:
    directions = [row for row in rows if row.verdict in DIRECTIONS and row.left_out]
    if not directions:
        return None
    robust = sum(row.left_out_carry == 0 for row in directions)
    return Check(
        _outcome(robust, len(directions), 0.5),
        "Leave-one-out",
        f"Gaps whose direction is robust to leaving out any budget or training run: {robust} of {len(directions)}.",
        ("robustness",),
        _suites(directions),
    )


def _specifications(rows: Sequence[VerdictRow]) -> Check | None:
    directions = [row for row in rows if row.verdict in DIRECTIONS and row.specifications]
    if not directions:
        return None
    robust = sum(row.specifications_same_sign >= SAME_SIGN * row.specifications for row in directions)
    return Check(
        _outcome(robust, len(directions), 0.5),
        "Analysis choices",
        f"Gaps with a direction whose Δβ has the same sign in at least {words.percent(SAME_SIGN)} of the "
        f"alternative specifications: {robust} of {len(directions)}.",
        ("specification-curve",),
        _suites(directions),
    )


def _forms(data: ReportData) -> Check | None:
    rows = [row for row in data.rows("forms", FormRow, quantity="ratio") if row.rmse_log is not None]
    errors: dict[str, list[float]] = {}
    for row in rows:
        if row.rmse_log is not None and math.isfinite(row.rmse_log):
            errors.setdefault(row.form, []).append(row.rmse_log)
    if FORM not in errors or len(errors) < 2:
        return None
    medians = {form: median(values) for form, values in errors.items()}
    best = min(medians, key=lambda form: medians[form])
    ratio = medians[FORM] / medians[best] if medians[best] else 1.0
    outcome: Outcome = "yes" if ratio <= 1.25 else "warn"
    named = "persistence (the last ratio, unchanged)" if best == "persistence" else best
    comparison = (
        "no other form is better" if best == FORM else f"the best form here, {named}, by {medians[best]:.2%}"
    )
    return Check(
        outcome,
        "Functional form",
        f"Fitted to the smaller budgets, the relative law misses the held-out ratios by {medians[FORM]:.2%} "
        f"(median over gaps); {comparison}.",
        ("robustness",),
    )


def _set_of_models(data: ReportData, rows: Sequence[VerdictRow]) -> Check | None:
    keys = set(map(key_of, rows))
    components = data.rows("slope_components", SlopeComponentRow)
    tested = dependences(row for row in components if key_of(row) in keys)
    if not tested:
        return None
    found = " and ".join(f"{kind.significant} of {kind.tested} {kind.words}" for kind in tested)
    outcome: Outcome = "warn" if any(kind.significant for kind in tested) else "yes"
    meaning = "; the Δβ of such a gap is specific to this set of models" if outcome == "warn" else ""
    return Check(outcome, "Compute alone", f"Of the tested gaps, {found} (FDR {SURE:.0%}){meaning}.")


def _power(rows: Sequence[VerdictRow]) -> Check | None:
    known = [row.power for row in rows if row.power is not None]
    sizes = {row.power_delta_beta for row in rows if row.power_delta_beta is not None}
    if not known or len(sizes) != 1:
        return None
    enough = sum(power >= ENOUGH for power in known)
    lows = [row.power_low for row in rows if row.power_low is not None]
    highs = [row.power_high for row in rows if row.power_high is not None]
    limits = ""
    if lows and highs:
        low, high = (words.percent(round(median(ends), 2)) for ends in (lows, highs))
        limits = f" ({low} to {high} under the confidence limits of the noise)"
    change = 10 ** sizes.pop() - 1
    return Check(
        _outcome(enough, len(known), 0.3),
        "Power",
        f"For {enough} of {words.number_of(len(known), 'gap')} an experiment like this one would detect a change of "
        f"{words.percent(change)} per 10× compute with {words.percent(ENOUGH)} power or more; the median power is "
        f"{words.percent(round(median(known), 2))}{limits}. A gap that is not resolved may still change.",
        ("robustness",),
    )


def _coverage(data: ReportData) -> Check | None:
    rows = [row for row in data.rows("backtests", BacktestRow, candidate=ENSEMBLE) if row.covered is not None]
    if not rows:
        return None
    covered = sum(bool(row.covered) for row in rows)
    level = rows[0].level
    share = covered / len(rows)
    outcome: Outcome = "yes" if share >= level - 0.05 else "warn" if share >= level - 0.2 else "no"
    return Check(
        outcome,
        "Forecast intervals",
        f"In backtests inside the data {covered} of {len(rows)} {words.percent(level)} intervals cover the observed "
        f"value ({words.percent(round(share, 3))}).",
        ("forecast",),
    )


def _published(data: ReportData) -> Check | None:
    rows = [row for row in data.rows("reproduction", ReproductionRow) if row.published is not None]
    if not rows:
        return None
    agree = sum(bool(row.agrees) or bool(row.within) for row in rows)
    return Check(
        _outcome(agree, len(rows), 0.7),
        "Published numbers",
        f"{agree} of {len(rows)} published numbers are the same when rounded or are inside the interval.",
        ("reproduction",),
    )


def _notes(rows: Sequence[VerdictRow]) -> Check | None:
    flagged = [row for row in rows if row.status in (Status.NOT_APPLICABLE, Status.NOT_ABOVE_CHANCE)]
    if not flagged:
        return None
    named = list(dict.fromkeys(f"{row.suite}: {row.note}" for row in flagged))
    return Check(
        "no",
        "Validity of the measure",
        f"{words.number_of(len(flagged), 'gap')} with a doubtful measure. {'. '.join(named[:3])}.",
    )


def _suites(rows: Sequence[VerdictRow]) -> frozenset[str]:
    return frozenset(row.suite for row in rows if row.suite)


def _outcome(good: int, number: int, least_share: float) -> Outcome:
    """ "yes" if all are good, "warn" if at least this share is, else "no"."""
    return "yes" if good == number else "warn" if good >= least_share * number else "no"
