import functools
import pickle
import sys
from copy import copy
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from one_sentence import assert_one_sentence
from row_cells import cells
from scipy.optimize import least_squares
from scipy.stats import t as student

from relscale.errors import RelscaleError
from relscale.fitting.fit import fit
from relscale.fitting.fits import ROWS, Fits, from_rows, read, write
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.status import Status
from relscale.storage.rows import names_of
from relscale.storage.tables import open_table, read_table, write_table

GROUPS = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0), "c": (0.8, 0.1, -0.2)}
SUITES = {"s": {"baseline": "b"}}
LINES = {"power": [], "specifications": [], "bootstrap": 0}  # laws and their intervals, and no more


def one(table: pa.Table, column: str = "value", **key: Any) -> Any:
    """The one cell of ``column`` in the row that ``key`` names."""
    for name, value in key.items():
        table = table.filter(pc.equal(table[name], value))
    assert table.num_rows == 1, (key, table.num_rows)
    return table[column][0].as_py()


def slopes(fits: Fits, law: str = "relative", parameter: str = "delta_beta") -> dict[str, float]:
    keep = pc.and_(pc.equal(fits.fits["law"], law), pc.equal(fits.fits["parameter"], parameter))
    rows = fits.fits.filter(keep).to_pylist()
    return {row["group"]: row["value"] for row in rows if row["estimand"] == "these items"}


