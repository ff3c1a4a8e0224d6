"""What is said of a gap: in worlds whose answer is known, and by the rule alone."""

from dataclasses import replace
from typing import Any

import pytest
from scipy.stats import false_discovery_control

from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.specification import CHOICES, SpecificationRow
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits
from relscale.fitting.inference.direction import Direction
from relscale.fitting.verdicts.verdict import DIRECTIONS, Verdict, verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import change, counted_rows, headline, ratios, sentence, strongest
from relscale.storage.rows import rows_of

SUITE = {"s": {"baseline": "base"}}
BASE = (1.0, 0.05, 0.0)
# ln G = ln level − (β − 0.05) · ln(F / 1e12), over 1e11 to 1e13
CLOSES, WIDENS, CROSSES, FLAT = (1.5, 0.08, 0.0), (0.7, 0.08, 0.0), (1.01, 0.08, 0.0), (1.3, 0.05, 0.0)


def verdicts(world: Any, options: dict[str, Any] | None = None, **facts: Any) -> dict[str, VerdictRow]:
    suites = {"s": SUITE["s"] | facts}
    rows = rows_of(VerdictRow, fit(world.measurements, options=options, suites=suites).verdicts)
    return {row.group or "": row for row in rows}


@pytest.fixture(name="fits", scope="module")
def of_known_gaps(World: Any) -> Fits:
    groups = {"base": BASE, "closes": CLOSES, "widens": WIDENS, "crosses": CROSSES, "flat": FLAT}
    return fit(World(groups, noise=0.0005).measurements, suites=SUITE)


@pytest.fixture(name="known", scope="module")
def known_rows(fits: Fits) -> dict[str, VerdictRow]:
    return {row.group or "": row for row in rows_of(VerdictRow, fits.verdicts)}


@pytest.mark.slow
def test_each_of_four_known_gaps_gets_its_word(known: dict[str, VerdictRow]) -> None:
    assert {group: row.verdict for group, row in known.items()} == {
        "closes": Verdict.CLOSES,
        "widens": Verdict.WIDENS,
        "crosses": Verdict.CROSSES,
        "flat": Verdict.FLAT,
    }


def test_without_any_one_budget_and_however_analysed_a_clear_gap_has_the_same_word(fits: Fits) -> None:
    for group in ("closes", "widens", "crosses", "flat"):
        left_out = rows_of(InfluenceRow, fits.influence)
        without = [row for row in left_out if row.group == group and row.baseline]
        assert {row.verdict for row in without} == {Verdict(group)}
        assert not any(row.carries for row in without)
        ways = [row for row in rows_of(SpecificationRow, fits.specifications) if row.group == group]
        ratios = {row.verdict for row in ways if row.form == "ratio" and row.frontier == "parabola"}
        assert ratios == {Verdict(group)}
        assert all(row.verdict is None for row in ways if row.low is None)


@pytest.mark.slow
def test_leaving_out_and_other_ways_are_adjusted_over_all_gaps_that_are_looked_at_alike(World: Any) -> None:
    world = World({"base": BASE} | {f"t{i}": (1.3, 0.055, 0.0) for i in range(12)}, noise=0.01)
    fits = fit(world.measurements, suites=SUITE)
    for name, kind, alike in (
        ("influence", InfluenceRow, lambda row: row.without),
        ("specifications", SpecificationRow, lambda row: [getattr(row, choice) for choice in CHOICES]),
    ):
        rows = [row for row in rows_of(kind, fits.tables[name]) if row.verdict is not None]
        first = [row for row in rows if alike(row) == alike(rows[0])]
        assert len(first) == 12
        expected = false_discovery_control([row.p_value for row in first])
        assert [row.p_bh for row in first] == pytest.approx(list(expected))
        assert any(row.p_value < 0.05 <= row.p_bh for row in rows)
        assert all((row.verdict in DIRECTIONS) <= (row.p_bh < 0.05) for row in rows)


@pytest.mark.slow
def test_a_budget_carries_a_verdict_that_is_lost_without_it(World: Any) -> None:
    fits = fit(World({"base": BASE, "t": (1.3, 0.065, 0.0)}, noise=0.012).measurements, suites=SUITE)
    (row,) = rows_of(VerdictRow, fits.verdicts)
    without = [each for each in rows_of(InfluenceRow, fits.influence) if each.baseline]
    assert row.verdict in DIRECTIONS
    assert [each.carries for each in without] == [each.verdict not in DIRECTIONS for each in without]
    assert row.left_out_carry == sum(bool(each.carries) for each in without) > 0


def test_sizes_follow_from_the_law_that_made_the_errors(known: dict[str, VerdictRow]) -> None:
    row = known["closes"]
    assert row.change == pytest.approx(10**-0.03 - 1, rel=0.02)
    assert row.ratio_low == pytest.approx(1.5 * 0.1**-0.03, rel=2e-3)
    assert row.ratio_high == pytest.approx(1.5 * 10**-0.03, rel=2e-3)
    # |ln G| at the largest compute is halved where 0.03 · ln factor = ln G / 2.
    assert row.halving is not None
    assert row.ratio_high is not None
    assert row.ratio_high * row.halving**-0.03 == pytest.approx(row.ratio_high**0.5, rel=0.02)
    assert known["widens"].halving is None
    assert known["crosses"].crossing_flops == pytest.approx(1e12 * 1.01 ** (1 / 0.03), rel=0.05)


