"""Nothing is dropped in silence, and no number stands where there is none."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from row_cells import cells

from relscale.errors import RelscaleError
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits, from_rows
from relscale.fitting.forecasts.forecast import BacktestRow, _exp
from relscale.fitting.status import Status

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0)}
SUITES = {"s": {"baseline": "b"}}
LINES = {"power": [], "specifications": []}  # what no other analysis is asked of


def edited(world: Any, change: Any, **where: Any) -> pa.Table:
    """The world's measurements with ``change`` made to the rows that ``where`` names."""
    rows = [
        row | change if all(row[name] == value for name, value in where.items()) else row
        for row in world.rows
    ]
    return pa.Table.from_pylist(rows)


def rows(fits: Fits, table: str, **where: Any) -> list[dict[str, Any]]:
    return [
        row for row in cells(getattr(fits, table)) if all(row[name] == value for name, value in where.items())
    ]


def no_silent_numbers(fits: Fits) -> None:
    for row in cells(fits.fits):
        if row["value"] is None:
            assert row["reason"] not in (None, "ok"), row
        if row["reason"] == "ok" and row["parameter"] != "floor":
            assert None not in (row["value"], row["stderr"], row["low"], row["high"], row["df"]), row
    for table, value in (("frontier", "loss"), ("errors", "value"), ("gaps", "ratio")):
        for row in cells(getattr(fits, table)):
            assert row["reason"] != "ok" or row[value] is not None, row


