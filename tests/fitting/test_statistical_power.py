from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from row_cells import as_cells
from scipy.special import ndtr, ndtri
from scipy.stats import nct
from scipy.stats import t as student

from relscale.fitting.analyses import statistical_power
from relscale.fitting.analyses.statistical_power import BUDGETS, TIMES, TIMES_ITEMS
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.inference.interval import item_lines, slope
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK

power_rows = as_cells(statistical_power.rows)

FLOPS = np.array([1e18, 3e18, 1e19, 3e19, 1e20])
X = np.log(FLOPS)
SIZES = Settings(power=(0.005, 0.01, 0.02))


def curves(value: Any, replicates: Any = None, noise: Any = 1.0, blocks: Any = None, x: Any = X) -> Curves:
    value = np.asarray(value, dtype=float)
    draws = np.empty((*value.shape, 0)) if replicates is None else replicates
    return Curves(
        quantity=RATIO,
        keys=[CurveKey(group=f"g{j}") for j in range(value.shape[1])],
        points=[Point(np.exp(at), np.exp(at), np.array([i]), 0, OK) for i, at in enumerate(x)],
        log_flops=x,
        value=value,
        noise=np.broadcast_to(np.asarray(noise, dtype=float), value.shape),
        replicates=draws,
        status=np.full(value.shape, OK, dtype=object),
        blocks=blocks or [str(i) for i in range(len(x))],
        target=value,
        baseline=np.zeros_like(value),
    )


NOISY = curves(0.02 * np.random.default_rng(0).normal(size=(5, 3)))


def of(rows: list[dict[str, Any]], resource: str, group: str = "g0") -> list[dict[str, Any]]:
    return [row for row in rows if (row["resource"], row["group"]) == (resource, group)]


def closed_form(effect: float, stderr: float, df: float) -> float:
    """Power of a t test on the side of the effect."""
    return float(nct.sf(student.ppf(0.975, df), df, effect / stderr))


def check(row: dict[str, Any], expected: float) -> None:
    assert abs(row["power"] - expected) < 4.5 * row["stderr"] + 1e-9, (row, expected)


def test_power_of_budgets_is_that_of_the_noncentral_t() -> None:
    rows = power_rows(NOISY, SIZES)
    for j, scatter in enumerate(np.sqrt(lines(X, NOISY.value).variance)):
        found = of(rows, "budgets", f"g{j}")
        assert [row["count"] for row in found] == [*BUDGETS] * 3
        for row in found:
            n = int(row["count"])
            at = np.linspace(X[0], X[-1], n)
            stderr = scatter / np.sqrt(((at - at.mean()) ** 2).sum())
            check(row, closed_form(row["delta_beta"], stderr, n - 2))


def test_power_of_more_runs_is_that_of_the_noncentral_t() -> None:
    rows = power_rows(NOISY, SIZES)
    for j, stderr in enumerate(slope(lines(X, NOISY.value), 0.95).stderr):
        for row in of(rows, "runs", f"g{j}"):
            check(row, closed_form(row["delta_beta"], stderr / np.sqrt(row["count"]), 3))


def test_power_of_unequal_runs_is_that_of_a_simulation_by_hand() -> None:
    """Scatter of one run σ, a third of its variance where a budget has three."""
    h = np.array([1.0, 1 / 3, 1, 1, 1])[:, None]
    value = NOISY.value[:, :1]
    estimate = lines(X, value, h)
    rng = np.random.default_rng(5)
    unit = np.sqrt(h) * rng.normal(size=(5, 20_000))
    sigma = np.sqrt(estimate.variance[0] / lines(X, unit).variance.mean())
    simulated = lines(X, sigma * unit + 0.02 * X[:, None], np.broadcast_to(h, unit.shape))
    share = (slope(simulated, 0.95).low > 0).mean()
    row = of(power_rows(curves(value, noise=h), Settings(power=(0.02,))), "runs")[0]
    assert row["power"] == pytest.approx(share, abs=0.04)


