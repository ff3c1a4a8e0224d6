from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_cells import as_cells, cells

from relscale.fitting.analyses import specification
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.polynomial import minimum
from relscale.fitting.curves.run_matrix import RunMatrix, Series, run_matrices
from relscale.fitting.fit import fit
from relscale.fitting.inference import law_rows as law_rows_module
from relscale.fitting.settings import Settings
from relscale.laws import relative
from relscale.storage.tables import read_table


def specification_rows(matrix: RunMatrix, settings: Settings) -> list[dict[str, Any]]:
    return cells(specification.rows(frontier_curves(matrix, settings), settings))


law_rows = as_cells(law_rows_module.law_rows)

OLMO = Path(__file__).parents[2] / "reference" / "olmo_ladder_mmlu.csv"
CHOSEN = Settings(baselines={"s": "b"})
CHOICES = ("frontier", "flops", "degree", "window", "bytes", "pooling", "subjects", "form")


def matrix(
    errors: dict[str, Any], flops: Any, metrics: tuple[str, ...] = ("loss",), **changes: Any
) -> RunMatrix:
    """Every run a point; each group's error is one column for each metric."""
    r = len(flops)
    names = [Series("s", None, metric, group) for metric in metrics for group in errors]
    values = np.stack([np.asarray(errors[name.group], dtype=float) for name in names], axis=1)
    nan = np.full(r, np.nan)
    whole = RunMatrix(
        experiment="e",
        corpus="c",
        optimizer=None,
        run=[f"run {i}" for i in range(r)],
        block=[None] * r,
        status=["ok"] * r,
        budget=nan,
        training_flops=np.asarray(flops, dtype=float),
        params=nan,
        tokens=nan,
        loss=nan,
        series=names,
        values=values,
        replicates=np.empty((*values.shape, 0)),
    )
    return replace(whole, **changes)


def where(rows: list[dict[str, Any]], **choices: Any) -> list[dict[str, Any]]:
    return [row for row in rows if all(row[name] == value for name, value in choices.items())]


FLOPS = np.geomspace(1e18, 1e21, 15)
F = FLOPS / np.sqrt(1e18 * 1e21)
BASELINE = 2.0 * F**-0.05


