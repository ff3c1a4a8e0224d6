"""Where two curves cross: Fieller's set, and what is said where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from row_cells import as_cells

from relscale.fitting.analyses import crossing
from relscale.fitting.analyses.crossing import fieller
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, choose

crossing_rows = as_cells(crossing.rows)

X = np.log([1e18, 3e18, 1e19, 3e19, 1e20, 3e20])


def curves_of(y: np.ndarray, x: np.ndarray = X, blocks: list[str] | None = None) -> Curves:
    return Curves(
        quantity=RATIO,
        keys=[CurveKey(suite="s", group=f"g{j}", baseline="b", contrast="group") for j in range(y.shape[1])],
        points=[Point(float(np.exp(at)), float(np.exp(at)), np.array([0]), 0, OK) for at in x],
        log_flops=x,
        value=y,
        noise=np.ones_like(y),
        replicates=np.empty((*y.shape, 0)),
        status=choose(np.isfinite(y), OK, Remark(Status.NO_VALUE, "missing")),
        blocks=blocks or [f"{i}" for i in range(len(x))],
        target=y,
    )


def noisy(slope: float, crossing: float, noise: float, size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return slope * (X - np.log(crossing))[:, None] + noise * rng.standard_normal((len(X), size))


def test_the_limits_are_the_roots_of_fiellers_quadratic() -> None:
    y = noisy(0.05, 2e19, 0.02, 40)
    found = crossing_rows(curves_of(y), Settings())
    t = scipy.stats.t.ppf(0.975, len(X) - 2)
    for j, row in enumerate(found):
        fit = scipy.stats.linregress(X - X.mean(), y[:, j])
        variance = fit.intercept_stderr**2
        roots = np.roots(
            [
                fit.slope**2 - t**2 * fit.stderr**2,
                2 * fit.intercept * fit.slope,
                fit.intercept**2 - t**2 * variance,
            ]
        )
        assert row["value"] == pytest.approx(np.exp(X.mean() - fit.intercept / fit.slope), rel=1e-9)
        low, high = sorted(np.exp(X.mean() + roots))
        assert (row["low"], row["high"]) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
        assert row["reason"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "noise"), [(0.05, 0.02), (0.02, 0.05), (0.0, 0.02)])
def test_the_set_covers_the_true_crossing_95_times_in_100(slope: float, noise: float) -> None:
    """Also where it is two rays or the whole line; without any slope no compute is a crossing more than another."""
    truth = np.log(4e19)
    estimate = lines(X, noisy(slope, 4e19, noise, 4000))
    ranges = fieller(estimate, 0.95, 1000.0)[1]
    covered = [any(low <= truth <= high for low, high in one) for one in ranges if one is not None]
    assert len(covered) == 4000
    assert np.mean(covered) == pytest.approx(0.95, abs=0.011)
    at_truth = interval.level_at(estimate, np.full(4000, truth), 0.95)
    assert np.mean(covered == ((at_truth.low <= 0) & (at_truth.high >= 0))) > 0.999


@pytest.mark.slow
def test_shared_trainings_widen_the_set_so_that_it_covers_the_true_value() -> None:
    rng, blocks, each, size = np.random.default_rng(1), 12, 15, 1000
    x = 40 + np.repeat(np.linspace(0, 3, blocks), each) + np.tile(np.log(np.arange(1, each + 1)), blocks)
    truth = x.mean() + 0.5
    y = 0.2 * (x - truth)[:, None] + 0.1 * np.repeat(rng.standard_normal((blocks, size)), each, axis=0)
    y += 0.01 * rng.standard_normal(y.shape)
    names = np.repeat(np.arange(blocks), each).astype(str).tolist()
    shared, apart = (crossing_rows(curves_of(y, x, b), Settings()) for b in (names, None))

    def hits(rows: list[dict[str, object]]) -> float:
        limits = np.array([[row["low"] or 0, row["high"] or np.inf] for row in rows], dtype=float)
        return float(np.mean((limits[:, 0] <= np.exp(truth)) & (np.exp(truth) <= limits[:, 1])))

    assert 0.93 <= hits(shared) <= 0.975
    assert hits(apart) < 0.7
    assert shared[0]["interval"] == "Fieller set, jackknife by trajectory (CR3), t"


def test_a_crossing_beyond_reach_is_none() -> None:
    far = noisy(0.05, 1e26, 0.001, 1)
    (row,) = crossing_rows(curves_of(far), Settings(reach=100))
    assert (row["value"], row["low"], row["high"], row["reason"]) == (
        None,
        None,
        None,
        Status.NOT_WITHIN_REACH,
    )
    (row,) = crossing_rows(curves_of(far), Settings(reach=1e7))
    assert row["reason"] == "ok"
    assert row["low"] < 1e26 < row["high"]


def test_parallel_curves_never_cross_and_noise_alone_may_cross_anywhere() -> None:
    apart = 1.0 + noisy(0.0, 1e19, 0.01, 1)
    assert crossing_rows(curves_of(apart), Settings(reach=10))[0]["reason"] == Status.NOT_WITHIN_REACH
    alike = np.array([1.0, -1, 1, 1, -1, 1])[:, None]
    row = crossing_rows(curves_of(alike), Settings(reach=1e6))[0]
    assert row["reason"] in (Status.NOT_EXCLUDED, "no limits within the search range")
    assert (row["low"], row["high"]) == (None, None)


def test_two_rays_are_said() -> None:
    """A gap that is clear inside the data with a slope that is not: it may have crossed before or may cross after."""
    y = (0.3 + 0.02 * (X - X.mean()) + 0.05 * np.array([1, -1, -1, 1, 1, -1]))[:, None]
    row = crossing_rows(curves_of(y), Settings(reach=1e9))[0]
    assert row["value"] < 1e18
    assert row["high"] < 1e19
    assert row["low"] is None
    assert row["reason"].startswith("no lower limit within the search range; computes from ")


def test_errors_do_not_cross_and_curves_of_two_points_have_no_interval() -> None:
    curves = curves_of(noisy(0.05, 2e19, 0.02, 1))
    assert crossing_rows(replace(curves, quantity=ERROR), Settings()) == []
    short = noisy(0.05, 2e19, 0.02, 1)
    short[2:] = np.nan
    (row,) = crossing_rows(curves_of(short), Settings())
    assert row["reason"].startswith("2 points; an interval needs 3")
    assert row.get("value") is None


def test_a_line_without_noise_crosses_at_one_compute() -> None:
    (row,) = crossing_rows(curves_of(noisy(0.05, 2e19, 0.0, 1)), Settings())
    assert row["value"] == pytest.approx(2e19)
    assert row["low"] == pytest.approx(2e19)
    assert row["high"] == pytest.approx(2e19)


def test_a_crossing_of_few_trainings_is_flagged() -> None:
    (row,) = crossing_rows(
        curves_of(noisy(0.05, 2e19, 0.02, 1), blocks=["m", "m", "n", "n", "o", "o"]), Settings()
    )
    assert "too few training runs for a reliable interval: 3" in row["reason"]
