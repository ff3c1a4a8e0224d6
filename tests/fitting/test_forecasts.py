"""Forecasts in worlds whose future is known."""

import functools
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_cells import as_cells

from relscale.fitting.curves.contrasts import contrasts
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.forecasts import forecast
from relscale.fitting.forecasts.backtest import backtest
from relscale.fitting.forecasts.candidates import (
    CANDIDATES,
    ENSEMBLE,
    OF_ERRORS,
    OF_LOSSES,
    OF_VALUES,
    PERSISTENCE,
)
from relscale.fitting.forecasts.forecast_data import forecast_data
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK
from relscale.laws.catalogue import law_names
from relscale.measurements.published import published


def _both(*arguments: Any) -> tuple[list[Any], list[Any]]:
    rows, backtests = forecast.forecast_rows(*arguments)
    return rows, backtests()


forecast_rows = as_cells(_both)

REFERENCE = Path(__file__).parents[2] / "reference"
Row = dict[str, Any]

BUDGETS = 1e18 * 10 ** (np.arange(8) / 3)
BETA = np.array([0.05, 0.08, 0.06, 0.03])


def curves(
    errors: np.ndarray, flops: np.ndarray = BUDGETS, quantity: str = RATIO, **sizes: np.ndarray
) -> Curves:
    """Curves of ``errors`` (P, G); as ratios, those of groups 1, 2, … over group 0."""
    log_error = np.log(errors)
    ratio = quantity == RATIO
    target = log_error[:, 1:] if ratio else log_error
    baseline = np.broadcast_to(log_error[:, :1], target.shape) if ratio else None
    value = target - log_error[:, :1] if ratio else target
    params, tokens = sizes.get("params", np.full(len(flops), np.nan)), sizes.get("tokens", np.nan * flops)
    baseline_key = {"baseline": "g0", "contrast": "group"} if ratio else {}
    series = CurveKey(experiment="world", corpus="text", suite="s", prompt="p", metric="nats", **baseline_key)
    keys = [replace(series, group=f"g{j + ratio}") for j in range(value.shape[1])]
    return Curves(
        quantity=quantity,
        keys=keys,
        points=[
            Point(f, f, np.array([i]), 0, OK, params=n, tokens=d, run=f"run {i}", row=i)
            for i, (f, n, d) in enumerate(zip(flops, params, tokens, strict=True))
        ],
        log_flops=np.log(flops),
        value=value,
        noise=np.ones(value.shape),
        replicates=np.empty((*value.shape, 0)),
        status=np.full(value.shape, OK, dtype=object),
        blocks=[f"run {i}" for i in range(len(flops))],
        target=target,
        baseline=baseline,
    )


