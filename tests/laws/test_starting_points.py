"""From its own starting points a law's fit ends at the best optimum, for whatever parameters the data come from."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from relscale.fitting.estimation.estimate import estimate
from relscale.laws.catalogue import law
from relscale.laws.law import Array, Law

Rng = np.random.Generator
Draw = Callable[[Rng], tuple[Law, Array, Array]]  # the law, x and true parameters

NOISE = 0.003


def between(rng: Rng, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def decades(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def critical_batch(rng: Rng) -> tuple[Law, Array, Array]:
    critical = decades(rng, 1e4, 1e7)
    x = critical * np.geomspace(decades(rng, 0.01, 0.3), decades(rng, 3, 100), 9)[None]
    return law("critical_batch"), x, np.array([decades(rng, 1e2, 1e6), critical])


WORLDS: dict[str, Draw] = {"critical_batch": critical_batch}


def assert_best(draw: Draw, seeds: Sequence[int]) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        one, x, truth = draw(rng)
        y = one.value(truth, x) * np.exp(NOISE * rng.standard_normal(x.shape[1]))
        found = estimate(one, x, y)
        from_truth = estimate(one, x, y, starts=truth[None])
        assert found.objective[0] <= from_truth.objective[0] * (1 + 1e-5), (seed, truth, found.theta[:, 0])


@pytest.mark.parametrize("name", WORLDS)
def test_twenty_random_parameters(name: str) -> None:
    assert_best(WORLDS[name], range(20))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_a_hundred_random_parameters(name: str) -> None:
    assert_best(WORLDS[name], range(100, 200))