def test_power_of_items_without_run_noise_is_that_of_a_normal_test() -> None:
    """Points exactly on a line, item slopes that scatter: V = σ_b²/(Jm), known."""
    rng = np.random.default_rng(1)
    slopes = 0.01 * rng.normal(size=400)
    value = (0.3 + 0.01 * (X - X.mean()))[:, None]
    replicates = value[..., None] + (X - X.mean())[:, None, None] * slopes
    rows = of(power_rows(curves(value, replicates), SIZES), "items")
    assert [row["count"] for row in rows] == [*TIMES_ITEMS] * 3
    for row in rows:
        stderr = slopes.std(ddof=1) / np.sqrt(row["count"])
        check(row, ndtr(row["delta_beta"] / stderr - ndtri(0.975)))


@pytest.mark.slow
def test_power_of_items_with_both_noises_is_that_of_a_simulation_by_hand() -> None:
    """Runs, item slopes and interaction: the intervals of simulated experiments, resampled as experiments are."""
    rng = np.random.default_rng(2)
    z = (X - X.mean())[:, None, None]
    of_slopes, both = 0.004, 0.008
    replicates = z * of_slopes * rng.normal(size=(1, 1, 8000)) + both * rng.normal(size=(5, 1, 8000))
    value = 0.02 * np.array([[1.0], [-1], [0], [1], [-1]])
    at_hand = curves(value, value[..., None] + replicates)
    estimate = lines(X, value)
    interaction = item_lines(X, value, at_hand.replicates, estimate).interaction
    of_runs = np.sqrt(estimate.variance[0] - interaction[0])

    experiments = 4000
    y = 0.02 * z + z * of_slopes * rng.normal(size=experiments)
    y = (y + np.hypot(of_runs, both) * rng.normal(size=(5, 1, experiments)))[:, 0]
    draws = z * of_slopes * rng.normal(size=(experiments, 150)) + both * rng.normal(
        size=(5, experiments, 150)
    )
    simulated = lines(X, y)
    limits = slope(simulated, 0.95, item_lines(X, y, y[..., None] + draws, simulated))
    row = next(row for row in of(power_rows(at_hand, Settings(power=(0.02,))), "items") if row["count"] == 1)
    assert row["power"] == pytest.approx((limits.low > 0).mean(), abs=0.05)


def test_more_items_than_needed_leave_the_noise_of_runs() -> None:
    rng = np.random.default_rng(3)
    draws = NOISY.value[..., None] + 1e-9 * rng.normal(size=(5, 3, 50))
    rows = power_rows(replace(NOISY, replicates=draws), SIZES)
    today = {row["delta_beta"]: row["power"] for row in of(rows, "runs") if row["count"] == 1}
    for row in of(rows, "items"):
        assert row["power"] == pytest.approx(today[row["delta_beta"]], abs=0.05)


def test_where_trainings_are_shared_power_is_that_of_their_number() -> None:
    rng = np.random.default_rng(4)
    x = np.tile(X, 8) + np.repeat(rng.normal(size=8), 5)
    blocks = [f"training {i // 5}" for i in range(40)]
    shared = curves(0.05 * rng.normal(size=(40, 2)), blocks=blocks, x=x)
    rows = power_rows(shared, SIZES)
    stderr = slope(lines(x, shared.value, blocks=blocks), 0.95).stderr
    for j in range(2):
        for row in of(rows, "runs", f"g{j}"):
            check(
                row, closed_form(row["delta_beta"], stderr[j] / np.sqrt(row["count"]), 8 * row["count"] - 1)
            )
            assert row["reason"] == "assuming that training runs are independent draws of the slope"
        for resource in ("budgets", "items"):
            assert all(row["power"] is None and row["reason"] != "ok" for row in of(rows, resource, f"g{j}"))