def power_laws(flops: np.ndarray, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    errors = np.array([2.0, 1.0, 3.0, 1.5]) * (flops[:, None] / 1e19) ** -BETA
    return errors * np.exp(noise * rng.standard_normal(errors.shape))


def at(*flops: float) -> Settings:
    return Settings(forecast=tuple({"training_flops": one} for one in flops))


def of(rows: list[Row], candidate: str, group: str = "g1") -> list[Row]:
    return [row for row in rows if row["candidate"] == candidate and row["group"] == group]


def test_a_curve_that_ends_early_is_forecast_from_its_own_end() -> None:
    errors = power_laws(BUDGETS, noise=0.01)
    errors[5:, 1] = np.nan
    rows, _ = forecast_rows(curves(errors), at(BUDGETS[6], 3e20, 3e21))
    early, full = (of(rows, ENSEMBLE, group) for group in ("g1", "g2"))
    assert [row["log_distance"] for row in early] == pytest.approx(
        np.log(np.array([BUDGETS[6], 3e20, 3e21]) / BUDGETS[4])
    )
    assert [row["log_distance"] for row in full][1:] == pytest.approx(np.log([3e20, 3e21] / BUDGETS[7]))
    assert [row["status"] for row in early] == ["ok", "ok", "extrapolated width"]
    assert full[0]["status"] == "not beyond the data"

    def width(row: Row) -> float:
        return float(np.log(row["high"] / row["low"]))

    assert np.all(np.diff([width(row) for row in early]) > 0)
    complete, _ = forecast_rows(curves(power_laws(BUDGETS, noise=0.01)), at(3e20))
    assert width(early[1]) > 1.2 * width(of(complete, ENSEMBLE, "g1")[0])


@pytest.mark.parametrize("quantity", [ERROR, RATIO])
def test_a_world_of_exact_power_laws_is_forecast_exactly_by_the_power_law(quantity: str) -> None:
    future = power_laws(np.array([1e22]))[0]
    rows, backtests = forecast_rows(curves(power_laws(BUDGETS), quantity=quantity), at(1e22))
    truth = future[1] / future[0] if quantity == RATIO else future[1]
    assert of(rows, "power law")[0]["value"] == pytest.approx(truth, rel=1e-9)
    assert max(abs(row["log_error"]) for row in of(backtests, "power law")) < 1e-9


@functools.cache
def _simulated() -> tuple[np.ndarray, np.ndarray]:
    errors, covered = [], []
    for seed in range(50):
        every = power_laws(np.append(BUDGETS, 10 * BUDGETS[-1]), noise=0.01, seed=seed)
        rows, _ = forecast_rows(curves(every[:-1]), at(10 * BUDGETS[-1]))
        truth = every[-1, 1:] / every[-1, 0]
        ensemble = [row for row in rows if row["candidate"] == ENSEMBLE]
        line = [row for row in rows if row["candidate"] == "power law"]
        errors.append([np.log(row["value"] / y) for row, y in zip(line, truth, strict=True)])
        covered.append([row["low"] <= y <= row["high"] for row, y in zip(ensemble, truth, strict=True)])
    return np.array(errors), np.array(covered).mean(axis=1)


@pytest.mark.slow
def test_noisy_power_laws_are_forecast_without_bias() -> None:
    errors, _ = _simulated()
    assert np.all(np.abs(errors.mean(axis=0)) < 4 * errors.std(axis=0) / np.sqrt(len(errors)))


@pytest.mark.slow
def test_intervals_cover_at_least_what_they_claim_of_noisy_power_laws() -> None:
    """A coverage of 75% is seen in 50 worlds: the bound is then about 0.82, and 0.04 the error of the mean."""
    _, covered = _simulated()
    assert covered.mean() > 0.95 - 3 * covered.std() / np.sqrt(len(covered))


def test_ratios_that_stay_are_carried_forward_exactly_with_next_to_no_width() -> None:
    errors = power_laws(BUDGETS)[:, :1] * np.array([1.0, 0.5, 2.0])
    rows, _ = forecast_rows(curves(errors), at(1e24))
    for group, ratio in (("g1", 0.5), ("g2", 2.0)):
        assert of(rows, PERSISTENCE, group)[0]["value"] == pytest.approx(ratio, rel=1e-12)
        ensemble = of(rows, ENSEMBLE, group)[0]
        assert ensemble["value"] == pytest.approx(ratio, rel=1e-6)
        assert ensemble["high"] / ensemble["low"] < 1.0001


@pytest.mark.slow
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), noise=st.floats(1e-3, 0.2))
def test_an_interval_is_the_wider_the_further_it_reaches(seed: int, noise: float) -> None:
    rows, _ = forecast_rows(
        curves(power_laws(BUDGETS, noise, seed)), at(*(BUDGETS[-1] * np.array([1.5, 3, 10, 100, 1e4])))
    )
    for group in ("g1", "g2", "g3"):
        width = [row["high"] / row["low"] for row in of(rows, ENSEMBLE, group)]
        assert all(a < b for a, b in pairwise(width))
        distance = [row["log_distance"] for row in of(rows, ENSEMBLE, group)]
        assert distance == pytest.approx(np.log([1.5, 3, 10, 100, 1e4]))