def test_the_chosen_specification_is_the_default_analysis(World: Any) -> None:
    world = World({"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0)}, noise=0.01, widths=6, seeds=2)
    (one,) = run_matrices(world.measurements)
    rows = specification_rows(one, CHOSEN)
    (chosen,) = where(rows, default=True)
    assert [chosen[name] for name in CHOICES] == [
        "parabola",
        "training_flops",
        2,
        "all",
        "answer",
        "mean",
        None,
        "ratio",
    ]
    fitted = law_rows(relative.LINE, frontier_curves(one, CHOSEN).ratios, CHOSEN)
    (default,) = [row for row in fitted if row["parameter"] == "delta_beta"]
    for name in ("value", "low", "high", "p_value", "n"):
        assert chosen[name] == pytest.approx(default[name], rel=1e-9), name
    for name in ("status", "group", "baseline", "contrast", "corpus", "metric"):
        assert chosen[name] == default[name], name


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["b", "mean"])
def test_the_question_is_the_verdicts(World: Any, baseline: str) -> None:
    """With resampled items the default specification has the interval and the verdict of the table verdicts."""
    groups = {"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0), "c": (1.7, 0.05, 0.0)}
    world = World(groups, noise=0.001, widths=6, replicates=30, item_noise=0.05)
    options = {"baselines": {"s": baseline}, "specifications": ["s"], "bootstrap": 0}
    fits = fit(world.measurements, world.replicate_table, options)
    verdicts = {row["group"]: row for row in fits.verdicts.to_pylist()}
    chosen = [row for row in fits.specifications.to_pylist() if row["default"]]
    assert {row["group"] for row in chosen} == set(verdicts) == set(groups) - {baseline}
    for row in chosen:
        said = verdicts[row["group"]]
        assert row["estimand"] == said["estimand"] == "item population"
        assert [row[name] for name in ("value", "low", "high", "p_value", "p_bh")] == pytest.approx(
            [said[name] for name in ("delta_beta", "low", "high", "p_value", "p_bh")]
        )
        assert row["verdict"] == said["verdict"]
    whole = fits.influence.to_pylist()
    assert {row["estimand"] for row in whole if row["baseline"]} == {"item population"}


def test_a_difference_is_as_unsure_of_new_items_as_the_ratio_is() -> None:
    """Without noise of runs all that is unsure are the items, whose draws tilt ln G by a known amount."""
    gap, rng = 0.5 * F**-0.3, np.random.default_rng(4)
    of_items = 0.001 * rng.normal(size=200) * np.log(F)[:, None]
    one = matrix({"t": BASELINE + gap, "b": BASELINE}, FLOPS)
    draws = one.values[..., None] * np.stack([np.exp(of_items), np.ones_like(of_items)], axis=1)
    rows = specification_rows(replace(one, replicates=draws), CHOSEN)
    (difference,) = where(rows, form="difference")
    assert difference["estimand"] == "item population"
    half = 1.96 * np.std(of_items[-1] / np.log(F[-1]), ddof=1)
    assert (difference["high"] - difference["low"]) / 2 == pytest.approx(half, rel=0.02)


def test_every_defensible_combination_is_there_once_and_numbered_by_its_value(World: Any) -> None:
    world = World({"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0)}, noise=0.01, widths=6)
    rows = specification_rows(run_matrices(world.measurements)[0], CHOSEN)
    choices = [tuple(row[name] for name in CHOICES) for row in rows]
    assert len(set(choices)) == len(rows) == (3 + 1) * 3  # ways to read and all runs, forms
    assert {row["window"] for row in where(rows, degree=3)} == {"all"}
    assert [row["specification"] for row in rows] == list(range(1, len(rows) + 1))
    values = [row["value"] for row in rows]
    assert values == sorted(values)


def test_where_nothing_bends_every_specification_finds_the_same(World: Any) -> None:
    """Exact parabolas with a common optimum and power laws: Δβ = β_b − β_t however it is looked at."""
    world = World({"a": (2.0, 0.10, 0.0), "b": (1.5, 0.04, 0.0)}, widths=6)
    rows = specification_rows(run_matrices(world.measurements)[0], CHOSEN)
    for row in where(rows, form="ratio") + [
        r for r in where(rows, form="reducible") if np.isfinite(r["value"])
    ]:
        assert row["value"] == pytest.approx(-0.06, abs=1e-4), row
    assert len({row["frontier"] for row in where(rows, form="ratio")}) == 2


def test_a_difference_of_power_laws_implies_the_slope_of_the_ratio_at_the_reference() -> None:
    for sign in (1, -1):
        gap = sign * 0.5 * F**-0.3
        (row,) = where(
            specification_rows(matrix({"t": BASELINE + gap, "b": BASELINE}, FLOPS), CHOSEN), form="difference"
        )
        step = np.array([-1e-5, 1e-5])
        g = 1 + sign * 0.5 * np.exp(-0.3 * step) / (2.0 * np.exp(-0.05 * step))
        assert row["value"] == pytest.approx(np.diff(np.log(g))[0] / 2e-5, rel=1e-6)
        assert (row["verdict"], row["reason"], row["n"]) == ("closes", "ok", 15)


@pytest.mark.slow
def test_the_interval_of_a_difference_covers_at_the_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    names = [f"t{j}" for j in range(600)]
    noisy = {name: BASELINE + 0.5 * F**-0.3 * np.exp(0.1 * rng.normal(size=15)) for name in names}
    rows = where(specification_rows(matrix(noisy | {"b": BASELINE}, FLOPS), CHOSEN), form="difference")
    r = 0.25
    truth = r / (1 + r) * (-0.3 + 0.05)
    covered = np.mean([row["low"] < truth < row["high"] for row in rows])
    assert covered == pytest.approx(0.95, abs=0.03)


def test_reducible_errors_give_the_difference_of_their_exponents() -> None:
    errors = {"t": 1.2 + 1.5 * F**-0.30, "b": 0.5 + 1.0 * F**-0.20}
    (row,) = where(specification_rows(matrix(errors, FLOPS), CHOSEN), form="reducible")
    assert row["value"] == pytest.approx(-0.10, abs=1e-4)
    assert np.isnan(row["low"])
    assert row["reason"] == "no interval: the uncertainty of the irreducible errors is unknown"


def test_an_irreducible_error_that_the_data_do_not_fix_is_reported() -> None:
    """Plain power laws with noise: whatever bend is found is chance."""
    rng = np.random.default_rng(3)
    wavering = {f"t{j}": F**-0.05 * np.exp(0.03 * rng.normal(size=15)) for j in range(20)}
    sure = {"b": 0.5 + F**-0.30}
    statuses = [
        row["reason"]
        for row in where(specification_rows(matrix(wavering | sure, FLOPS), CHOSEN), form="reducible")
    ]
    assert sum(status.startswith("irreducible error: ") for status in statuses) >= 15
    assert "irreducible error: its standard error exceeds the reducible error" in statuses


def test_a_convention_that_grows_otherwise_stretches_the_axis() -> None:
    """Where 6ND ∝ F^p, a slope per 6ND is the slope per FLOP over p."""
    tokens = np.full(15, 1e9)
    one = matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS, tokens=tokens, params=FLOPS**1.1 / tokens)
    rows = where(specification_rows(one, CHOSEN), form="ratio")
    exact, six_nd = (where(rows, flops=flops)[0]["value"] for flops in ("training_flops", "6ND"))
    assert exact == pytest.approx(-0.15)
    assert six_nd == pytest.approx(-0.15 / 1.1)


def test_a_constant_factor_between_conventions_is_no_choice() -> None:
    one = matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS, tokens=FLOPS / 7e9, params=np.full(15, 1e9))
    assert {row["flops"] for row in specification_rows(one, CHOSEN)} == {"training_flops"}


def test_target_and_baseline_exchanged_change_the_sign() -> None:
    rng = np.random.default_rng(1)
    errors = {"t": 3 * F**-0.2 * np.exp(0.02 * rng.normal(size=15)), "b": BASELINE}
    rows = where(specification_rows(matrix(errors, FLOPS), CHOSEN), form="ratio")
    swapped = where(specification_rows(matrix(errors, FLOPS), Settings(baselines={"s": "t"})), form="ratio")
    assert [rows[0]["value"], rows[0]["low"]] == pytest.approx([-swapped[0]["value"], -swapped[0]["high"]])
    assert rows[0]["verdict"] == swapped[0]["verdict"]


def test_the_prompt_is_a_choice_and_the_one_that_a_suite_is_shown_by_is_the_default() -> None:
    one = matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS, ("loss", "loss "))
    series = [
        series._replace(prompt="cloze" if series.metric == "loss" else "letters", metric="loss")
        for series in one.series
    ]
    rows = specification_rows(
        replace(one, series=series), CHOSEN.model_copy(update={"shown_prompt": {"s": "letters"}})
    )
    assert {row["prompt"] for row in rows} == {"cloze", "letters"}
    assert {row["prompt"] for row in where(rows, default=True)} == {"letters"}
    assert sorted(row["specification"] for row in rows) == list(range(1, len(rows) + 1))


def test_metrics_that_measure_something_else_are_no_choice() -> None:
    metrics = ("brier", "bits_per_byte_scored_pooled", "bits_per_byte_answer_mean", "error_rate")
    rows = specification_rows(matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS, metrics), CHOSEN)
    assert {row["metric"] for row in rows} == {"bits_per_byte_scored_pooled", "bits_per_byte_answer_mean"}
    assert {row["metric"] for row in where(rows, default=True)} == {"bits_per_byte_answer_mean"}
    named = CHOSEN.model_copy(update={"metrics": {"s": ("brier",)}})
    rows = specification_rows(matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS, metrics), named)
    assert {row["metric"] for row in rows} == {"brier"}