def test_limits_are_the_powers_under_the_limits_of_the_noise_and_cover_the_true_one() -> None:
    """Of 300 experiments with noise σ the power under σ lies within nominal 95% limits in about 95%."""
    sigma, effect = 0.02, 0.02
    noise = sigma * np.random.default_rng(6).normal(size=(5, 300))
    rows = [row for row in power_rows(curves(noise), Settings(power=(effect,))) if row["count"] == 1]
    truth = closed_form(effect, sigma / np.sqrt(((X - X.mean()) ** 2).sum()), 3)
    held = [row["power_low"] - 0.02 <= truth <= row["power_high"] + 0.02 for row in rows]
    assert len(held) == 300
    assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300) <= np.mean(held) < 1
    assert all(row["power_low"] <= row["power"] <= row["power_high"] for row in rows)


def test_enough_is_eighty_percent_and_more_is_never_less() -> None:
    rows = power_rows(NOISY, SIZES)
    assert all(row["enough"] == (row["power"] >= 0.8) for row in rows if row["power"] is not None)
    for size in SIZES.power:
        runs = [row["power"] for row in of(rows, "runs") if row["delta_beta"] == size]
        assert len(runs) == len(TIMES)
        assert runs == sorted(runs)
    for one, two in zip(SIZES.power, SIZES.power[1:], strict=False):
        small, large = ([r["power"] for r in of(rows, "budgets") if r["delta_beta"] == s] for s in (one, two))
        assert all(a <= b for a, b in zip(small, large, strict=True))


def test_no_effect_is_seen_as_often_as_the_level_says() -> None:
    for row in power_rows(NOISY, Settings(power=(1e-300,))):
        if row["power"] is not None:
            check(row, 0.025)


def test_units_and_signs_do_not_matter_and_seeds_do() -> None:
    def powers(of: Curves, seed: int = 0) -> list[float]:
        return [
            -1 if row["power"] is None else row["power"]
            for row in power_rows(of, SIZES.model_copy(update={"seed": seed}))
        ]

    known = powers(NOISY)
    assert known == powers(NOISY)
    assert known == powers(replace(NOISY, log_flops=X + np.log(3)))
    assert known == powers(replace(NOISY, value=-NOISY.value))
    assert known != powers(NOISY, seed=1)


def test_what_can_not_be_known_is_reported() -> None:
    rows = power_rows(NOISY, SIZES)
    assert {row["reason"] for row in of(rows, "items")} == {"no item replicates"}
    assert {row["reason"] for row in of(rows, "runs")} == {
        "assuming that all scatter is noise of individual runs"
    }
    lost = NOISY.value.copy()
    lost[:3, 0] = np.nan
    rows = power_rows(replace(NOISY, value=lost), SIZES)
    assert {row["reason"] for row in of(rows, "runs")} == {"only 2 points; estimating the noise needs 3"}
    assert all("power" in row for row in of(rows, "runs", "g1"))
    assert power_rows(replace(NOISY, quantity=ERROR), SIZES) == []


@pytest.mark.parametrize("slope", [0.0, 0.01])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.filterwarnings("error")
def test_points_on_a_line_have_no_noise_to_compute_power_from(slope: float, shared: bool) -> None:
    """What is left is rounding, which would detect any effect: power 1 of a demonstration without noise."""
    x = np.tile(X, 3) if shared else X
    value = slope * (x - x.mean())[:, None]
    blocks = [f"training {i // 5}" for i in range(15)] if shared else None
    same_items = np.repeat(value[..., None], 20, axis=2)
    rows = power_rows(curves(value, same_items, blocks=blocks, x=x), SIZES)
    reasons = {row["resource"]: row["reason"] for row in rows}
    no_scatter = "all points are on the line: no scatter for an interval"
    assert reasons["runs"] == no_scatter
    assert shared or reasons == dict.fromkeys(("budgets", "runs", "items"), no_scatter)
    assert all(row["power"] is None for row in rows)