def _family(noise: float = 0.02, seed: int = 0, quantity: str = RATIO) -> Curves:
    """Five sizes, five token multipliers: L(N, D) with noise."""
    params, ratio = (
        grid.ravel() for grid in np.meshgrid(1e8 * 3.0 ** np.arange(5), [10, 20, 40, 100, 200], indexing="ij")
    )
    tokens = params * ratio
    order = np.argsort(params * tokens)
    params, tokens = params[order], tokens[order]
    floor = np.array([1.0, 0.8, 1.2])
    errors = floor + np.array([30, 20, 50]) * params[:, None] ** -0.25 + 300 * tokens[:, None] ** -0.3
    errors = errors * np.exp(noise * np.random.default_rng(seed).standard_normal(errors.shape))
    return curves(errors, 6 * params * tokens, quantity, params=params, tokens=tokens)


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda: curves(power_laws(BUDGETS, 0.02)), _family])
def test_nothing_that_comes_after_an_origin_changes_what_it_forecasts(make: Any) -> None:
    before = make()
    shaken = before.value.copy()
    largest = int(np.argmax(before.log_flops))
    shaken[largest] += 0.5
    after = replace(before, value=shaken, target=before.target + (shaken - before.value))
    kept = ("candidate", "origin", "origin_flops", "training_flops", "group", "predicted", "low", "high")
    one, other = (
        [tuple(row.get(name) for name in kept) for row in forecast_rows(which, at(1e24))[1]]
        for which in (before, after)
    )
    assert one == other


@pytest.mark.slow
def test_a_family_of_sizes_has_origins_by_size_and_a_frontier_has_not() -> None:
    _, of_family = forecast_rows(_family(), at(1e24))
    assert {row["origin"] for row in of_family} == {"compute", "size"}
    for row in of_family:
        if row["origin"] == "size":
            assert np.isclose(row["origin_params"], 1e8 * 3.0 ** np.arange(4)).any()
    _, of_frontier = forecast_rows(curves(power_laws(BUDGETS)), at(1e24))
    assert {row["origin"] for row in of_frontier} == {"compute"}


def test_parameters_and_tokens_of_a_target_follow_from_its_shape_or_from_the_data() -> None:
    chosen = Settings(forecast=({"training_flops": 6e22, "tokens_per_param": 100}, {"training_flops": 6e22}))
    params = np.sqrt(BUDGETS / 6 / 20)
    rows, _ = forecast_rows(curves(power_laws(BUDGETS), params=params, tokens=20 * params), chosen)
    shaped, along = of(rows, ENSEMBLE)
    assert (shaped["params"], shaped["tokens"]) == pytest.approx((1e10, 1e12))
    assert (along["params"], along["tokens"]) == pytest.approx((np.sqrt(1e22 / 20), 20 * np.sqrt(1e22 / 20)))


@pytest.mark.slow
def test_a_surface_is_forecast_better_by_l_of_n_and_d_than_by_compute_alone() -> None:
    _, backtests = forecast_rows(_family(noise=0.0), at(1e24))
    missed = {
        name: np.median([abs(row["log_error"]) for row in of(backtests, name) if row["origin"] == "size"])
        for name in ("L(N, D)", "power law", PERSISTENCE)
    }
    assert missed["L(N, D)"] < 0.5 * min(missed["power law"], missed[PERSISTENCE])


@pytest.mark.slow
def test_laws_of_compute_alone_lose_their_weight_where_tokens_per_parameter_matter() -> None:
    rows, _ = forecast_rows(_family(noise=0.001, quantity=ERROR), at(1e24))
    blind = [row["weight"] for row in of(rows, PERSISTENCE) + of(rows, "power law") + of(rows, "BNSL")]
    assert sum(blind) < 1e-3
    assert sum(row["weight"] for name in CANDIDATES for row in of(rows, name)) == pytest.approx(1)