def changed(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def test_laws_that_hold_exactly_are_recovered_exactly(World: Any) -> None:
    fits = fit(World(GROUPS).measurements, options=LINES, suites=SUITES)
    for group, (level, beta, shift) in GROUPS.items():
        key = {"group": group, "law": "power"}
        assert one(fits.fits, parameter="beta", **key) == pytest.approx(beta, abs=1e-10)
        reference = one(fits.fits, "reference_flops", parameter="beta", **key)
        error = level * (reference / 1e12) ** -beta * (1 + 0.1 * shift**2)
        assert one(fits.fits, parameter="error_at_reference", **key) == pytest.approx(error, rel=1e-10)
        if group != "b":
            found = one(fits.fits, parameter="delta_beta", group=group)
            assert found == pytest.approx(GROUPS["b"][1] - beta, abs=1e-10)


def test_the_frontier_is_the_one_that_the_runs_were_laid_around(World: Any) -> None:
    fits = fit(World(GROUPS).measurements, options=LINES)
    for row in cells(fits.frontier):
        assert row["reason"] == "ok"
        assert row["tokens"] == pytest.approx(1e6 * (row["budget"] / 1e12) ** 0.5, rel=1e-10)
        assert row["loss"] == pytest.approx(3 * (row["budget"] / 1e12) ** -0.05, rel=1e-10)
        assert row["curvature"] == pytest.approx(0.2 * row["loss"], rel=1e-9)
        assert row["params"] * row["tokens"] * 6 == pytest.approx(row["budget"], rel=1e-9)
    for law in ("compute_optimal_tokens", "compute_optimal_params"):
        assert one(fits.fits, law=law, parameter="exponent") == pytest.approx(0.5, abs=1e-10)


@pytest.mark.slow
def test_each_stage_agrees_with_a_plain_loop_over_numpy_and_scipy(World: Any) -> None:
    world = World(GROUPS, noise=0.01, seed=3)
    fits = fit(world.measurements, options=LINES, suites=SUITES)
    flops, ratios = [], []
    for budget in world.budgets:
        rows = [row for row in world.rows if row["budget"] == budget]
        by_group = {g: [row for row in rows if row["group"] == g] for g in ("all", "a", "b")}
        x = np.log([row["tokens"] for row in by_group["all"]])
        curve = {g: np.polyfit(x - x.mean(), [row["value"] for row in by_group[g]], 2) for g in by_group}
        best = -curve["all"][1] / (2 * curve["all"][0])
        assert one(fits.frontier, "log_tokens", budget=budget) == pytest.approx(best + x.mean(), rel=1e-10)
        error = {g: np.polyval(curve[g], best) for g in ("a", "b")}
        assert one(fits.errors, budget=budget, group="a") == pytest.approx(error["a"], rel=1e-10)
        ratios.append(error["a"] / error["b"])
        flops.append(budget)
        assert one(fits.gaps, "ratio", budget=budget, group="a") == pytest.approx(ratios[-1], rel=1e-10)
    line = scipy.stats.linregress(np.log(flops), np.log(ratios))
    key = {"group": "a", "parameter": "delta_beta"}
    assert one(fits.fits, **key) == pytest.approx(line.slope, rel=1e-9)
    assert one(fits.fits, "stderr", **key) == pytest.approx(line.stderr, rel=1e-9)
    assert one(fits.fits, "p_value", **key) == pytest.approx(line.pvalue, rel=1e-9)
    half = scipy.stats.t.ppf(0.975, 3) * line.stderr
    assert one(fits.fits, "low", **key) == pytest.approx(line.slope - half, rel=1e-9)
    assert one(fits.fits, "high", **key) == pytest.approx(line.slope + half, rel=1e-9)


@pytest.mark.slow
def test_delta_beta_is_the_difference_of_the_betas(World: Any) -> None:
    fits = fit(World(GROUPS, noise=0.02).measurements, options=LINES, suites=SUITES)
    beta = slopes(fits, "power", "beta")
    for group, delta in slopes(fits).items():
        assert delta == pytest.approx(beta["b"] - beta[group], abs=1e-12)


@pytest.mark.slow
def test_exchanging_target_and_baseline_turns_every_sign_and_changes_nothing_else(World: Any) -> None:
    world = World(GROUPS, noise=0.02, replicates=30, item_noise=0.02)
    tables = (world.measurements, world.replicate_table)
    there, back = (fit(*tables, options=LINES, suites={"s": {"baseline": name}}).fits for name in ("b", "a"))
    for estimand in ("these items", "item population"):
        key = {"parameter": "delta_beta", "estimand": estimand}
        of_a, of_b = {"group": "a", **key}, {"group": "b", **key}
        assert one(there, **of_a) == -one(back, **of_b)
        assert one(there, "low", **of_a) == -one(back, "high", **of_b)
        for column in ("stderr", "p_value", "interval_direction"):
            assert one(there, column, **of_a) == one(back, column, **of_b)


@functools.cache
def noisy(World: Any) -> tuple[pa.Table, Fits]:
    """Measurements with noise, and their fit."""
    table = World(GROUPS, noise=0.02).measurements
    return table, fit(table, options=LINES, suites=SUITES)


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(factor=st.floats(1e-6, 1e9))
def test_the_unit_of_compute_changes_no_exponent(World: Any, factor: float) -> None:
    table, before = noisy(World)
    table = changed(table, "training_flops", pc.multiply(table["training_flops"], factor))
    after = fit(table, options=LINES, suites=SUITES)
    for law, parameter in (("power", "beta"), ("relative", "delta_beta")):
        expected = slopes(before, law, parameter)
        assert slopes(after, law, parameter) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(factor=st.floats(1e-6, 1e6))
def test_the_unit_of_the_error_changes_no_exponent_and_scales_the_level(World: Any, factor: float) -> None:
    table, before = noisy(World)
    unit = pc.if_else(pc.equal(table["suite"], "s"), factor, 1.0)
    after = fit(changed(table, "value", pc.multiply(table["value"], unit)), options=LINES)
    expected = slopes(before, "power", "beta")
    assert slopes(after, "power", "beta") == pytest.approx(expected, rel=1e-8)
    levels = {g: e * factor for g, e in slopes(before, "power", "error_at_reference").items()}
    assert slopes(after, "power", "error_at_reference") == pytest.approx(levels, rel=1e-8)


@functools.cache
def two_corpora(World: Any) -> tuple[tuple[pa.Table, pa.Table], Fits]:
    """Measurements and replicates of two corpora, and their fit."""
    world = World(GROUPS, noise=0.02, replicates=5, item_noise=0.01, corpora=("text", "code"))
    tables = world.measurements, world.replicate_table
    return tables, fit(*tables, suites=SUITES)


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing_at_all(World: Any, random: Any) -> None:
    tables, expected = two_corpora(World)
    orders = [list(range(table.num_rows)) for table in tables]
    for order in orders:
        random.shuffle(order)
    shuffled = [table.take(order) for table, order in zip(tables, orders, strict=True)]
    assert fit(*shuffled, suites=SUITES) == expected


@pytest.mark.slow
def test_other_names_give_the_same_numbers(World: Any) -> None:
    renamed = {"a": "z", "b": "baseline", "c": "k"}
    before = fit(World(GROUPS).measurements, options=LINES, suites=SUITES)
    after = fit(
        World({renamed[g]: law for g, law in GROUPS.items()}).measurements,
        options=LINES,
        suites={"s": {"baseline": "baseline"}},
    )
    assert slopes(after) == pytest.approx({renamed[g]: v for g, v in slopes(before).items()}, abs=1e-12)


@pytest.mark.slow
def test_a_suite_is_fitted_the_same_alone_and_beside_others(World: Any) -> None:
    table = World(GROUPS, noise=0.02).measurements
    other = changed(table, "suite", pc.replace_substring(table["suite"], "s", "other"))
    both = pa.concat_tables([table, other.filter(pc.equal(other["suite"], "other"))])
    alone, beside = fit(table, options=LINES, suites=SUITES), fit(both, options=LINES, suites=SUITES)
    assert beside.fits.filter(pc.equal(beside.fits["suite"], "s")) == alone.fits.filter(
        pc.equal(alone.fits["suite"], "s")
    )


@pytest.mark.slow
def test_direction_comes_with_the_sign_of_delta_beta_times_log_ratio(World: Any) -> None:
    fits = fit(World(GROUPS, noise=1e-4).measurements, options=LINES, suites=SUITES)
    # a: above the baseline and falling faster; c: below it and falling faster.
    assert one(fits.fits, "interval_direction", parameter="delta_beta", group="a") == "closes"
    assert one(fits.fits, "interval_direction", parameter="delta_beta", group="c") == "widens"


@pytest.mark.slow
def test_p_values_are_adjusted_over_groups_and_corpora_of_a_metric(World: Any) -> None:
    rows = fit(
        World(GROUPS, noise=0.02, corpora=("text", "code")).measurements, options=LINES, suites=SUITES
    ).fits
    rows = rows.filter(pc.equal(rows["parameter"], "delta_beta"))
    assert rows.num_rows == 4
    for name, method in (("p_bh", "bh"), ("p_by", "by")):
        expected = scipy.stats.false_discovery_control(rows["p_value"].to_numpy(), method=method)
        assert rows[name].to_numpy() == pytest.approx(expected)


def test_run_noise_is_measured_between_seeds_and_not_between_widths(World: Any) -> None:
    fits = fit(World(GROUPS, seeds=40, noise=0.01, budgets=(1e11, 1e12, 1e13)).measurements, options=LINES)
    for row in cells(fits.frontier):
        assert row["run_sd_df"] == 5 * 39
        assert row["run_sd"] == pytest.approx(0.01 * row["loss"], rel=0.25)
    assert fit(World(GROUPS).measurements, options=LINES).frontier["run_sd"].null_count == 5


def test_one_run_a_budget_makes_each_run_a_point(World: Any) -> None:
    fits = fit(World(GROUPS, widths=1).measurements, options=LINES, suites=SUITES)
    assert fits.frontier["run"].null_count == 0
    assert slopes(fits) == pytest.approx({"a": -0.03, "c": -0.05}, abs=1e-10)
    assert "compute_optimal_tokens" not in fits.fits["law"].to_pylist()


@pytest.mark.slow
def test_a_table_of_seven_columns_is_enough(World: Any) -> None:
    table = World(GROUPS, widths=1).measurements
    few = table.select(["corpus", "run", "training_flops", "suite", "group", "metric", "value"])
    few = few.filter(pc.equal(few["suite"], "s"))
    assert slopes(fit(few, options=LINES, suites=SUITES)) == pytest.approx(
        {"a": -0.03, "c": -0.05}, abs=1e-10
    )


@pytest.mark.slow
def test_accuracy_is_fitted_as_the_error_rate_that_it_is(World: Any) -> None:
    world = World(
        {g: (level / 4, beta, shift) for g, (level, beta, shift) in GROUPS.items()}, metric="error_rate"
    )
    rates = fit(world.measurements, options=LINES, suites=SUITES)
    table = world.measurements
    accuracy = pc.if_else(pc.equal(table["suite"], "s"), pc.subtract(1.0, table["value"]), table["value"])
    table = changed(table, "value", accuracy)
    table = changed(table, "metric", pc.replace_substring(table["metric"], "error_rate", "accuracy"))
    assert slopes(fit(table, options=LINES, suites=SUITES)) == pytest.approx(slopes(rates), abs=1e-10)


def with_accuracy(table: pa.Table, noise: float) -> pa.Table:
    """With a sigmoid of the loss as accuracy, whose ceiling of 0.85 the losses hardly reach, and noise."""
    scores = table.filter(pc.equal(table["suite"], "s"))
    share = 0.25 + 0.6 / (1 + np.exp(5 * (scores["value"].to_numpy() - 1.4)))
    share += noise * np.random.default_rng(0).standard_normal(len(share))
    accuracy = changed(scores, "value", pa.array(share))
    return pa.concat_tables([table, changed(accuracy, "metric", pa.array(["accuracy"] * scores.num_rows))])


@pytest.mark.slow
def test_limits_of_a_sigmoid_are_where_its_best_fit_is_worse_by_what_t_allows(World: Any) -> None:
    table = with_accuracy(World({"a": (1.5, 0.1, 0.0)}).measurements, 0.01)
    fits = fit(table, options=LINES, suites={"s": {"chance": 0.25}})
    scores = {
        metric: table.filter(pc.and_(pc.equal(table["suite"], "s"), pc.equal(table["metric"], metric)))[
            "value"
        ]
        for metric in ("accuracy", "bits_per_byte_answer_mean")
    }
    accuracy, loss = (of.to_numpy() for of in scores.values())

    def away(free: Any, ceiling: float) -> Any:
        return 0.25 + (ceiling - 0.25) / (1 + np.exp(free[1] * (loss - free[0]))) - accuracy

    def squares(ceiling: float) -> float:
        return float(2 * least_squares(away, [1.4, 5.0], args=(ceiling,), x_scale=[0.1, 1.0]).cost)

    least = squares(one(fits.fits, law="sigmoid", parameter="ceiling"))
    df = len(loss) - 3
    for side in ("low", "high"):
        limit = one(fits.fits, side, law="sigmoid", parameter="ceiling")
        tau = np.sqrt((squares(limit) / least - 1) * df)
        assert limit == 1 or tau == pytest.approx(student.ppf(0.975, df), rel=0.021)


@pytest.mark.slow
def test_a_sigmoid_through_checkpoints_of_one_training_has_no_limits(World: Any) -> None:
    table = with_accuracy(World({"a": (1.5, 0.1, 0.0)}).measurements, 0.01)
    names = {run: f"training {i % 4}" for i, run in enumerate(sorted(set(table["run"].to_pylist())))}
    blocks = pa.array([names[run] for run in table["run"].to_pylist()])
    shared = fit(changed(table, "block", blocks), options=LINES, suites={"s": {"chance": 0.25}}).fits
    assert one(shared, law="sigmoid", parameter="ceiling") > 0.25
    assert one(shared, "low", law="sigmoid", parameter="ceiling") is None
    assert "not independent" in one(shared, "note", law="sigmoid", parameter="ceiling")


def test_accuracy_that_is_a_sigmoid_of_loss_is_recovered(World: Any) -> None:
    table = World({"a": (1.5, 0.1, 0.0)}).measurements
    scores = table.filter(pc.equal(table["suite"], "s"))
    share = 0.25 + 0.6 / (1 + np.exp(5 * (scores["value"].to_numpy() - 1.6)))
    accuracy = changed(scores, "value", pa.array(share))
    accuracy = changed(accuracy, "metric", pa.array(["accuracy"] * scores.num_rows))
    fits = fit(pa.concat_tables([table, accuracy]), options=LINES, suites={"s": {"chance": 0.25}})
    found = {p: one(fits.fits, law="sigmoid", parameter=p) for p in ("floor", "ceiling", "midpoint", "slope")}
    assert found == pytest.approx({"floor": 0.25, "ceiling": 0.85, "midpoint": 1.6, "slope": 5}, rel=1e-4)
    assert one(fits.fits, "predictor", law="sigmoid", parameter="slope") == "bits_per_byte_answer_mean"
    assert one(fits.fits, "corpus", law="sigmoid", parameter="slope") == "text"


def test_accuracy_is_predicted_from_bits_per_byte_that_weigh_subjects_alike(World: Any) -> None:
    table = World({"a": (1.5, 0.1, 0.0)}, metric="bits_per_byte_answer_mean_macro").measurements
    scores = table.filter(pc.equal(table["suite"], "s"))
    micro = changed(scores, "metric", pa.array(["bits_per_byte_answer_mean_micro"] * scores.num_rows))
    other = changed(scores, "metric", pa.array(["bits_per_byte_other_mean_macro"] * scores.num_rows))
    accuracy = changed(scores, "metric", pa.array(["accuracy_macro"] * scores.num_rows))
    accuracy = changed(accuracy, "value", pc.subtract(1.0, pc.multiply(0.3, scores["value"])))
    fits = fit(
        pa.concat_tables([table, micro, other, accuracy]), options=LINES, suites={"s": {"chance": 0.25}}
    )
    sigmoids = fits.fits.filter(pc.equal(fits.fits["law"], "sigmoid"))
    assert set(sigmoids["predictor"].to_pylist()) == {"bits_per_byte_answer_mean_macro"}


@pytest.mark.slow
def test_more_than_laws_is_asked_of_the_metric_that_a_suite_is_shown_by_or_of_those_named(World: Any) -> None:
    table = World(GROUPS, noise=0.01).measurements
    scores = table.filter(pc.equal(table["suite"], "s"))
    brier = changed(scores, "metric", pa.array(["brier"] * scores.num_rows))
    both = pa.concat_tables([table, brier])
    shown = {"s": SUITES["s"] | {"metric": "brier"}}
    fits = fit(both, suites=shown)
    assert set(fits.errors["metric"].to_pylist()) >= {"brier", "bits_per_byte_answer_mean"}
    of_suite = fits.influence.filter(pc.equal(fits.influence["suite"], "s"))
    assert set(of_suite["metric"].to_pylist()) == {"brier"}
    named = {"metrics": {"s": ["brier", "bits_per_byte_answer_mean"]}}
    influence = fit(both, options=named, suites=shown).influence
    assert set(influence["metric"].to_pylist()) >= {"brier", "bits_per_byte_answer_mean"}


def test_forecasts_and_the_comparison_of_forms_are_computed_when_first_read(
    World: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[fit.__module__]

    called = []
    monkeypatch.setattr(module, "forecast_rows", lambda *_: (called.append(1), ([], list))[1])
    fits = fit(noisy(World)[0], options=LINES, suites=SUITES)
    assert fits.verdicts.num_rows
    assert not called
    assert fits.forecasts.num_rows == fits.backtests.num_rows == 0
    once = len(called)
    assert once
    assert fits.with_table("frontier", fits.frontier).backtests.num_rows == 0
    assert len(called) == once


def test_an_option_of_an_analysis_is_refused_before_its_table_is_read(World: Any) -> None:
    with pytest.raises(RelscaleError, match="hold_out"):
        fit(noisy(World)[0], suites=SUITES, options=LINES | {"hold_out": 0.5})


@pytest.mark.slow
def test_replicates_may_be_read_in_batches(World: Any, tmp_path: Any) -> None:
    world = World(GROUPS, noise=0.01, replicates=5, item_noise=0.01)
    pq.write_table(world.replicate_table, tmp_path / "replicates.parquet", row_group_size=7)
    batches = open_table(tmp_path / "replicates.parquet")
    whole = fit(world.measurements, world.replicate_table, options=LINES, suites=SUITES)
    assert fit(world.measurements, batches, options=LINES, suites=SUITES) == whole


@pytest.mark.slow
def test_what_is_written_is_read_back(World: Any, tmp_path: Any) -> None:
    fits = fit(
        World(GROUPS, noise=0.01, replicates=5, item_noise=0.01).measurements, options=LINES, suites=SUITES
    )
    write(fits, tmp_path / "fits")
    assert {p.stem for p in (tmp_path / "fits").iterdir()} == set(ROWS)
    assert read(tmp_path / "fits") == fits


def test_nothing_is_computed_for_a_copy() -> None:
    def fail() -> list[ParameterRow]:
        raise AssertionError("computed")

    copy(from_rows({"fits": fail}))


def test_a_fit_can_be_sent_to_another_process() -> None:
    fits = from_rows({"fits": lambda: [ParameterRow(law="power", value=0.1, status=Status.OK)]})
    sent = pickle.loads(pickle.dumps(fits))
    assert sent == fits
    assert sent.fits["value"].to_pylist() == [0.1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_tables_of_another_version_are_refused_in_one_sentence(name: str, tmp_path: Any) -> None:
    write(from_rows({}), tmp_path / "fits")
    path = tmp_path / "fits" / f"{name}.parquet"
    *kept, last = names_of(ROWS[name])
    write_table(read_table(path).select(kept), path)
    with pytest.raises(
        RelscaleError, match=f"{name}.parquet: lacks the column {last}, .* another version"
    ) as error:
        read(tmp_path / "fits")
    assert_one_sentence(error.value)
