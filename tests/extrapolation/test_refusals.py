"""Which forecasts are absurd, and which shares of a variance are undefined."""

import numpy as np
import pyarrow as pa
import pytest

import relscale as rs
from relscale.errors import RelscaleError
from relscale.extrapolation.extrapolate import explained_share, extrapolate, refusal, trend
from relscale.extrapolation.table import Table


def curve(x: np.ndarray, y: np.ndarray) -> Table:
    nothing = np.zeros(len(x), dtype=int)
    return Table(("examples",), x[None], y, nothing, nothing)


def forecast_of(y_of: object, points: int, first: float, last: float, at: float) -> object:
    x = np.geomspace(first, last, points)
    return extrapolate(curve(x, y_of(x)), curve(np.array([at]), np.array([np.nan])))


@pytest.mark.slow
@pytest.mark.parametrize("slope", [-0.12, 0.05])
def test_a_line_that_is_forecast_further_than_it_is_known_is_not_absurd(slope: float) -> None:
    result = forecast_of(lambda x: 1 + slope * np.log(x), 15, 1, 20, 60)
    lines = [
        why for name, why in zip(result.candidates, result.refused, strict=True) if name.startswith("line")
    ]
    assert not any(lines)
    assert result.forecast[0] == pytest.approx(1 + slope * np.log(60), rel=0.02)


@pytest.mark.slow
def test_the_power_law_of_noisy_points_is_the_forecast_a_decade_further() -> None:
    """As of the optimal parameters, N ~ C^0.5, which grow by more in this decade than in the three before it."""
    noise = np.random.default_rng(0).normal(0, 0.01, 12)
    result = forecast_of(lambda x: 7 * x**0.5 * np.exp(noise), 12, 1, 1e3, 1e4)
    refused = dict(zip(result.candidates, result.refused, strict=True))
    assert not any(why for name, why in refused.items() if name.startswith(("line", "M1", "BNSL")))
    assert np.log(result.forecast[0] / 700) == pytest.approx(0, abs=0.05)


def test_a_forecast_is_absurd_beyond_the_range_and_the_trend_of_its_curve() -> None:
    known = curve(np.array([1.0, 2, 4]), np.array([4.0, 2.0, 1.0]))
    near, far = (trend(known, curve(np.array([at]), np.array([np.nan]))) for at in (4.0, 16.0))
    assert (near[0], far[0]) == pytest.approx((0, np.log(4)), abs=1e-6)
    assert refusal(np.array([0.24]), known, near).startswith("absurd forecast")
    assert not refusal(np.array([0.07]), known, far)
    assert refusal(np.array([0.06]), known, far).startswith("absurd forecast")
    assert refusal(np.array([-0.1]), known, 100 * far).startswith("absurd forecast")


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


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, -1.0, None])
def test_a_row_without_positive_compute_is_left_out_and_counted(wrong: float | None) -> None:
    """One such row refused every candidate, whose message was that none has these predictors."""
    flops = [*np.geomspace(1e18, 1e21, 10), wrong]
    loss = [*(2 * (np.array(flops[:-1]) / 1e18) ** -0.05), 2.0]
    table = pa.table({"flops": flops, "loss": loss})
    asked = {"y": "loss", "x": {"training_flops": "flops"}, "train": "not flops > 3e20"}
    with_it, without = (rs.extrapolate(one, **asked) for one in (table, table.slice(0, 10)))
    assert with_it.left_out == 1
    assert with_it.rows["forecast"].tolist() == without.rows["forecast"].tolist()


@pytest.mark.parametrize("train", ["year < 2021", "year in (2019, 2020)", 'year != "2021"'])
def test_names_that_are_numbers_are_compared_as_numbers(train: str) -> None:
    flops, year = np.tile(np.geomspace(1e18, 1e21, 12), 3), np.repeat(["2019", "2020", "2021"], 12)
    table = pa.table({"year": year, "flops": flops, "loss": 2 * (flops / 1e18) ** -0.05})
    asked = {"y": "loss", "x": {"training_flops": "flops"}, "group": ["year"], "laws": ["line"]}
    found = rs.extrapolate(table, train=f"({train}) or flops < 4e20", **asked)
    assert set(found.rows["year"]) == {"2021"}
    assert (found.rows["flops"] > 4e20).all()