def test_only_the_suites_that_are_requested() -> None:
    one = matrix({"t": 3 * F**-0.2, "b": BASELINE}, FLOPS)
    assert specification_rows(one, CHOSEN.model_copy(update={"specifications": ()})) == []
    assert specification_rows(one, CHOSEN.model_copy(update={"specifications": ("s",)}))
    assert specification_rows(one, Settings()) == []  # no baseline


def test_what_can_not_be_had_is_a_row_that_says_why() -> None:
    crossing = BASELINE * F**0.02
    rows = specification_rows(matrix({"t": crossing, "b": BASELINE}, FLOPS), CHOSEN)
    (row,) = where(rows, form="difference")
    assert np.isnan(row["value"])
    assert row["reason"] == "the difference changes its sign, so it has no power law"
    assert row["specification"] == len(rows)
    few = matrix({"t": crossing[:2], "b": BASELINE[:2]}, FLOPS[:2])
    assert {row["reason"] for row in where(specification_rows(few, CHOSEN), form="ratio")} == {
        "2 points; an interval needs 3"
    }
    same = matrix({"t": crossing[:4], "b": BASELINE[:4]}, np.full(4, 1e19))
    assert {row["reason"] for row in where(specification_rows(same, CHOSEN), form="ratio")} == {
        "no spread of compute to fit a slope to"
    }
    none = matrix({"t": np.full(15, np.nan), "b": BASELINE}, FLOPS)
    assert all(np.isnan(row["value"]) for row in specification_rows(none, CHOSEN))