def test_a_diverged_run_is_left_out_and_counted(World: Any) -> None:
    world = World(GROUPS)
    name = world.rows[0]["run"]
    table = edited(world, {"value": None, "status": "diverged at step 7"}, run=name)
    fits = fit(table, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    first = rows(fits, "frontier")[0]
    assert (first["runs"], first["excluded"], first["reason"]) == (4, 1, "ok")
    assert rows(fits, "errors", group="a")[0]["excluded"] == 1
    assert rows(fits, "fits", parameter="delta_beta")[0]["value"] == pytest.approx(-0.03, abs=1e-10)


def test_a_run_that_must_not_be_trusted_on_one_group_still_counts_for_the_others(World: Any) -> None:
    world = World(GROUPS)
    table = edited(world, {"status": "context cut"}, run=world.rows[0]["run"], group="a")
    fits = fit(table, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert [rows(fits, "errors", group=g)[0]["runs"] for g in ("a", "b")] == [4, 5]
    assert rows(fits, "fits", parameter="delta_beta")[0]["value"] == pytest.approx(-0.03, abs=1e-10)


def test_a_minimum_outside_the_widths_is_flagged_and_its_budget_left_out_of_the_laws(World: Any) -> None:
    world = World(GROUPS)
    narrow = sorted({row["tokens"] for row in world.rows if row["budget"] == 1e13})[:2]
    table = pa.Table.from_pylist([row for row in world.rows if row["tokens"] not in narrow])
    fits = fit(table, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert rows(fits, "frontier", budget=1e13)[0]["reason"] == "minimum outside the widths tried"
    assert rows(fits, "gaps", budget=1e13)[0]["ratio"] is None
    law = rows(fits, "fits", parameter="delta_beta")[0]
    assert law["reason"] == "fitted on 4 of 5 points (1e+13 FLOPs: minimum outside the widths tried)"
    assert law["value"] == pytest.approx(-0.03, abs=1e-10)


def test_a_parabola_that_opens_downwards_is_flagged(World: Any) -> None:
    world = World(GROUPS)
    loss = [row | {"value": 6 - row["value"]} if row["group"] == "all" else row for row in world.rows]
    fits = fit(pa.Table.from_pylist(loss), options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert {row["reason"] for row in rows(fits, "frontier")} == {"not convex"}


def test_two_budgets_give_points_but_no_law(World: Any) -> None:
    fits = fit(World(GROUPS, budgets=(1e11, 1e12)).measurements, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert all(row["reason"] == "ok" for row in rows(fits, "gaps"))
    law = rows(fits, "fits", parameter="delta_beta")[0]
    assert (law["value"], law["interval_direction"]) == (None, None)
    assert law["reason"] == "2 points; an interval needs 3"


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_an_error_that_has_no_logarithm_is_flagged(World: Any, value: float) -> None:
    fits = fit(edited(World(GROUPS), {"value": value}, budget=1e12, group="a"), options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert rows(fits, "errors", budget=1e12, group="a")[0]["reason"].startswith("not positive")
    assert rows(fits, "fits", parameter="delta_beta")[0]["n"] == 4


@pytest.mark.slow
def test_a_group_without_values_is_flagged(World: Any) -> None:
    fits = fit(edited(World(GROUPS), {"value": None}, group="a"), options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert rows(fits, "fits", group="a", parameter="beta")[0]["reason"].startswith("0 points")


@pytest.mark.slow
def test_a_missing_baseline_is_flagged_where_it_is_missing(World: Any) -> None:
    table = World(GROUPS, corpora=("text", "code"), noise=0.01).measurements
    here = pc.and_(pc.equal(table["corpus"], "code"), pc.equal(table["group"], "b"))
    fits = fit(table.filter(pc.invert(here)), options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    law = rows(fits, "fits", corpus="code", parameter="delta_beta")
    assert [row["reason"] for row in law] == ["baseline 'b' was not measured on these models"]
    assert rows(fits, "fits", corpus="text", parameter="delta_beta")[0]["reason"] == "ok"


def test_groups_without_a_named_baseline_get_a_flag_and_their_own_laws(World: Any) -> None:
    fits = fit(World(GROUPS).measurements, options=LINES)
    no_silent_numbers(fits)
    flags = {row["reason"] for row in rows(fits, "fits", parameter="delta_beta")}
    assert flags == {"this suite has no baseline"}
    assert len(rows(fits, "fits", suite="s", parameter="beta")) == 2


@pytest.mark.slow
def test_replicates_that_lack_a_group_flag_its_population_only(World: Any) -> None:
    world = World(GROUPS, noise=0.01, replicates=10, item_noise=0.01)
    draws = pa.Table.from_pylist([row for row in world.draws if row["group"] == "b"])
    fits = fit(world.measurements, draws, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    law = {row["estimand"]: row["reason"] for row in rows(fits, "fits", parameter="delta_beta")}
    assert law == {"these items": "ok", "item population": "no item replicates"}


def test_points_of_one_training_run_are_not_taken_for_independent(World: Any) -> None:
    fits = fit(edited(World(GROUPS, widths=1), {"block": "the one run"}), options=LINES, suites=SUITES)
    law = rows(fits, "fits", parameter="delta_beta")[0]
    assert law["reason"] == "too few training runs for a reliable interval: 1"


def test_runs_of_one_compute_have_no_slope(World: Any) -> None:
    table = World(GROUPS, widths=1, seeds=4, budgets=(1e12,)).measurements
    fits = fit(table, options=LINES, suites=SUITES)
    no_silent_numbers(fits)
    assert rows(fits, "fits", parameter="delta_beta")[0]["reason"] == "no spread of compute to fit a slope to"


@pytest.mark.slow
def test_accuracy_at_chance_gets_no_sigmoid(World: Any) -> None:
    world = World({"a": (1.5, 0.08, 0.0)})
    scores = [row for row in world.rows if row["suite"] == "s"]
    chance = [row | {"metric": "accuracy", "value": 0.25 + 0.01 * (-1) ** i} for i, row in enumerate(scores)]
    table = pa.Table.from_pylist(world.rows + chance)
    for suites, reason in (
        ({"s": {"chance": 0.25}}, "accuracy is not above chance"),
        ({}, "the chance of a right guess is not given"),
    ):
        fits = fit(table, options=LINES, suites=suites)
        no_silent_numbers(fits)
        assert rows(fits, "fits", law="sigmoid", parameter="ceiling")[0]["reason"] == reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levle": 0.9}, r"fit: unknown option 'levle'; allowed: level, frontier, baselines, metrics"),
        ({"level": 1.5}, r"fit.level: 1.5 is not between 0 and 1"),
        ({"baselines": {"s": "z"}}, r"fit.baselines.s: 'z' was not measured; there are a, b"),
        ({"baselines": {"t": "a"}}, r"fit.baselines: no suite 't' was measured; there are s, validation"),
        (
            {"metrics": {"s": ["accuracy"]}},
            r"fit.metrics.s: 'accuracy' was not measured; there are bits_per_byte",
        ),
        ({"frontier": "best"}, r"fit.frontier: 'best' is not one of auto, parabola, all"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(
    World: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RelscaleError, match=message):
        fit(World(GROUPS).measurements, options=options)


def test_tables_that_cannot_be_used_are_refused_in_one_line(World: Any) -> None:
    table = World(GROUPS, widths=1).measurements
    scores = table.filter(pc.equal(table["suite"], "s"))
    for broken, options, message in (
        (table.drop_columns(["value"]), {}, "no column 'value'"),
        (table.slice(0, 0), {}, "no rows"),
        (pa.concat_tables([table, table]), {}, "2 rows for one number"),
        (edited(World(GROUPS), {"training_flops": 0.0}), {}, "not a positive number"),
        (edited(World(GROUPS), {"training_flops": 7.0}, group="a"), {}, "differ in training_flops"),
        (scores, {"frontier": "parabola"}, "no validation loss"),
    ):
        with pytest.raises(RelscaleError, match=message) as caught:
            fit(broken, options=options)
        assert "\n" not in str(caught.value)


def test_replicates_of_unknown_runs_are_refused(World: Any) -> None:
    world = World(GROUPS, replicates=2)
    strangers = pa.Table.from_pylist([row | {"run": "another"} for row in world.draws])
    with pytest.raises(RelscaleError, match=r"run another.* is not in the measurements"):
        fit(world.measurements, strangers)


@pytest.mark.slow
def test_replicates_without_a_step_are_matched_by_run_unless_that_leaves_two(World: Any) -> None:
    world = World(GROUPS, noise=0.01, replicates=5, item_noise=0.01)
    runs = list(dict.fromkeys(row["run"] for row in world.rows))
    stepped = pa.Table.from_pylist([row | {"step": runs.index(row["run"])} for row in world.rows])
    without, within = (
        fit(table, world.replicate_table, options=LINES, suites=SUITES)
        for table in (world.measurements, stepped)
    )
    assert without == within
    later = pa.Table.from_pylist([row | {"step": step} for row in world.rows for step in (1, 2)])
    with pytest.raises(RelscaleError, match="replicates: they need the columns step"):
        fit(later, world.replicate_table)


@pytest.mark.slow
def test_replicates_may_keep_their_texts_in_dictionaries(World: Any) -> None:
    world = World(GROUPS, noise=0.01, replicates=5, item_noise=0.01)
    draws = world.replicate_table
    for i, field in enumerate(draws.schema):
        if field.type == pa.string():
            draws = draws.set_column(i, field.name, draws[field.name].dictionary_encode())
    assert fit(world.measurements, draws, options=LINES, suites=SUITES) == fit(
        world.measurements, world.replicate_table, options=LINES, suites=SUITES
    )


@pytest.mark.filterwarnings("error")
def test_a_forecast_that_runs_away_is_flagged() -> None:
    where: dict[str, Any] = dict.fromkeys(
        ("experiment", "corpus", "optimizer", "prompt", "baseline", "contrast")
    )
    where |= {"suite": "s", "metric": "loss", "group": "a"}
    row = BacktestRow(
        **where,
        quantity="error",
        candidate="power",
        origin="compute",
        origin_flops=1e20,
        origin_params=None,
        training_flops=1e21,
        log_distance=2.3,
        observed=1.0,
        predicted=_exp(1000.0),
        log_error=1000.0,
        level=0.95,
        status=Status.OK,
        note=None,
    )
    (kept,) = from_rows({"backtests": [row]}).backtests.to_pylist()
    assert kept["predicted"] is None
    assert kept["status"] == Status.BEYOND_RANGE
