import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.laws import parabola

finite = st.floats(-5, 5)


@pytest.mark.slow
@given(
    c=st.tuples(finite, finite, finite), x=st.lists(st.integers(-9, 9), min_size=3, max_size=12, unique=True)
)
def test_coefficients_of_points_on_a_parabola_are_its_own(c: tuple[float, ...], x: list[int]) -> None:
    at = np.array(x) / 4
    assert parabola.coefficients(at, parabola.value(np.array(c), at)) == pytest.approx(c, abs=1e-9)


def test_all_columns_are_fitted_as_polyfit_fits_each() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=7), rng.normal(size=(7, 4, 3))
    c = parabola.coefficients(x, y)
    for column in np.ndindex(4, 3):
        reference = np.polyfit(x, y[:, *column], 2)[::-1]
        assert c[:, *column] == pytest.approx(reference, rel=1e-9)


def test_the_minimum_is_where_the_derivative_vanishes() -> None:
    c = np.array([3.0, -0.4, 0.25])
    x, y = parabola.minimum(c)
    assert c[1] + 2 * c[2] * x == pytest.approx(0, abs=1e-12)
    assert y < min(parabola.value(c, x - 0.1), parabola.value(c, x + 0.1))


def test_a_parabola_that_opens_downwards_has_no_minimum() -> None:
    assert np.isnan(parabola.minimum(np.array([1.0, 0.3, -0.2]))[0])


def test_leverage_is_the_variance_that_simulated_noise_shows() -> None:
    rng = np.random.default_rng(1)
    x = np.array([-1.0, -0.2, 0.0, 0.7, 1.5])
    c = parabola.coefficients(x, rng.normal(size=(5, 200_000)))
    assert parabola.leverage(x, 0.4) == pytest.approx(parabola.value(c, 0.4).var(), rel=0.02)


def test_leverages_of_the_fitted_points_add_up_to_three() -> None:
    x = np.array([-1.3, -0.2, 0.1, 0.7, 1.5, 1.6])
    assert parabola.leverage(x, x).sum() == pytest.approx(3)
