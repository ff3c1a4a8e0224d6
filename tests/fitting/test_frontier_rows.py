"""The frontier under resampled runs, held against the plain pipeline on the runs drawn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from row_cells import as_cells, cells

from relscale.fitting.curves.frontier import frontier
from relscale.fitting.curves.frontier_curves import frontier_curves
from relscale.fitting.curves.optimal_errors import errors
from relscale.fitting.curves.run_matrix import RunMatrix, run_matrices
from relscale.fitting.fit import fit
from relscale.fitting.inference import frontier_rows as frontier_rows_module
from relscale.fitting.inference.bootstrap.frontier import frontier_draws, optimum, reading_weights
from relscale.fitting.inference.bootstrap.schemes import weights
from relscale.fitting.settings import fit_settings
from relscale.fitting.status import OK

frontier_rows = as_cells(frontier_rows_module.frontier_rows)

GROUPS = {"a": (1.0, 0.05, 0.0), "b": (1.5, 0.08, 0.3)}
SUITES = {"s": {"baseline": "a"}}


def drawn_ladder(matrix: RunMatrix, rows: np.ndarray) -> RunMatrix:
    """A matrix of these runs, some of them twice."""
    return replace(
        matrix,
        run=[f"{matrix.run[row]} {i}" for i, row in enumerate(rows)],
        block=[None] * len(rows),
        status=[matrix.status[row] for row in rows],
        budget=matrix.budget[rows],
        training_flops=matrix.training_flops[rows],
        params=matrix.params[rows],
        tokens=matrix.tokens[rows],
        loss=matrix.loss[rows],
        values=matrix.values[rows],
        replicates=matrix.replicates[rows],
    )


def test_a_draw_is_the_pipeline_on_the_runs_drawn(World: Any) -> None:
    (matrix,) = run_matrices(World(GROUPS, noise=0.004, widths=9, seed=3).measurements)
    matrix.values[2, 1] = np.nan  # one series lacks a run
    points = frontier(matrix)
    found = frontier_draws(matrix, points, "pairs", 30, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    drawn = [weights("pairs", len(point.rows), 30, rng) for point in points]
    seen = 0
    for b in range(30):
        rows = np.concatenate(
            [np.repeat(point.rows, w[:, b].astype(int)) for point, w in zip(points, drawn, strict=True)]
        )
        again = drawn_ladder(matrix, rows)
        new = frontier(again)
        read = errors(again, new)
        for i, point in enumerate(new):
            assert np.isfinite(found.log_tokens[i, b]) == (point.status == OK)
            if point.status == OK:
                seen += 1
                assert found.log_tokens[i, b] == pytest.approx(point.log_tokens, rel=1e-9)
                assert found.value[i, :, b] == pytest.approx(read.value[i], rel=1e-7, nan_ok=True)
    assert seen > 100


def test_weights_read_a_parabola_exactly_and_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 7)
    weight, at = rng.integers(0, 3, (7, 50)).astype(float), rng.uniform(-0.3, 0.3, 50)
    found = reading_weights(x, weight, at)
    known = np.isfinite(found[0])
    assert known.sum() > 30
    assert found.sum(axis=0)[known] == pytest.approx(np.ones(known.sum()))
    assert ((2 - x + 3 * x * x) @ found)[known] == pytest.approx((2 - at + 3 * at * at)[known])


def test_draws_without_a_minimum_inside_are_failed() -> None:
    x = np.array([-1.0, 0, 1, 2])
    weight = np.array([[1.0, 2, 0, 1], [1, 0, 1, 1], [1, 0, 2, 1], [1, 2, 1, 1]])
    falling = 10 - x + 0.01 * x * x
    assert np.isnan(optimum(x, falling, weight)).all()
    convex = (x - 0.4) ** 2
    found = optimum(x, convex, weight)
    assert found[[0, 2, 3]] == pytest.approx([0.4] * 3)
    assert np.isnan(found[1])  # two token counts


def test_a_draw_of_residuals_is_the_pipeline_on_runs_with_residuals_of_others(World: Any) -> None:
    (matrix,) = run_matrices(World(GROUPS, noise=0.004, widths=6, seed=3).measurements)
    points = frontier(matrix)
    found = frontier_draws(matrix, points, "residual", 20, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    drawn = [rng.integers(0, len(point.rows), (len(point.rows), 20)) for point in points]
    for b in range(20):
        loss, values = matrix.loss.copy(), matrix.values.copy()
        for point, whose in zip(points, drawn, strict=True):
            rows, x = point.rows, np.log(matrix.tokens[point.rows])
            fitted = np.polynomial.Polynomial.fit(x, matrix.loss[rows], 2)(x)
            loss[rows] = fitted + ((matrix.loss[rows] - fitted) * np.sqrt(6 / 3))[whose[:, b]]
            for k in range(values.shape[1]):
                fitted = np.polynomial.Polynomial.fit(x, matrix.values[rows, k], 2)(x)
                values[rows, k] = fitted + ((matrix.values[rows, k] - fitted) * np.sqrt(6 / 3))[whose[:, b]]
        again = replace(matrix, loss=loss, values=values)
        new = frontier(again)
        read = errors(again, new)
        for i, point in enumerate(new):
            assert found.log_tokens[i, b] == pytest.approx(point.log_tokens, rel=1e-7)
            assert found.value[i, :, b] == pytest.approx(read.value[i], rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["pairs", "residual"])
def test_rows_have_the_estimates_of_the_fit_and_cover_the_true_value(World: Any, scheme: str) -> None:
    world = World(GROUPS, noise=0.002, widths=9, seed=1)
    (matrix,) = run_matrices(world.measurements)
    chosen = fit_settings({"bootstrap": 300, "frontier_bootstrap": scheme}, SUITES, [matrix])
    rows = frontier_rows(frontier_curves(matrix, chosen), chosen)
    fits = cells(fit(world.measurements, suites=SUITES).fits)
    for row in rows:
        (same,) = [
            other
            for other in fits
            if all(other[name] == row[name] for name in ("law", "parameter", "group", "suite"))
            and other["interval"] == "t interval of the last stage"
        ]
        assert row["value"] == pytest.approx(same["value"], rel=1e-12)
        assert row["low"] < row["value"] < row["high"]
        assert row["interval"].startswith(f"{scheme} bootstrap")
        assert row["reason"] == "ok"
    laws = {row["law"] for row in rows}
    assert laws == {"power", "relative", "compute_optimal_tokens", "compute_optimal_params"}
    slope = next(row for row in rows if row["parameter"] == "delta_beta")
    assert slope["low"] <= -0.03 <= slope["high"]
    exponent = next(row for row in rows if row["law"] == "compute_optimal_tokens")
    assert exponent["low"] <= 0.5 <= exponent["high"]


def test_failed_draws_are_counted_and_flagged(World: Any) -> None:
    (matrix,) = run_matrices(World(GROUPS, noise=0.03, widths=4, seed=2).measurements)
    chosen = fit_settings({"bootstrap": 200, "frontier_bootstrap": "pairs"}, SUITES, [matrix])
    rows = frontier_rows(frontier_curves(matrix, chosen), chosen)
    failed = {int(row["interval"].split(", ")[-1].split()[0]) for row in rows}
    assert min(failed) > 10
    assert all(row["reason"] != "ok" for row in rows)


def test_runs_that_are_points_have_no_parabola_to_resample(World: Any) -> None:
    (matrix,) = run_matrices(World(GROUPS, widths=1).measurements)
    chosen = fit_settings({"frontier_bootstrap": "pairs"}, SUITES, [matrix])
    assert frontier_rows(frontier_curves(matrix, chosen), chosen) == []
