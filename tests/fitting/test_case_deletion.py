"""Lines without each unit, in closed form, are the lines that a fit to the other points gives."""

import numpy as np
import pytest

from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.case_deletion import lines_without, over_trainings
from relscale.fitting.inference.line_with_intervals import line_with_intervals, with_intervals
from relscale.fitting.inference.log_log_lines import lines

NAMES = ("n", "reference", "low", "high", "level", "slope", "sxx", "variance")
PRECISION = {"rel": 1e-10, "abs": 1e-10}


def points(case: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """x, values of three curves, their noise, and what each point is left out with."""
    x = np.sort(rng.uniform(40, 50, 12))
    y = 0.3 - 0.05 * x[:, None] + rng.normal(0, 0.02, (12, 3))
    noise = 1 / rng.integers(1, 4, (12, 3))
    labels = [str(i) for i in range(12)]
    if case == "holes":
        y[rng.random(y.shape) < 0.3] = np.nan
    if case == "one far off":
        x[3] = 200.0
    if case == "one outlier on exact lines":
        y = 0.3 - 0.05 * x[:, None] * np.array([1, 2, 3])
        y[5] += 1.0
    if case == "all but one at one x":
        x[1:] = 45.0
    if case == "three points":
        y[3:] = np.nan
    if case == "budgets":
        labels = [str(i // 3) for i in range(12)]
    return x, y, noise, labels


CASES = (
    "plain",
    "holes",
    "one far off",
    "one outlier on exact lines",
    "all but one at one x",
    "three points",
    "budgets",
)


@pytest.mark.parametrize("case", CASES)
def test_without_a_unit_it_is_the_line_of_the_other_points(case: str) -> None:
    x, y, noise, labels = points(case, np.random.default_rng(0))
    unit = members(labels)
    found = lines_without(x, y, noise, unit)
    for u in range(unit.max() + 1):
        again = lines(x, np.where((unit == u)[:, None], np.nan, y), noise)
        for name in NAMES:
            if name == "variance":  # of what has a line
                known = np.isfinite(again.slope)
                assert found.variance[u][known] == pytest.approx(
                    again.variance[known], nan_ok=True, **PRECISION
                )
            else:
                expected = getattr(again, name)
                assert getattr(found, name)[u] == pytest.approx(expected, nan_ok=True, **PRECISION), name
        assert found.noise[:, u] == pytest.approx(again.noise, **PRECISION)


@pytest.mark.parametrize("seed", range(5))
def test_where_points_share_trainings_its_intervals_are_those_of_the_other_trainings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(40, 50, 40)
    blocks = [f"training {i}" for i in rng.permutation(np.arange(40) % 8)]
    y = 0.3 - 0.05 * x[:, None] + rng.normal(0, 0.1, (40, 2))
    y[rng.random(y.shape) < 0.2] = np.nan
    noise, unit = np.ones_like(y), members(blocks)
    chosen = np.array([1, 2, 5])
    found = with_intervals(over_trainings(lines_without(x, y, noise, unit), x, y, unit, chosen), 0.9)
    for w, u in enumerate(chosen):
        again = line_with_intervals(x, np.where((unit == u)[:, None], np.nan, y), noise, blocks, 0.9)
        for one, other in zip((found.slope, *found.ends), (again.slope, *again.ends), strict=True):
            for name in ("value", "stderr", "low", "high", "df", "p_value"):
                assert getattr(one, name)[w] == pytest.approx(getattr(other, name), rel=1e-9), name
        assert found.line.blocks is not None
        assert again.line.blocks is not None
        assert found.line.blocks[w] == pytest.approx(again.line.blocks)


def test_it_takes_memory_by_the_point_and_not_by_the_pair_of_points() -> None:
    import tracemalloc

    n = 20_000
    x = np.linspace(40, 50, n)
    y = np.random.default_rng(0).normal(size=(n, 2))
    tracemalloc.start()
    lines_without(x, y, np.ones_like(y), np.arange(n))
    assert (
        tracemalloc.get_traced_memory()[1] < 100 * y.nbytes
    )  # a pair of points each would take n times as much
    tracemalloc.stop()
