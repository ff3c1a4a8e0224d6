from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
import scipy.stats
from row_cells import as_cells

from relscale.fitting.analyses import influence
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.inference import interval
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, choose

influence_rows = as_cells(influence.rows)

REFERENCE = Path(__file__).parents[2] / "reference"
FLOPS = np.array([1e18, 3e18, 1e19, 3e19, 1e20])
RNG = np.random.default_rng(0)


def curves(value: Any, flops: Any = FLOPS, blocks: Any = None, budgets: Any = None) -> Curves:
    """Ratios whose points are budgets, or single runs where ``blocks`` or ``budgets`` are given."""
    value = np.asarray(value, dtype=float).reshape(len(flops), -1)
    runs = blocks is not None or budgets is not None
    points = [
        Point(b, f, np.array([i]), 0, OK, run=f"run {i}" if runs else None)
        for i, (f, b) in enumerate(zip(flops, flops if budgets is None else budgets, strict=True))
    ]
    return Curves(
        quantity=RATIO,
        keys=[CurveKey(group=f"g{j}", baseline="b") for j in range(value.shape[1])],
        points=points,
        log_flops=np.log(flops),
        value=value,
        noise=np.ones_like(value),
        replicates=np.empty((*value.shape, 0)),
        status=choose(np.isfinite(value), OK, Remark(Status.TOO_FEW_RUNS)),
        blocks=blocks or [str(i) for i in range(len(flops))],
        target=value,
        baseline=np.zeros_like(value),
    )


def test_without_a_point_the_line_is_that_of_the_others() -> None:
    y = RNG.normal(size=5)
    rows = influence_rows(curves(y), Settings())
    assert [row["without"] for row in rows] == [
        "1e+18 FLOPs",
        "3e+18 FLOPs",
        "1e+19 FLOPs",
        "3e+19 FLOPs",
        "1e+20 FLOPs",
    ]
    for i, row in enumerate(rows):
        others = np.arange(5) != i
        found = scipy.stats.linregress(np.log(FLOPS[others]), y[others])
        half = scipy.stats.t.ppf(0.975, 2) * found.stderr
        assert (row["value"], row["low"], row["high"], row["p_value"]) == pytest.approx(
            (found.slope, found.slope - half, found.slope + half, found.pvalue), rel=1e-9
        )
        assert row["training_flops"] == pytest.approx(FLOPS[i])


def test_the_change_is_that_of_the_textbook() -> None:
    """Leaving out point i changes the slope by −z_i·e_i / (Sxx·(1 − h_i)), h_i = 1/n + z_i²/Sxx."""
    y, x = RNG.normal(size=5), np.log(FLOPS)
    z = x - x.mean()
    sxx = z @ z
    residual = y - y.mean() - z * (z @ y) / sxx
    expected = -z * residual / sxx / (1 - 1 / 5 - z**2 / sxx)
    assert [row["change"] for row in influence_rows(curves(y), Settings())] == pytest.approx(expected)


def test_without_the_budget_that_a_trend_rests_on_the_gap_is_not_resolved() -> None:
    """Four budgets on a flat line with some scatter, and a fifth on which the whole trend rests."""
    flops = np.array([1e18, 1.2e18, 1.5e18, 1.8e18, 1e20])
    y = 0.5 + np.array([0.0, 0.004, -0.004, 0.002, 0.3])
    rows = influence_rows(curves(y, flops), Settings())
    assert [row["verdict"] for row in rows] == [*["widens"] * 4, "not resolved"]


def test_target_and_baseline_exchanged_change_signs_and_nothing_else() -> None:
    y = 0.3 + 0.01 * RNG.normal(size=(5, 4)) + 0.02 * np.log(FLOPS / 1e19)[:, None]
    rows, swapped = (influence_rows(curves(s * y), Settings()) for s in (1, -1))
    for one, other in zip(rows, swapped, strict=True):
        assert [one["value"], one["low"], one["change"]] == pytest.approx(
            [-other["value"], -other["high"], -other["change"]]
        )
        same = "without", "verdict", "p_value", "status"
        assert [one[name] for name in same] == pytest.approx([other[name] for name in same], nan_ok=True)


def test_the_unit_of_compute_does_not_matter() -> None:
    y = 0.1 * RNG.normal(size=(5, 2))
    for one, other in zip(
        influence_rows(curves(y), Settings()), influence_rows(curves(y, FLOPS * 3), Settings()), strict=True
    ):
        assert one["value"] == pytest.approx(other["value"])
        assert one["verdict"] == other["verdict"]


def test_where_checkpoints_share_a_training_it_is_left_out_as_a_whole() -> None:
    flops = np.tile(FLOPS, 6) * np.repeat(1.01 ** np.arange(6), 5)
    blocks = [f"training {i // 5}" for i in range(30)]
    y = RNG.normal(size=30)
    rows = influence_rows(curves(y, flops, blocks), Settings())
    assert [row["without"] for row in rows] == sorted(set(blocks))
    others = np.arange(30) >= 5
    assert rows[0]["value"] == pytest.approx(scipy.stats.linregress(np.log(flops)[others], y[others]).slope)
    plain = influence_rows(replace(curves(y, flops, blocks), blocks=[str(i) for i in range(30)]), Settings())
    assert len(plain) == 30


