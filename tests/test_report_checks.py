"""Checks of a report and the intervals in its table, of rows whose answers are known."""

from typing import Any, TypeVar

import pytest

from relscale.fitting.analyses.held_out_comparison import FormRow
from relscale.fitting.analyses.statistical_power import PowerRow
from relscale.fitting.curves.point_rows import FrontierRow
from relscale.fitting.fits import from_rows
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.checks import Check, checks
from relscale.report.contrast_section import contrast_section
from relscale.report.next_steps import next_steps
from relscale.report.report_data import ReportData
from relscale.report.summary_section import _rule
from relscale.report.verdict_table import _interval, _scale
from relscale.storage.rows import names_of, table_of

R = TypeVar("R")


def row(kind: type[R], **values: Any) -> R:
    """A row with these values, and others that are unknown."""
    return kind(**dict.fromkeys(names_of(kind)) | {"status": "ok"} | values)


def check(table: str, rows: list[Any], title: str) -> Check:
    """The check of this title, of a fit with these rows in a table."""
    schema = table_of(type(rows[0]), rows)
    found = checks(ReportData("tests", from_rows({}).with_table(table, schema)), [])
    return next(each for each in found if each.title == title)


@pytest.mark.parametrize(("error", "outcome"), [(0.009, "yes"), (0.0124, "yes"), (0.0126, "warn")])
def test_a_form_is_questioned_if_another_is_better_by_a_quarter(error: float, outcome: str) -> None:
    rows = [
        row(FormRow, quantity="ratio", form=form, n_fitted=4, n_held_out=1, rmse_log=value)
        for form, value in (("relative", error), ("difference", 0.01))
    ]
    found = check("forms", rows, "Functional form")
    assert found.outcome == outcome
    assert ("no other form is better" in found.detail) is (error < 0.01)


@pytest.mark.parametrize(("covered", "outcome"), [(18, "yes"), (16, "warn"), (14, "no")])
def test_coverage_of_forecasts_is_judged_by_its_distance_from_the_level(covered: int, outcome: str) -> None:
    rows = [
        row(
            BacktestRow,
            **{"quantity": "ratio", "candidate": ENSEMBLE, "origin": "compute", "level": 0.95},
            **{"training_flops": 1e18, "log_distance": 1.0, "observed": 1.0, "covered": number < covered},
        )
        for number in range(20)
    ]
    found = check("backtests", rows, "Forecast intervals")
    assert found.outcome == outcome
    assert f"{covered} of 20" in found.detail


@pytest.mark.parametrize(("sd", "outcome"), [(0.02, "yes"), (0.05, "warn"), (0.2, "no")])
def test_seeds_are_judged_by_their_largest_relative_scatter(sd: float, outcome: str) -> None:
    points = [{"loss": 4.0, "run_sd": 0.01}, {"loss": 4.0, "run_sd": sd}]
    rows = [row(FrontierRow, runs=3, trainings=[], **point) for point in points]
    assert check("frontier", rows, "Seeds").outcome == outcome


def gap(low: float, high: float) -> VerdictRow:
    middle = (low + high) / 2
    return row(
        VerdictRow,
        verdict=Verdict.NOT_RESOLVED,
        margin=0.01,
        change=middle,
        change_low=low,
        change_high=high,
    )


def test_limits_beyond_the_scale_of_most_gaps_are_arrows() -> None:
    few, wide = [gap(-0.02, 0.01) for _ in range(19)], gap(-0.9, 0.5)
    scale = _scale([*few, wide])
    assert 0.02 <= scale <= 0.05
    arrows = [
        str(_interval(of, scale)).count("<path") for of in (few[0], wide, gap(-0.9, 0.0), gap(0.0, 0.9))
    ]
    assert arrows == [0, 2, 1, 1]


def test_rows_with_a_direction_come_first_and_those_without_an_interval_last() -> None:
    verdicts = [None, Verdict.NOT_RESOLVED, Verdict.CLOSES, Verdict.FLAT]
    rows = [row(VerdictRow, verdict=verdict, p_bh=0.5, p_value=0.1) for verdict in verdicts]
    shown = [each.verdict for each in words.ordered(rows)]
    assert shown[0] == Verdict.CLOSES
    assert shown[-1] is None


def test_the_rule_counts_p_values_before_and_after_their_adjustment() -> None:
    p_values = [(0.01, 0.03), (0.03, 0.06), (0.04, 0.06), (0.2, 0.2), (None, None)]
    rows = [row(VerdictRow, level=0.95, margin=0.01, p_value=p, p_bh=adjusted) for p, adjusted in p_values]
    assert "(3 of 5 gaps before it, 1 after)" in str(_rule(rows))


def test_only_gaps_of_little_power_say_what_they_need() -> None:
    powers = [("a", 0.3, 2.0), ("b", 0.6, 8.0), ("c", 0.9, 1.0), ("d", 0.5, 4.0)]
    rows = [
        row(VerdictRow, group=group, verdict=Verdict.NOT_RESOLVED, power=power, power_delta_beta=0.01)
        for group, power, _ in powers
    ]
    tried = [
        row(PowerRow, group=group, resource="items", count=count, enough=True, delta_beta=0.01)
        for group, _, count in powers
    ]
    data = ReportData("tests", from_rows({}).with_table("power", table_of(PowerRow, tried)))
    text = str(next_steps(data, rows))
    assert "3 of 4 such gaps had less than 80% power to detect a change of 2.33% per 10× compute" in text
    assert "half of them need up to 4 times the items" in text
    assert next_steps(data, rows[2:3]) is None


def test_contrasts_of_the_validation_loss_are_named_so_and_those_left_out_are_counted() -> None:
    losses = [
        row(
            VerdictRow,
            **{
                "suite": "validation",
                "group": "all",
                "contrast": "corpus",
                "baseline": "web",
                "margin": 0.01,
            },
            **{"corpus": f"c{number}", "primary": True, "verdict": Verdict.FLAT},
        )
        for number in range(42)
    ]
    between_groups = row(VerdictRow, suite="s", group="a", contrast="group", primary=True, margin=0.01)
    fits = from_rows({}).with_table("verdicts", table_of(VerdictRow, [*losses, between_groups]))
    text = str(contrast_section(ReportData("tests", fits)))
    assert "<li>validation loss (c0) is flat" in text
    assert text.count("<li>validation loss") == 40
    assert "<li>and 2 more in verdicts.csv</li>" in text