@pytest.mark.slow
def test_a_crossing_that_may_lie_outside_the_data_is_not_resolved_and_says_why(World: Any) -> None:
    # G = 1 at 9.5e12, close to the largest compute, 1e13
    row = verdicts(World({"base": BASE, "t": (9.5**0.03, 0.08, 0.0)}, noise=0.003))["t"]
    assert row.p_bh is not None
    assert row.p_bh < 0.05
    assert row.verdict == Verdict.NOT_RESOLVED
    assert row.note is not None
    assert "on which side of 1 the ratio ends" in row.note


@pytest.mark.slow
def test_noise_alone_is_seldom_given_a_direction(World: Any) -> None:
    groups = {f"g{i}": (1.3, 0.05, 0.0) for i in range(40)} | {"base": BASE}
    found = verdicts(World(groups, noise=0.02)).values()
    assert sum((row.p_value or 1) < 0.05 for row in found) >= 1  # as 40 tests have
    assert all(row.verdict in (Verdict.NOT_RESOLVED, Verdict.FLAT) for row in found)


@pytest.mark.slow
def test_the_family_is_the_suite_on_all_corpora_under_one_metric(World: Any) -> None:
    world = World({"base": BASE, "t": CLOSES, "u": WIDENS}, noise=0.01, corpora=("text", "code"))
    rows = rows_of(VerdictRow, fit(world.measurements, suites=SUITE).verdicts)
    assert {row.tests for row in rows} == {4}
    assert len(counted_rows(rows)) == 4


@pytest.mark.slow
def test_the_margin_of_flat_is_the_configs(World: Any) -> None:
    world = World({"base": BASE, "t": FLAT}, noise=0.0005)
    assert verdicts(world)["t"].verdict == Verdict.FLAT
    assert verdicts(world, {"equivalence_margin": 0.0001})["t"].verdict != Verdict.FLAT


@pytest.mark.slow
def test_an_error_that_rises_with_compute_is_called_no_error(World: Any) -> None:
    world = World({"base": (0.5, -0.05, 0.0), "t": (0.4, -0.08, 0.0)}, noise=0.001)
    note = verdicts(world)["t"].note
    assert note is not None
    assert "fit an error such as 1 − accuracy" in note


@pytest.mark.slow
def test_a_metric_at_chance_is_reported(World: Any) -> None:
    world = World({"base": (0.5, 0.05, 0.0), "t": (0.76, 0.0, 0.0)}, noise=0.001, metric="error_rate")
    note = verdicts(world, chance=0.25)["t"].note
    assert note is not None
    assert note.startswith("at chance level (0.75)")


def test_a_small_p_value_is_not_enough_where_many_were_tested() -> None:
    given = (0.95, Direction.WIDENS, (None, None), (1e11, 1e13), (-0.1, -0.02), 0.01)
    assert verdict(0.04, *given) == Verdict.WIDENS
    assert verdict(0.06, *given) == Verdict.NOT_RESOLVED
    assert verdict(None, *given) is None


def test_a_crossing_counts_only_with_its_whole_interval_inside_the_data() -> None:
    def of(*crossing: float | None) -> Verdict | None:
        return verdict(0.001, 0.95, Direction.UNCLEAR, crossing, (1e11, 1e13), (-0.1, -0.02), 0.01)  # type: ignore[arg-type]

    assert of(2e11, 4e11) == Verdict.CROSSES
    assert of(0.9e11, 4e11) == Verdict.NOT_RESOLVED
    assert of(2e11, None) == Verdict.NOT_RESOLVED


@pytest.mark.parametrize("first", [1e-9, 7.1e-5, 0.0099, 0.011, 0.8, 40.0])
def test_ratios_of_any_size_are_said_to_a_few_per_cent(known: dict[str, VerdictRow], first: float) -> None:
    for last in (first * 1.1, first * 0.9):
        said = ratios(replace(known["closes"], ratio_low=first, ratio_high=last)).split(" → ")
        assert [float(text) for text in said] == pytest.approx([first, last], rel=0.03)


def test_the_headline_counts_and_the_sentence_speaks_in_ratios(known: dict[str, VerdictRow]) -> None:
    rows = list(known.values())
    assert headline(rows) == "1 gap closes, 1 widens, 1 crosses, 1 is flat, 0 are not resolved (FDR 5%)"
    assert {row.group for row in strongest(rows)} == {"closes", "widens", "crosses"}
    said = sentence(replace(known["closes"], change=-0.0667, change_low=-0.07, change_high=-0.063))
    assert said == "closes (text) closes: 1.61 → 1.40 × base, −6.7% [−7.0%, −6.3%] per 10×"
    assert change(replace(known["flat"], change=0.0004, change_low=-0.002, change_high=None)) == "+0.04%"