def test_runs_of_one_budget_are_left_out_together() -> None:
    budgets, flops = np.repeat(FLOPS, 2), np.repeat(FLOPS, 2) * np.tile([1, 1.01], 5)
    rows = influence_rows(curves(RNG.normal(size=10), flops, budgets=budgets), Settings())
    assert [row["without"] for row in rows] == [f"{budget:g} FLOPs" for budget in FLOPS]


def with_items(one: Curves, draws: int = 50) -> Curves:
    """The same curves, whose slopes differ from one set of items to the next, and whose points do a little too."""
    rng = np.random.default_rng(1)
    z = (one.log_flops - one.log_flops.mean())[:, None, None]
    shape = (*one.value.shape[1:], draws)
    of_items = 0.05 * rng.normal(size=shape) + 0.02 * z * rng.normal(size=shape)
    return replace(
        one, replicates=one.value[..., None] + of_items + 0.005 * rng.normal(size=(len(z), *shape))
    )


@pytest.mark.parametrize("blocks", [None, [f"training {i // 4}" for i in range(28)]])
def test_without_a_unit_the_interval_is_for_the_population_that_the_verdict_is_about(blocks: Any) -> None:
    flops = FLOPS if blocks is None else np.tile(FLOPS[:4], 7) * np.repeat(1.01 ** np.arange(7), 4)
    y = 0.02 * np.log(flops / 1e19)[:, None] + 0.002 * RNG.normal(size=(len(flops), 2))
    y[0, 1] = np.nan
    one = with_items(curves(y, flops, blocks))
    rows = influence_rows(one, Settings())
    assert {row["estimand"] for row in rows} == {Estimand.ITEM_POPULATION}
    for row in (row for row in rows if np.isfinite(row.get("value") or np.nan)):
        j = int(row["group"][1])
        kept = np.array([unit != row["without"] for unit in influence.units_of(one)]) & np.isfinite(
            one.value[:, j]
        )
        names = None if blocks is None else [b for b, k in zip(blocks, kept, strict=True) if k]
        x, y, draws = one.log_flops[kept], one.value[kept, j], one.replicates[kept, j]
        estimate = lines(x, y, blocks=names)
        items = interval.item_lines(x, y, draws, estimate, names)
        found = interval.slope(estimate, 0.95, items)
        # The interaction of checkpoints with items is that of all points, which is a small part here.
        assert (row["low"], row["high"]) == pytest.approx(
            (found.low, found.high), rel=1e-9 if blocks is None else 0.05
        )
        alone = interval.slope(estimate, 0.95)
        assert row["high"] - row["low"] > 2 * (alone.high - alone.low)


def test_a_gap_that_these_items_alone_show_is_not_resolved_without_any_budget() -> None:
    y = 0.02 * np.log(FLOPS / 1e17)[:, None] + 1e-4 * RNG.normal(size=(5, 1))
    assert {row["verdict"] for row in influence_rows(curves(y), Settings())} == {"widens"}
    for_new_items = influence_rows(with_items(curves(y)), Settings())
    assert {row["verdict"] for row in for_new_items} == {"not resolved"}


def test_what_was_not_part_of_a_fit_or_leaves_too_little_is_reported() -> None:
    y = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, np.nan], [0.5, 0.4], [0.4, np.nan]])
    rows = influence_rows(curves(y), Settings())
    of_second = [row for row in rows if row["group"] == "g1"]
    assert [row["reason"] for row in of_second] == [
        *["2 points; an interval needs 3"] * 2,
        "not part of the fit: too few runs",
        "2 points; an interval needs 3",
        "not part of the fit: too few runs",
    ]
    assert all(row.get("carries") is None for row in of_second)
    assert all(row["reason"] == "ok" for row in rows if row["group"] == "g0")


def test_of_an_error_it_is_beta_and_whether_it_is_clear(World: Any) -> None:
    world = World({"a": (2.0, 0.10, 0.1)}, noise=0.002)
    errors = frontier_curves(run_matrices(world.measurements)[0], Settings()).errors
    rows = [row for row in influence_rows(errors, Settings()) if row["group"] == "a"]
    assert errors.quantity == ERROR
    assert {row["parameter"] for row in rows} == {"beta"}
    assert np.array([row["value"] for row in rows]) == pytest.approx(0.1, abs=0.01)
    assert all(row["low"] < row["value"] < row["high"] for row in rows)
    assert not any(row["carries"] for row in rows)


def test_no_single_budget_carries_the_fall_of_the_published_losses() -> None:
    table = pyarrow.csv.read_csv(REFERENCE / "isoflop_suite.csv")
    table = table.rename_columns({"paloma_macro_loss": "value"})
    for name, word in (("suite", "validation"), ("group", "all"), ("metric", "nats_per_token")):
        table = table.append_column(name, pyarrow.array([word] * table.num_rows))
    for matrix in run_matrices(table):
        rows = influence_rows(frontier_curves(matrix, Settings()).errors, Settings())
        assert len(rows) == 7
        assert not any(row["carries"] for row in rows)
        assert max(abs(row["change"]) for row in rows) < 0.05 * rows[0]["value"]