@pytest.mark.slow
def test_weights_add_up_to_one_and_persistence_always_has_some() -> None:
    rows, _ = forecast_rows(_family(), at(1e23, 1e25))
    for group in ("g1", "g2"):
        for flops in (1e23, 1e25):
            weights = {
                row["candidate"]: row["weight"]
                for row in rows
                if row["group"] == group and row["training_flops"] == pytest.approx(flops)
            }
            assert sum(weights[name] for name in CANDIDATES) == pytest.approx(1)
            assert weights[PERSISTENCE] > 0


def test_the_true_parameters_and_tokens_of_a_target_are_taken_as_they_are() -> None:
    known = Settings(forecast=({"training_flops": 6.1e22, "params": 6.89e9, "tokens": 3.95e12},))
    params = np.sqrt(BUDGETS / 6 / 20)
    rows, _ = forecast_rows(curves(power_laws(BUDGETS), params=params, tokens=20 * params), known)
    (row,) = of(rows, ENSEMBLE)
    assert (row["params"], row["tokens"]) == pytest.approx((6.89e9, 3.95e12))


def test_tokens_of_a_target_of_known_parameters_spend_its_compute_as_the_data_do() -> None:
    """Here F = 8 N·D, so the model of 1e10 parameters has 8e23 / 8e10 tokens."""
    known = Settings(forecast=({"training_flops": 8e23, "params": 1e10},))
    params = np.sqrt(BUDGETS / 8 / 20)
    rows, _ = forecast_rows(curves(power_laws(BUDGETS), params=params, tokens=20 * params), known)
    (row,) = of(rows, ENSEMBLE)
    assert row["tokens"] == pytest.approx(1e13)


def test_a_target_that_is_not_beyond_the_data_says_so() -> None:
    rows, _ = forecast_rows(
        curves(power_laws(BUDGETS, 0.01)), at(BUDGETS[0] / 3, BUDGETS[2], BUDGETS[-1] * 3)
    )
    below, inside, beyond = of(rows, ENSEMBLE)
    assert below["status"] == inside["status"] == "not beyond the data"
    assert "backward" in below["note"]
    assert "interpolation" in inside["note"]
    assert beyond["status"] == "ok"


def test_no_interval_is_narrower_than_the_scatter_of_the_points() -> None:
    rows, _ = forecast_rows(curves(power_laws(BUDGETS, 0.01)), at(BUDGETS[-1] * 1.5))
    for row in of(rows, ENSEMBLE):
        assert np.log(row["high"] / row["low"]) > 2 * 0.003


def test_no_interval_is_narrower_than_the_noise_of_a_new_reading() -> None:
    """Points exactly on a law, whose parabolas say that a reading has a standard error of 1%."""
    seen = curves(power_laws(BUDGETS))
    noisy = replace(seen, reading=np.full(seen.value.shape, 1e-4))
    exact, wide = (forecast_rows(each, at(BUDGETS[-1] * 1.5))[0] for each in (seen, noisy))
    for row in of(wide, ENSEMBLE):
        assert np.log(row["high"] / row["low"]) > 2 * 0.01
    for row in of(exact, ENSEMBLE):
        assert np.log(row["high"] / row["low"]) < 0.001


def test_a_forecast_between_corpora_knows_the_noise_of_both_readings() -> None:
    """Seven budgets of 85 published runs; the ratio to common-pile turns back at the two largest."""
    table = published(
        REFERENCE / "isoflop_suite.csv",
        "forecasts",
        columns={"value": "paloma_macro_loss"},
        constants={"suite": "validation", "group": "all", "metric": "nats_per_token"},
    )
    frontiers = [frontier_curves(matrix, Settings()) for matrix in run_matrices(table)]
    of_corpus = {each.matrix.corpus: each.errors.reading for each in frontiers}
    ratio, other = contrasts(frontiers, "corpus", "common-pile")
    corpus = str(ratio.keys[0].corpus)
    assert ratio.reading == pytest.approx(of_corpus[corpus] + of_corpus["common-pile"])
    assert frontiers[0].ratios.reading is None
    data = forecast_data(other)
    tried = backtest(data, 0.95)
    off = np.concatenate(
        [(each.ensemble - data.value[tried.origins.targets])[:, 0] for each in tried.origin_forecasts]
    )
    half = np.concatenate([each.half[:, 0] for each in tried.origin_forecasts])
    made = np.isfinite(off) & np.isfinite(half)
    assert made.any()
    assert (abs(off) <= half)[made].all()


