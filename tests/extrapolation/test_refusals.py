"""Which forecasts are absurd, and which shares of a variance are undefined."""

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.extrapolation.extrapolate import explained_share, extrapolate, refusal
from relscale.extrapolation.table import Table


def curve(x: np.ndarray, y: np.ndarray) -> Table:
    nothing = np.zeros(len(x), dtype=int)
    return Table(("examples",), x[None], y, nothing, nothing)


def forecast_of(y_of: object, points: int, first: float, last: float, at: float) -> object:
    x = np.geomspace(first, last, points)
    return extrapolate(curve(x, y_of(x)), curve(np.array([at]), np.array([np.nan])))


@pytest.mark.parametrize("slope", [-0.12, 0.05])
def test_a_line_that_is_forecast_further_than_it_is_known_is_not_absurd(slope: float) -> None:
    result = forecast_of(lambda x: 1 + slope * np.log(x), 15, 1, 20, 60)
    lines = [
        why for name, why in zip(result.candidates, result.refused, strict=True) if name.startswith("line")
    ]
    assert not any(lines)
    assert result.forecast[0] == pytest.approx(1 + slope * np.log(60), rel=0.02)


def test_a_forecast_beyond_the_range_is_absurd_unless_it_is_that_much_further() -> None:
    known = curve(np.array([1.0, 2, 4]), np.array([3.0, 2.5, 2.0]))
    assert refusal(np.array([0.9]), known).startswith("absurd forecast")
    assert not refusal(np.array([0.9]), known, scale=1.5)
    assert refusal(np.array([-0.1]), known, scale=9.0).startswith("absurd forecast")


def test_a_constant_is_forecast_as_itself_and_explains_nothing() -> None:
    result = forecast_of(lambda x: np.full(len(x), 0.7), 12, 1, 100, 150)
    assert result.forecast[0] == pytest.approx(0.7)
    assert np.isnan(result.r2[[not why for why in result.refused]]).all()
    assert " – " in str(result)


def test_one_target_has_no_explained_share() -> None:
    assert np.isnan(explained_share(np.array([1.0]), np.array([2.0])))
    assert explained_share(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx(0.5)


def test_a_curve_of_negative_values_is_said_to_be_one() -> None:
    with pytest.raises(RelscaleError, match="need a positive y"):
        forecast_of(lambda x: -np.log(x) - 1, 12, 1, 100, 150)
