"""Laws of one curve: a grid in blocks is the whole grid, and a long curve needs the memory of a few copies of it."""

import tracemalloc

import numpy as np
import pytest

from relscale.extrapolation import curve_laws
from relscale.extrapolation.candidates.curves import moved, plain, shared
from relscale.extrapolation.curve import OfCurve
from relscale.extrapolation.table import rows_of
from relscale.laws.law import Array

SEARCHED = (curve_laws.floor, curve_laws.shifted, curve_laws.broken, curve_laws.saturated)
AT = np.log([2e6, 4e6])


def curve(points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    log_x = np.log(np.geomspace(1e3, 1e6, points))
    noise = np.random.default_rng(0).normal(size=points)
    return log_x, (0.5 + 20 * np.exp(-0.4 * log_x)) * np.exp(0.01 * noise), np.linspace(0.5, 1, points)


@pytest.mark.parametrize("law", SEARCHED)
def test_a_grid_in_small_blocks_is_the_whole_grid(law: OfCurve, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = law(*curve(12), AT)
    monkeypatch.setattr(curve_laws, "BLOCK", 70)
    assert law(*curve(12), AT) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("law", SEARCHED)
def test_a_long_curve_needs_the_memory_of_a_few_copies_of_it(law: OfCurve) -> None:
    log_x, y, weight = curve(4000)
    tracemalloc.start()
    law(log_x, y, weight, AT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * log_x.nbytes


@pytest.mark.parametrize("law", [curve_laws.floor, curve_laws.shifted, curve_laws.broken])
def test_a_law_without_noise_is_continued(law: OfCurve) -> None:
    log_x = np.log(np.geomspace(1e3, 1e6, 15))
    ahead = law(log_x, 0.5 + 20 * np.exp(-0.4 * log_x), np.ones(15), AT)
    assert ahead == pytest.approx(0.5 + 20 * np.exp(-0.4 * AT), rel=1e-3)


def test_a_law_is_fitted_once_for_its_two_candidates() -> None:
    fitted = []

    def law(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
        fitted.append(len(y))
        return np.full(len(at), y.mean())

    both = shared(law)
    for points in (8, 9, 8, 9):
        log_x, y, weight = curve(points)
        assert plain(both, log_x, y, weight, AT) == pytest.approx(y.mean())
        assert moved(both, log_x, y, weight, AT) == pytest.approx(y[-1])
    assert fitted == [8, 9, 8, 9]


def test_rows_of_groups_are_those_of_their_masks() -> None:
    group = np.random.default_rng(0).choice([7, -2, 40, 3], 50)
    rows = rows_of(group)
    assert list(rows) == [-2, 3, 7, 40]
    for label, positions in rows.items():
        assert positions.tolist() == np.flatnonzero(group == label).tolist()
    assert rows_of(group[:0]) == {}