@pytest.mark.parametrize(
    ("budgets", "intervals"), [(1, False), (2, False), (3, False), (4, False), (5, True)]
)
def test_few_budgets_give_flagged_rows_and_no_interval_before_there_are_two_origins(
    budgets: int, intervals: bool
) -> None:
    rows, _ = forecast_rows(curves(power_laws(BUDGETS, 0.01)[:budgets], BUDGETS[:budgets]), Settings())
    ensemble = of(rows, ENSEMBLE)[0]
    assert ensemble["training_flops"] == pytest.approx(10 * BUDGETS[budgets - 1])
    assert ensemble["value"] > 0
    assert bool(np.isfinite(ensemble["low"])) is intervals
    assert ("no interval" in ensemble["reason"]) is not intervals
    missing = [row for row in rows if row["candidate"] in CANDIDATES and not np.isfinite(row["value"])]
    assert missing
    assert all(row["reason"] != "ok" for row in missing)


@pytest.mark.slow
@pytest.mark.parametrize("quantity", [RATIO, ERROR])
@pytest.mark.parametrize("known", [1, 2, 3])
def test_a_curve_of_few_points_has_no_interval_from_the_other_curves(known: int, quantity: str) -> None:
    errors = power_laws(BUDGETS, noise=0.01)
    errors[known:, 2] = np.nan
    rows, _ = forecast_rows(curves(errors, quantity=quantity), at(3e22))
    few, full = of(rows, ENSEMBLE, "g2")[0], of(rows, ENSEMBLE, "g1")[0]
    assert few["value"] > 0
    assert full["low"] < full["value"] < full["high"]
    if known == 3:
        assert few["low"] < few["value"] < few["high"]
        return
    assert few["status"] == "too few points"
    assert few["df"] is None
    assert not np.isfinite([few["low"], few["high"]]).any()
    assert few["interval_direction"] is None


def test_points_of_one_compute_are_one_point_of_a_curve() -> None:
    """Eight seeds at two computes are no trend, however many they are."""
    flops = np.sort(np.concatenate([BUDGETS, np.repeat(BUDGETS[:2], 3)]))
    errors = power_laws(flops, noise=0.01)
    errors[8:, 2] = np.nan
    rows, _ = forecast_rows(curves(errors, flops), at(3e22))
    assert of(rows, ENSEMBLE, "g2")[0]["status"] == "too few points"


def test_a_curve_without_values_is_a_flagged_row_and_the_others_are_forecast() -> None:
    world = curves(power_laws(BUDGETS, 0.01))
    value = world.value.copy()
    value[:, 1] = np.nan
    rows, _ = forecast_rows(replace(world, value=value), at(1e22))
    assert not np.isfinite(of(rows, ENSEMBLE, "g2")[0]["value"])
    assert of(rows, ENSEMBLE, "g2")[0]["reason"] != "ok"
    assert of(rows, ENSEMBLE, "g1")[0]["low"] > 0
    rows, backtests = forecast_rows(replace(world, value=np.full_like(value, np.nan)), at(1e22))
    assert len(rows) == 3
    assert all(row["reason"] != "ok" for row in rows)
    assert not backtests


