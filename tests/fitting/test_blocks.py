"""Points that share trainings: covariance over blocks, the block bootstrap, and the rows that come of them."""

import numpy as np
import pytest
from row_cells import as_cells

from relscale.figures.data import FittedParameter
from relscale.figures.law_lines import law_line
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.inference import interval
from relscale.fitting.inference import law_rows as law_rows_module
from relscale.fitting.inference.bootstrap.blocks import block_lines, block_sums
from relscale.fitting.inference.bootstrap.schemes import weights
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, choose
from relscale.laws import relative
from relscale.storage.rows import names_of

law_rows = as_cells(law_rows_module.law_rows)


def trajectories(
    blocks: int, curves: int, seed: int = 0, checkpoints: int = 20, slope_sd: float = 0.02
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y (P, curves), block (P,): trainings with levels and slopes of their own around level 0 and slope 0."""
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(blocks), checkpoints)
    along = np.tile(np.log(np.arange(1, checkpoints + 1)), blocks)
    x = 40 + np.linspace(0, 3, blocks)[block] + along
    own = 0.05 * rng.standard_normal((blocks, curves)) + 0.0
    slopes = slope_sd * rng.standard_normal((blocks, curves))
    y = own[block] + slopes[block] * (along - along.mean())[:, None]
    return x, y + 0.01 * rng.standard_normal(y.shape), block


@pytest.mark.slow
def test_the_covariance_is_the_jackknife_of_statsmodels_fits_without_each_block() -> None:
    import statsmodels.api as sm

    x, y, block = trajectories(6, 2)
    y[block == 2, 1] = np.nan  # a curve that lacks a training
    y[3, 0] = np.nan
    found = lines(x, y, blocks=[f"training {b}" for b in block])
    for j in range(2):
        used = np.isfinite(y[:, j])
        z = sm.add_constant(x - found.reference[j])
        whole = sm.OLS(y[used, j], z[used]).fit().params
        there = np.unique(block[used])
        apart = np.array(
            [sm.OLS(y[used & (block != g), j], z[used & (block != g)]).fit().params - whole for g in there]
        )
        expected = (len(there) - 1) / len(there) * apart.T @ apart
        assert found.covariance is not None
        assert found.covariance[:, j] == pytest.approx(expected[[0, 0, 1], [0, 1, 1]], rel=1e-8)
        assert found.df[j] == len(there) - 1


def test_the_covariance_is_the_sandwich_of_residuals_over_one_less_their_leverage() -> None:
    """The CR3 estimator as Bell and McCaffrey write it."""
    x, y, block = trajectories(7, 1)
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    bread = np.linalg.inv(design.T @ design)
    residuals = y[:, 0] - design @ bread @ design.T @ y[:, 0]
    meat = np.zeros((2, 2))
    for g in range(7):
        rows = design[block == g]
        score = rows.T @ np.linalg.solve(np.eye(len(rows)) - rows @ bread @ rows.T, residuals[block == g])
        meat += np.outer(score, score)
    expected = 6 / 7 * bread @ meat @ bread
    found = lines(x, y, blocks=block.astype(str).tolist())
    assert found.covariance is not None
    assert found.covariance[:, 0] == pytest.approx(expected[[0, 0, 1], [0, 1, 1]], rel=1e-8)


def test_a_draw_is_the_fit_to_the_blocks_drawn_with_a_covariance_of_its_own() -> None:
    x, y, block = trajectories(5, 3)
    z = x - x.mean()
    drawn = weights("block", 5, 4, np.random.default_rng(1), blocks=range(5))
    found = block_lines(block_sums(z[:, None], y, block), drawn)
    for b in range(4):
        copies = np.repeat(np.arange(5), drawn[:, b].astype(int))
        rows = np.concatenate([np.flatnonzero(block == g) for g in copies])
        as_blocks = np.repeat([f"copy {c}" for c in range(len(copies))], 20).tolist()
        repeated = lines(x[rows], y[rows], blocks=as_blocks)
        assert found.slope[:, b] == pytest.approx(repeated.slope, rel=1e-8)
        at_centre = repeated.level + repeated.slope * (x.mean() - repeated.reference)
        assert found.level[:, b] == pytest.approx(at_centre, rel=1e-7)
        assert repeated.covariance is not None
        assert found.covariance[2, :, b] == pytest.approx(repeated.covariance[2], rel=1e-6, abs=1e-15)


def test_blocks_of_one_point_are_plain_points() -> None:
    x = np.linspace(0, 5, 8)
    y = np.random.default_rng(0).normal(size=(8, 2))
    plain, named = lines(x, y), lines(x, y, blocks=[str(i) for i in range(8)])
    assert named.covariance is None
    assert (interval.slope(plain, 0.9).low == interval.slope(named, 0.9).low).all()


@pytest.mark.parametrize("blocks", [5, 10, 22])
@pytest.mark.parametrize("slope_sd", [0.0, 0.02])
def test_the_jackknife_interval_covers_the_slope_95_times_in_100(blocks: int, slope_sd: float) -> None:
    x, y, block = trajectories(blocks, 2000, seed=blocks, slope_sd=slope_sd)
    clustered = interval.slope(lines(x, y, blocks=block.astype(str).tolist()), 0.95)
    plain = interval.slope(lines(x, y), 0.95)
    assert np.mean((clustered.low <= 0) & (clustered.high >= 0)) == pytest.approx(0.95, abs=0.016)
    assert np.mean((plain.low <= 0) & (plain.high >= 0)) < 0.75


def curves_of(x: np.ndarray, y: np.ndarray, block: np.ndarray, replicates: int = 0) -> Curves:
    points = [
        Point(np.nan, float(np.exp(at)), np.array([i]), 0, OK, run=f"{b}@{i}", row=i)
        for i, (at, b) in enumerate(zip(x, block, strict=True))
    ]
    return Curves(
        quantity=RATIO,
        keys=[
            CurveKey(suite="s", group=f"group {j}", baseline="base", contrast="group")
            for j in range(y.shape[1])
        ],
        points=points,
        log_flops=x,
        value=y,
        noise=np.ones_like(y),
        replicates=np.empty((*y.shape, replicates)),
        status=choose(np.isfinite(y), OK, Remark(Status.NO_VALUE, "missing")),
        blocks=[f"training {b}" for b in block],
        target=y,
    )


def test_a_band_ends_where_the_intervals_at_the_least_and_the_largest_compute_do() -> None:
    """Level and slope are correlated by the trainings, which a band must know."""
    x, y, block = trajectories(6, 1)
    rows = law_rows(relative.LINE, curves_of(x, y, block), Settings())
    estimate = lines(x, y, blocks=[f"training {b}" for b in block])
    assert abs(rows[0]["correlation"]) > 0.2
    cells = [{name: row[name] for name in names_of(ParameterRow)} for row in rows]
    band = law_line([FittedParameter(**each, verdict=None) for each in cells], np.exp(x).tolist())
    assert band is not None
    assert band.low is not None
    assert band.high is not None
    for end, at in ((0, x.min()), (-1, x.max())):
        there = interval.linear_combination(estimate, 1.0, at - estimate.reference, 0.95)
        assert np.log([band.low[end], band.high[end]]) == pytest.approx(
            [there.low[0], there.high[0]], rel=1e-6
        )


def test_rows_of_shared_trainings_come_from_a_block_bootstrap_and_cover_the_slope() -> None:
    x, y, block = trajectories(12, 300)
    rows = law_rows(relative.LINE, curves_of(x, y, block), Settings(bootstrap=400))
    slopes = [row for row in rows if row["parameter"] == "delta_beta"]
    assert {row["interval"] for row in rows} == {
        "block bootstrap by trajectory, symmetric studentised, 400 draws, 0 failed"
    }
    assert {row["reason"] for row in rows} == {"ok"}
    assert 0.925 <= np.mean([row["low"] <= 0 <= row["high"] for row in slopes]) <= 0.99
    false = np.mean([row["p_value"] < 0.05 for row in slopes])
    assert false == pytest.approx(np.mean([not row["low"] <= 0 <= row["high"] for row in slopes]), abs=0.01)
    again = law_rows(relative.LINE, curves_of(x, y, block), Settings(bootstrap=400))
    assert rows == again


def test_few_trainings_get_the_jackknife_and_very_few_a_flag() -> None:
    few = law_rows(relative.LINE, curves_of(*trajectories(6, 1)), Settings())[0]
    assert few["interval"] == "jackknife by trajectory (CR3), t"
    assert (few["reason"], few["df"]) == ("ok", 5)
    very_few = law_rows(relative.LINE, curves_of(*trajectories(3, 1)), Settings())[0]
    assert very_few["reason"] == "too few training runs for a reliable interval: 3"


@pytest.mark.slow
def test_items_and_trainings_are_crossed_and_their_interaction_counts_once() -> None:
    """Items with slopes of their own, and with an interaction with each training; the population's slope is 0."""
    rng, items, draws, size = np.random.default_rng(3), 60, 80, 400
    x, y, block = trajectories(12, size)
    z = x - x.mean()
    slopes = 0.06 * rng.standard_normal((size, items))
    with_training = 0.6 * rng.standard_normal((12, size, items))
    chosen = rng.integers(0, items, (draws, items))

    def means(of: np.ndarray | slice) -> np.ndarray:
        return y + with_training[:, :, of].mean(-1)[block] + slopes[:, of].mean(-1) * z[:, None]

    value = means(slice(None))
    replicates = np.stack([means(one) for one in chosen], axis=-1)
    blocks = block.astype(str).tolist()
    estimate = lines(x, value, blocks=blocks)
    of_items = interval.item_lines(x, value, replicates, estimate, blocks)
    found = interval.slope(estimate, 0.95, of_items)
    assert 0.93 <= np.mean((found.low <= 0) & (found.high >= 0)) <= 0.985
    twice = interval.slope(estimate, 0.95).stderr ** 2 + of_items.slope.var(axis=-1)
    truth = estimate.slope.var()
    assert np.mean(found.stderr**2) == pytest.approx(truth, rel=0.15)
    assert np.mean(twice) > 1.3 * truth