@pytest.mark.slow
def test_a_budget_without_a_minimum_is_left_out_and_said(World: Any) -> None:
    world = World({"a": (2.0, 0.10, 0.1), "b": (1.5, 0.04, 0.0)}, widths=6)
    (one,) = run_matrices(world.measurements)
    lost = one.budget == 1e12
    one = replace(one, loss=np.where(lost, -one.loss, one.loss), params=one.params**1.1)
    rows = specification_rows(one, CHOSEN)
    assert {row["flops"] for row in rows} == {"training_flops", "6ND"}
    assert {row["n"] for row in where(rows, frontier="parabola", form="ratio")} == {4}
    assert {row["reason"] for row in where(rows, frontier="parabola", form="ratio")} == {
        "fitted on 4 of 5 points"
    }


def test_checkpoints_of_one_training_get_the_interval_of_trainings() -> None:
    rng = np.random.default_rng(2)
    flops = np.concatenate([FLOPS * 1.05**i for i in range(8)])
    blocks = np.repeat([f"m{i}" for i in range(8)], 15).tolist()
    level = np.repeat(0.1 * rng.normal(size=8), 15)
    order = np.argsort(flops)
    target = (3 * (flops / 1e19) ** -0.1 * np.exp(level))[order]
    names = [blocks[i] for i in order]
    errors = {"t": target, "b": 2 * (flops[order] / 1e19) ** -0.05}
    shared, alone = (
        where(specification_rows(matrix(errors, flops[order], block=b), CHOSEN), form="ratio")[0]
        for b in (names, [None] * 120)
    )
    assert shared["value"] == alone["value"]
    assert shared["high"] - shared["low"] != pytest.approx(alone["high"] - alone["low"], rel=0.1)
    two = [name if name in ("m0", "m1") else "m1" for name in names]
    (row,) = where(specification_rows(matrix(errors, flops[order], block=two), CHOSEN), form="ratio")
    assert row["reason"] == "too few training runs for a reliable interval: 2"


HUNDREDTHS = st.integers(-200, 200).map(lambda n: n / 100)


@pytest.mark.slow
@settings(max_examples=60)
@given(HUNDREDTHS, HUNDREDTHS, HUNDREDTHS, HUNDREDTHS)
def test_the_minimum_of_a_cubic_is_where_its_slope_is_zero_and_rising(
    c0: float, c1: float, c2: float, c3: float
) -> None:
    x = np.linspace(-1, 1.5, 7)
    cubic = np.polynomial.Polynomial([c0, c1, c2, c3])
    at, rises = minimum(x, cubic(x), 3), cubic.deriv(2)
    if np.isfinite(at):
        assert -1 < at < 1.5
        assert cubic.deriv()(at) == pytest.approx(0, abs=1e-5)
        assert rises(at) > -1e-5
    else:
        roots = cubic.deriv().trim().roots()
        assert not any(abs(r.imag) < 1e-9 and -0.999 < r.real < 1.499 and rises(r.real) > 1e-3 for r in roots)


def test_the_published_ladder_widens_however_it_is_counted() -> None:
    table = read_table(OLMO)
    table = table.rename_columns({"subgroup": "group", "bpb": "value"})
    run = [
        f"{m}-{d}" for m, d in zip(*(table[c].to_pylist() for c in ("model", "data_multiplier")), strict=True)
    ]
    words = {"run": pa.array(run), "corpus": pa.repeat("olmo", len(run)), "suite": pa.repeat("s", len(run))}
    for name, column in (words | {"metric": pa.repeat("bits_per_byte_answer_published", len(run))}).items():
        table = table.append_column(name, column)
    rows = specification_rows(run_matrices(table)[0], Settings(baselines={"s": "stem"}))
    with_interval = [row for row in rows if np.isfinite(row["low"])]
    assert len(with_interval) == 3 * 2 * 2  # groups, conventions, ratio and difference
    assert {row["verdict"] for row in with_interval} == {"widens"}