def test_a_target_of_another_corpus_is_not_for_these_curves() -> None:
    chosen = Settings(
        forecast=({"training_flops": 1e22, "corpus": "other"}, {"training_flops": 1e23, "corpus": "text"})
    )
    rows, _ = forecast_rows(curves(power_laws(BUDGETS)), chosen)
    assert {row["training_flops"] for row in rows} == {np.exp(np.log(1e23))}


@pytest.mark.slow
def test_the_digest_of_the_data_changes_with_a_number_and_not_with_an_order() -> None:
    world = curves(power_laws(BUDGETS, 0.01))

    def digest(one: Curves) -> str:
        found = {row["data"] for row in forecast_rows(one, at(1e22))[0]}
        assert len(found) == 1
        return str(found.pop())

    whole = digest(world)
    assert len(whole) == 64
    rows, columns = np.arange(8)[::-1], [2, 0, 1]
    mixed = replace(
        world,
        keys=[world.keys[j] for j in columns],
        points=[world.points[i] for i in rows],
        log_flops=world.log_flops[rows],
        **{
            name: getattr(world, name)[rows][:, columns]
            for name in ("value", "noise", "replicates", "status", "target", "baseline")
        },
        blocks=[world.blocks[i] for i in rows],
    )
    assert digest(mixed) == whole
    value = world.value.copy()
    value[3, 1] = np.nextafter(value[3, 1], 1)
    assert digest(replace(world, value=value)) != whole


@pytest.mark.slow
def test_the_order_of_points_changes_no_forecast() -> None:
    world = _family()
    order = np.random.default_rng(0).permutation(25)
    mixed = replace(
        world,
        points=[world.points[i] for i in order],
        log_flops=world.log_flops[order],
        **{
            name: getattr(world, name)[order]
            for name in ("value", "noise", "replicates", "status", "target", "baseline")
        },
        blocks=[world.blocks[i] for i in order],
    )
    for one, other in zip(forecast_rows(world, at(1e24))[0], forecast_rows(mixed, at(1e24))[0], strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=1e-9, nan_ok=True)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    points=st.integers(0, 12),
    missing=st.sampled_from([0.0, 0.3, 0.8]),
    scale=st.sampled_from([1e-200, 1.0, 1e200]),
    quantity=st.sampled_from([ERROR, RATIO]),
    kind=st.sampled_from(["spread", "twice", "one compute", "constant", "unknown compute"]),
)
@pytest.mark.filterwarnings("error")
def test_whatever_the_table_there_is_a_number_with_its_reason_or_none_with_one(
    seed: int, points: int, missing: float, scale: float, quantity: str, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    flops = 10 ** np.sort(rng.uniform(15, 24, points))
    if kind == "twice":
        flops = np.sort(np.concatenate([flops[: points // 2]] * 2 + [flops[: points % 2]]))
    if kind == "one compute":
        flops = np.full(points, 1e20)
    if kind == "unknown compute" and points:
        flops[-1] = np.nan
    errors = scale * np.exp(0 if kind == "constant" else rng.standard_normal((points, 4)))
    errors = np.broadcast_to(errors, (points, 4)).copy()
    errors[rng.random((points, 4)) < missing] = np.nan
    tokens = np.exp(rng.uniform(18, 25, points))
    world = curves(errors, flops, quantity, params=flops / 6 / tokens, tokens=tokens)
    rows, backtests = forecast_rows(world, at(1e25))
    assert rows or not world.keys
    for row in rows + backtests:
        value = row.get("value", row.get("predicted"))
        assert (value is not None and np.isfinite(value) and value > 0) or row["reason"] != "ok"
        if row["low"] is not None and np.isfinite(row["low"]):
            assert row["low"] <= value <= row["high"]


def test_candidates_name_laws_of_the_catalogue() -> None:
    named = [candidate.law for candidate in (*OF_VALUES, *OF_ERRORS, *OF_LOSSES) if candidate.law]
    assert set(named) <= set(law_names())
    assert {"power", "irreducible", "parametric", "bnsl"} <= set(named)
