"""One test of all groups of a suite: whether any group moves against the others."""

from typing import Any

import numpy as np
import pytest
import scipy.stats

from relscale.fitting.analyses.joint_test import Covariance, JointTestRow, joint_test
from relscale.fitting.fit import fit
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.report.joint_lines import JointTest, joint_summary
from relscale.fitting.status import Status

SUITES = {"s": {"baseline": "b"}}
STILL = {"a": (1.5, 0.08, 0.3), "b": (1.0, 0.08, 0.0), "c": (0.8, 0.08, -0.2)}


def joint(slopes: Any, residuals: Any, sxx: float) -> tuple[float, float, float, float]:
    df = len(residuals) - 2.0
    runs = residuals.T @ residuals / df / sxx
    return joint_test(slopes, Covariance(runs, df, 0 * runs, 0 * runs))


def test_with_two_groups_it_is_the_t_test_of_their_gap() -> None:
    rng = np.random.default_rng(0)
    x, y = np.arange(8.0), rng.standard_normal((8, 2))
    fitted = lines(x, y)
    statistic, df1, df2, p_value = joint(fitted.slope, fitted.residuals, float(fitted.sxx[0]))
    gap = scipy.stats.linregress(x, y[:, 0] - y[:, 1])
    assert (df1, df2) == pytest.approx((1, 6))
    assert statistic == pytest.approx((gap.slope / gap.stderr) ** 2)
    assert p_value == pytest.approx(gap.pvalue)


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "points", "shared"), [(10, 5, 0.5), (10, 5, 0.0), (4, 25, 0.9)])
def test_groups_that_do_not_move_are_found_to_move_as_often_as_the_level_says(
    groups: int, points: int, shared: float
) -> None:
    rng = np.random.default_rng(1)
    x, sd = np.arange(float(points)), np.exp(rng.normal(0, 0.4, groups))
    found = []
    for _ in range(1000):
        own = np.sqrt(1 - shared) * sd * rng.standard_normal((points, groups))
        fitted = lines(x, own + np.sqrt(shared) * rng.standard_normal((points, 1)))
        found.append(joint(fitted.slope, fitted.residuals, float(fitted.sxx[0]))[3] < 0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.021)


@pytest.mark.slow
def test_the_test_is_that_of_no_baseline(World: Any) -> None:
    world = World(STILL | {"d": (1.2, 0.05, 0.1)}, noise=0.003, replicates=30, item_noise=0.002, seed=3)
    tests = [
        fit(world.measurements, world.replicate_table, suites={"s": {"baseline": name}}).joint_tests
        for name in ("b", "d", "mean")
    ]
    assert tests[0].equals(tests[1])
    assert tests[0].equals(tests[2])
    rows = {row["estimand"]: row for row in tests[0].to_pylist()}
    assert set(rows) == {"these items", "item population"}
    assert rows["these items"]["p_value"] < 0.05
    assert rows["item population"]["df2"] > rows["these items"]["df2"]


@pytest.mark.slow
def test_checkpoints_of_one_training_are_one_observation() -> None:
    x = np.tile(np.arange(4.0), 6)
    trainings = [f"t{i // 4}" for i in range(24)]
    rng = np.random.default_rng(2)
    from relscale.fitting.analyses.joint_test import rows
    from relscale.fitting.settings import Settings

    found = []
    for _ in range(200):
        slopes = 0.1 * rng.standard_normal((6, 3))  # each training moves each group its own way
        y = np.repeat(slopes, 4, axis=0) * x[:, None] + 0.001 * rng.standard_normal((24, 3))
        curves = _curves(x, y, trainings)
        (row,) = rows(curves, Settings())
        found.append(row.p_value < 0.05)
        assert row.df1 <= 2
    assert np.mean(found) < 0.12  # taken for 24 independent runs they move in four of five


def _curves(x: Any, y: Any, blocks: list[str]) -> Any:
    from relscale.fitting.curves.curves import ERROR, Curves
    from relscale.fitting.keys import CurveKey
    from relscale.fitting.status import OK

    keys = [CurveKey(corpus="c", suite="s", prompt="p", metric="m", group=str(j)) for j in range(y.shape[1])]
    return Curves(
        quantity=ERROR,
        keys=keys,
        points=[],
        log_flops=x,
        value=y,
        noise=np.ones_like(y),
        replicates=np.empty((*y.shape, 0)),
        status=np.full(y.shape, OK, dtype=object),
        blocks=blocks,
        target=y,
    )


@pytest.mark.slow
def test_the_mean_baseline_is_the_geometric_mean_of_the_other_groups(World: Any) -> None:
    world = World(STILL | {"d": (1.2, 0.05, 0.1)}, noise=0.003, seed=3)
    fits = fit(world.measurements, suites={"s": {"baseline": "mean"}})
    ratios = [row for row in fits.gaps.to_pylist() if row["baseline"] == "mean"]
    errors = {(row["group"], row["budget"]): row["value"] for row in fits.errors.to_pylist()}
    assert {row["group"] for row in ratios} == {"a", "b", "c", "d"}
    for row in ratios:
        others = [np.log(errors[name, row["budget"]]) for name in "abcd" if name != row["group"]]
        assert row["log_ratio"] == pytest.approx(
            np.log(errors[row["group"], row["budget"]]) - np.mean(others)
        )


@pytest.mark.slow
def test_of_two_groups_the_mean_of_the_others_is_the_other(World: Any) -> None:
    world = World({"a": STILL["a"], "b": (1.0, 0.05, 0.0)}, noise=0.003, seed=3)
    named, mean = (
        fit(world.measurements, suites={"s": {"baseline": name}}).fits.to_pylist() for name in ("b", "mean")
    )
    of_named = next(row for row in named if row["parameter"] == "delta_beta" and row["group"] == "a")
    of_mean = next(row for row in mean if row["parameter"] == "delta_beta" and row["group"] == "a")
    for name in ("value", "stderr", "low", "high", "p_value"):
        assert of_mean[name] == of_named[name]


@pytest.mark.slow
def test_a_point_that_another_group_lacks_is_no_point_of_the_mean(World: Any) -> None:
    measurements = World(STILL, noise=0.003, seed=3).measurements
    value = [
        None if (row["group"], row["budget"]) == ("c", 1e11) else row["value"]
        for row in measurements.to_pylist()
    ]
    lacking = measurements.set_column(measurements.column_names.index("value"), "value", [value])
    fits = fit(lacking, suites={"s": {"baseline": "mean"}})
    rows = {row["group"]: row for row in fits.gaps.to_pylist() if row["budget"] == 1e11}
    assert rows["a"]["ratio"] is None
    assert rows["a"]["note"].startswith("baseline: ")


def row_of(p_value: float) -> JointTestRow:
    return JointTestRow(
        experiment="e",
        suite="s",
        estimand=Estimand.ITEM_POPULATION,
        groups=3,
        n=5,
        statistic=2.0,
        df1=2.0,
        df2=9.0,
        p_value=p_value,
        status=Status.OK,
    )


def test_several_tests_are_one_sentence_that_names_where_groups_move() -> None:
    tests = [
        JointTest("Domains", "code", row_of(0.04)),
        JointTest("Domains", "text", row_of(0.5)),
        JointTest("Varieties", "text", row_of(0.001)),
    ]
    said = joint_summary(tests)
    assert said.endswith("groups differ in their exponents in 2 of 3: Domains (code), Varieties (text)")
    assert joint_summary([]) == ""
    assert joint_summary(tests[:1]) == tests[0].line
    assert tests[1].line.startswith("Domains, text: joint test of 3 groups: no significant difference")
