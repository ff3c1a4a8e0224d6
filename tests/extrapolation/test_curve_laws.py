"""Laws of curves: against scipy, many curves together, a grid in blocks, and the memory of a long curve."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from scipy.optimize import least_squares

from relscale.extrapolation import curve_laws, curve_search
from relscale.extrapolation.candidates.curves import moved, plain, shared
from relscale.extrapolation.curve import Curve, OfCurves, each
from relscale.extrapolation.curve_search import Shape
from relscale.extrapolation.table import rows_of
from relscale.fitting.estimation import levenberg_marquardt
from relscale.laws.law import Array

REFINED = (curve_laws.floor, curve_laws.shifted, curve_laws.broken)
SEARCHED = (*REFINED, each(curve_laws.saturated))
AT = np.log([2e6, 4e6])


def curve(points: int, seed: int = 0) -> Curve:
    log_x = np.log(np.geomspace(1e3, 1e6, points))
    noise = np.random.default_rng(seed).normal(size=points)
    return Curve(
        log_x, (0.5 + 20 * np.exp(-0.4 * log_x)) * np.exp(0.01 * noise), np.linspace(0.5, 1, points), AT
    )


@pytest.mark.parametrize("law", SEARCHED)
def test_a_grid_in_small_blocks_is_the_whole_grid(law: OfCurves, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = law([curve(12)])
    monkeypatch.setattr(curve_search, "BLOCK", 70)
    assert law([curve(12)])[0] == pytest.approx(whole, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("law", SEARCHED)
def test_a_long_curve_needs_the_memory_of_a_few_copies_of_it(
    law: OfCurves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levenberg_marquardt, "LARGEST_BUFFER", 0)  # freed before its pages are used
    long = curve(4000)
    tracemalloc.start()
    law([long])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * long.y.nbytes


@pytest.mark.parametrize("law", REFINED)
def test_a_law_without_noise_is_continued(law: OfCurves) -> None:
    log_x = np.log(np.geomspace(1e3, 1e6, 15))
    (ahead,) = law([Curve(log_x, 0.5 + 20 * np.exp(-0.4 * log_x), np.ones(15), AT)])
    assert ahead == pytest.approx(0.5 + 20 * np.exp(-0.4 * AT), rel=1e-3)


@pytest.mark.parametrize("law", SEARCHED)
def test_curves_of_several_lengths_are_continued_as_each_alone(law: OfCurves) -> None:
    curves = [curve(points, seed) for seed, points in enumerate((9, 15, 12, 30))]
    for one, ahead in zip(curves, law(curves), strict=True):
        assert ahead == pytest.approx(law([one])[0], rel=1e-6)


@pytest.mark.parametrize("law", REFINED)
def test_derivatives_of_a_shape_are_its_differences(law: partial[list[Array]]) -> None:
    shape: Shape = law.args[0]
    g = [np.array(value) for value in (np.array(shape.low) + np.array(shape.high)) / 2 + 0.05]
    log_x = np.linspace(-2, 2, 9)
    slopes = shape.slopes(g, log_x, shape.value(g, log_x))
    for i, slope in enumerate(slopes):
        above, below = ([v + step * (j == i) for j, v in enumerate(g)] for step in (1e-6, -1e-6))
        difference = (shape.value(above, log_x) - shape.value(below, log_x)) / 2e-6
        assert slope == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_a_power_law_above_a_floor_is_that_of_a_search_of_all_its_parameters() -> None:
    one = curve(20)

    def off(theta: Array) -> Array:
        fitted = theta[0] + theta[1] * np.exp(-theta[2] * one.log_x)
        return np.asarray(np.sqrt(one.weight) * (fitted / one.y - 1))

    theta = least_squares(off, [0.4, 15, 0.35], x_scale=[1, 20, 1], xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    assert curve_laws.floor([one])[0] == pytest.approx(theta[0] + theta[1] * np.exp(-theta[2] * AT), rel=1e-6)


def test_a_law_is_fitted_once_for_its_two_candidates() -> None:
    fitted = []

    def law(curves: list[Curve]) -> list[Array]:
        fitted.append([len(one.y) for one in curves])
        return [np.full(len(one.at), one.y.mean()) for one in curves]

    both = shared(law)
    for points in (8, 9, 8, 9):
        one = curve(points)
        assert plain(both, [one])[0] == pytest.approx(one.y.mean())
        assert moved(both, [one])[0] == pytest.approx(one.y[-1])
    assert fitted == [[8], [9], [8], [9]]


def test_rows_of_groups_are_those_of_their_masks() -> None:
    group = np.random.default_rng(0).choice([7, -2, 40, 3], 50)
    rows = rows_of(group)
    assert list(rows) == [-2, 3, 7, 40]
    for label, positions in rows.items():
        assert positions.tolist() == np.flatnonzero(group == label).tolist()
    assert rows_of(group[:0]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("forecast", REFINED)
def test_searches_that_start_from_a_part_of_a_long_curve_end_where_those_of_all_its_points_do(
    forecast: OfCurves, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sampled,) = forecast([curve(3 * curve_search.MOST_POINTS // 2)])
    monkeypatch.setattr(curve_search, "MOST_POINTS", 10**6)
    (of_all,) = forecast([curve(6144)])
    np.testing.assert_allclose(sampled, of_all, rtol=1e-6)
