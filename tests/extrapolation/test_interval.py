"""Prediction intervals of extrapolations: how often they cover, how they widen, and what they say of far rows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from relscale.errors import RelscaleError
from relscale.extrapolation.extrapolate import HeldOut, extrapolate, held_out_of_others
from relscale.extrapolation.folds import Fold, make_folds
from relscale.extrapolation.interval import (
    TAIL,
    WeightedForecast,
    distance,
    expected_size,
    noise_variance,
    prediction_interval,
    squared_scale,
)
from relscale.extrapolation.of_table import extrapolate_table
from relscale.extrapolation.table import Table
from relscale.fitting.status import Status

LAWS = ("last value", "line", "theta", "M1")  # the fast ones


def curves(x, y):
    """One curve per row of y, at the same x."""
    y = np.atleast_2d(np.asarray(y, float))
    return Table(
        ("tokens",),
        np.tile(np.asarray(x, float), len(y))[None],
        y.ravel(),
        np.repeat(np.arange(len(y)), len(x)),
        np.arange(y.size),
    )


def asked(x, number=1):
    return curves(x, np.full((number, len(x)), np.nan))


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 8])
def test_new_measurements_on_power_laws_with_noise_are_covered(number):
    rng, x, ahead = np.random.default_rng(number), np.geomspace(1, 64, 14), np.array([90.0, 128])
    covered = []
    for _ in range(96 // number):
        level, slope = rng.uniform(1, 3, (number, 1)), rng.uniform(0.1, 0.4, (number, 1))
        y = level * np.concatenate([x, ahead]) ** -slope * np.exp(0.02 * rng.standard_normal((number, 16)))
        interval = extrapolate(curves(x, y[:, :14]), asked(ahead, number), LAWS).interval
        covered.append((interval.low < y[:, 14:].ravel()) & (y[:, 14:].ravel() < interval.high))
    assert 0.9 <= np.mean(covered) <= 0.995  # of 192 rows, two on each curve


@pytest.fixture(scope="module")
def noisy():
    """A power law with 2% of noise, and its forecast up to 32 times further."""
    x = np.geomspace(1, 256, 17)
    y = 2 * x**-0.3 * np.exp(0.02 * np.random.default_rng(3).standard_normal(17))
    known = curves(x, y)
    return known, extrapolate(known, asked([300, 400, 512]), LAWS)


def test_intervals_widen_with_distance_and_are_not_narrower_than_noise(noisy):
    _, result = noisy
    half = np.log(result.interval.high / result.interval.low) / 2
    assert (np.diff(half) >= 0).all()
    assert half[0] > 0.02
    assert np.log(result.forecast / result.interval.low) == pytest.approx(half)


def test_a_higher_level_is_a_wider_interval(noisy):
    known, at_95 = noisy
    at_50 = extrapolate(known, asked([300, 400, 512]), LAWS, level=0.5)
    ratio = np.log(at_95.interval.high / at_95.forecast) / np.log(at_50.interval.high / at_50.forecast)
    assert ratio == pytest.approx(student.ppf(0.975, TAIL) / student.ppf(0.75, TAIL))


def test_a_curve_without_noise_has_no_zero_width():
    x = np.geomspace(1, 64, 12)
    interval = extrapolate(curves(x, np.ones(12)), asked([80.0, 100]), LAWS).interval
    assert (interval.low < 1).all()
    assert (interval.high > 1).all()


def test_noise_is_estimated_without_a_law():
    """Of 2,000 points on a curve; its own bend between neighbours is nothing beside the noise."""
    x = np.geomspace(1, 100, 2000)
    y = (0.5 + x**-0.5) * np.exp(0.03 * np.random.default_rng(0).standard_normal(2000))
    assert np.sqrt(noise_variance(curves(x, y), logs=True)[0]) == pytest.approx(0.03, rel=0.05)
    assert noise_variance(curves(x[:2], y[:2]), logs=True) == {0: 0.0}


def test_noise_of_repeated_measurements_at_one_x():
    y = 1 + 0.1 * np.random.default_rng(0).standard_normal(2000)
    known = curves(np.repeat([1.0, 2.0], 1000), np.where(y > 0, y, 1.0))
    assert np.sqrt(noise_variance(known, logs=True)[0]) == pytest.approx(np.log(known.y).std(), rel=0.05)


def weighted(known, at, value, by_candidate):
    each = np.asarray(by_candidate, float)
    weight = np.full(len(each), 1 / len(each))
    return WeightedForecast(known, at, weight, each, np.asarray(value, float), known.positive)


def test_only_rows_beyond_the_known_ones_are_at_least_as_wide_as_nearer_ones():
    known, x = curves([1.0, 4, 16], np.ones(3)), [2.0, 32, 32, 64, 3]
    each = np.exp(np.outer([-1, 1], [0.3, 0.2, 0.1, 0.1, 0.1]))

    def size(order):
        at = asked(np.array(x)[order])
        return expected_size(weighted(known, at, np.ones(5), each[:, order]), np.ones(2, bool))

    assert size([0, 1, 2, 3, 4]) == pytest.approx([0.3, 0.2, 0.2, 0.2, 0.1])
    assert size([4, 2, 3, 1, 0]) == pytest.approx([0.1, 0.2, 0.2, 0.2, 0.3])


def test_random_folds_are_equally_near():
    known, at = curves([1.0, 2, 4, 8], np.ones(4)), asked([16.0])
    each = [[np.exp(-0.1)], [np.exp(0.1)]]
    folds = [[weighted(known, curves([16.0], np.exp(by)), [1.0], each)] for by in (0.0, 0.5)]

    def high(folds, nearest_first):
        forecast = weighted(known, at, [1.0], each)
        return prediction_interval(forecast, folds, np.ones(2, bool), 0.95, nearest_first).high[0]

    assert high(folds, False) == pytest.approx(high(folds[::-1], False))
    assert high(folds, True) < high(folds[::-1], True)


@pytest.mark.parametrize("cells", [False, True])
def test_weights_of_a_fold_come_from_rows_that_are_not_its_targets(cells):
    rng = np.random.default_rng(0)
    x = (
        np.exp(rng.uniform(0, 5, (2, 60)))
        if not cells
        else np.array(np.meshgrid([1, 2, 4, 8], [1, 3, 9, 27]))
    )
    x = np.tile(x.reshape(2, -1), 3) if cells else x
    known = Table(("params", "tokens"), x, 1 / x[0], np.zeros(x.shape[1], int), np.arange(x.shape[1]))
    at = known.take(np.arange(4))
    parts = make_folds(known, Table(known.names, 50 * at.x, at.y, at.group, at.model))
    held_out = [
        HeldOut.of(part.targets[part.targets][None] * 1.0, known.take(part.targets), True, False)
        for part in parts
    ]
    assert len(parts) > 1
    for f, part in enumerate(parts):
        ((_, others),) = held_out_of_others(parts, held_out, f)
        own = set(known.model[part.targets])
        assert not any(own & set(rows.targets.model) for rows in others)
        assert others or all(set(known.model[other.targets]) <= own for other in parts)


def test_a_candidate_without_errors_on_the_other_curves_has_no_weight_there():
    """The second curve's line through two points is absurd, so that it has no error from which to weight the first."""
    rng = np.random.default_rng(0)
    x = np.geomspace(1, 1e4, 60)
    long = curves(x, 3 * x**-0.2 * np.exp(0.002 * rng.standard_normal(60)))
    short = curves([1, 10, 20, 30, 40, 41, 1e3, 1e4], [1, 1.01, 1.0, 1.02, 1.0, 1.05, 1.01, 1.0])
    both = Table(
        long.names,
        np.hstack([long.x, short.x]),
        np.concatenate([long.y, short.y]),
        np.repeat([0, 1], [60, 8]),
        np.arange(68),
    )
    late = both.x[0] > 60
    laws = ("last value", "line, last 2", "theta", "M1")
    interval = extrapolate(both, asked([3e4], 2), laws, [Fold(~late, late, "beyond 60")]).interval
    assert np.isfinite([interval.low, interval.high]).all()


def test_a_predictor_that_is_a_logarithm_is_as_far_as_its_exponential():
    flops = curves([1e18, 1e20], np.ones(2))
    logs = Table(("log_flops",), np.log(flops.x), flops.y, flops.group, flops.model)
    to = Table(("log_flops",), np.log([[1e22]]), np.full(1, np.nan), np.zeros(1, int), np.zeros(1, int))
    assert distance(logs, to) == pytest.approx(distance(flops, asked([1e22])))


def test_the_folds_of_a_logarithm_are_those_of_its_exponential():
    flops, ahead = curves(np.geomspace(1e15, 1e20, 30), np.ones(30)), asked([1e22])

    def in_logs(table):
        return Table(("log_flops",), np.log(table.x), table.y, table.group, table.model)

    known = [part.known.tolist() for part in make_folds(flops, ahead)]
    assert [part.known.tolist() for part in make_folds(in_logs(flops), in_logs(ahead))] == known


def test_candidates_that_disagree_make_the_interval_as_wide_as_their_disagreement():
    known, at = curves([1.0, 2, 4], [1.0, 1.0, 1.0]), asked([8.0])
    forecast = weighted(known, at, [1.0], [[np.exp(-0.2)], [np.exp(0.2)]])
    assert expected_size(forecast, np.ones(2, bool)) == pytest.approx([0.2])


def test_errors_larger_than_expected_make_the_interval_wider():
    known = curves([1.0, 2, 4, 8], np.ones(4))
    forecast = weighted(known, asked([16.0]), [1.0], [[np.exp(-0.1)], [np.exp(0.1)]])

    def half(missed):
        truth = curves([16.0], np.exp(missed))
        fold = weighted(known, truth, [1.0], [[np.exp(-0.1)], [np.exp(0.1)]])
        return np.log(prediction_interval(forecast, [[fold]], np.ones(2, bool), 0.95).high[0])

    assert half(0.0) < half(0.1) < half(0.4)


def test_the_scale_of_many_errors_is_that_of_their_distribution():
    errors = 1.7 * np.random.default_rng(0).standard_t(TAIL, 20_000)
    assert np.sqrt(squared_scale(errors**2, np.ones(20_000))) == pytest.approx(1.7, rel=0.03)


def test_a_row_further_than_any_fold_tested_says_so_and_is_wider():
    x = np.geomspace(1, 64, 25)
    y = 2 * x**-0.3 * np.exp(0.01 * np.random.default_rng(1).standard_normal(25))
    known = curves(x, y)
    late = x > 20
    fold = Fold(~late, late, "beyond 20")
    interval = extrapolate(known, asked([100.0, 640]), LAWS, [fold]).interval
    assert interval.status == (Status.OK, Status.EXTRAPOLATED_WIDTH)
    near, far = np.log(interval.high / interval.low)
    assert far / near > 2


def test_distance_is_beyond_the_rows_of_the_same_curve():
    known = curves([1.0, 10], np.ones((2, 2)))
    assert distance(known, asked([5.0, 100, 0.1], 2)) == pytest.approx(np.log([1, 10, 10] * 2))


def table(n=12):
    x = np.geomspace(1e8, 1e10, n)
    return pd.DataFrame(
        {"tokens": x, "loss": 2 * (x / 1e8) ** -0.2, "split": ["train"] * (n - 2) + ["test"] * 2}
    )


def test_the_rows_of_a_table_have_limits_around_their_forecast(tmp_path):
    options = {"y": "loss", "x": {"tokens": "tokens"}, "train": 'split == "train"', "laws": LAWS}
    rows = table()
    result = extrapolate_table(pd.concat([rows, rows[-1:].assign(tokens=np.nan)]), level=0.9, **options)
    known = result.rows[:2]
    assert (known.forecast_low < known.forecast).all()
    assert (known.forecast < known.forecast_high).all()
    assert result.rows.forecast_level.tolist() == [0.9] * 3
    assert result.rows.forecast_status.tolist() == ["ok", "ok", "no forecast"]
    assert "in the 90% interval" in str(result)
    with pytest.raises(RelscaleError, match=r"level: 95 is not between 0 and 1; write 0\.95"):
        extrapolate_table(rows, level=95, **options)
    with pytest.raises(RelscaleError, match="a column 'forecast_low', which the forecast would replace"):
        extrapolate_table(rows.assign(forecast_low=1), **options)


def test_columns_of_the_table_stay_beside_those_of_the_forecast():
    """Tables of runs and of fits have columns of these names."""
    own = {"status": "finished", "low": 1.0, "high": 9.0, "level": "hard"}
    options = {"y": "loss", "x": {"tokens": "tokens"}, "train": 'split == "train"', "laws": LAWS}
    result = extrapolate_table(table().assign(**own), **options)
    assert result.rows[list(own)].drop_duplicates().to_dict("records") == [own]
    without = extrapolate_table(table(), **options).rows
    pd.testing.assert_frame_equal(result.rows.drop(columns=list(own)), without)


@pytest.mark.slow
@pytest.mark.parametrize(("points", "status"), [(1, "too few points"), (2, "too few points"), (3, "ok")])
def test_a_curve_of_few_points_beside_long_ones_says_that_they_are_too_few(points, status):
    """Two measurements at one x are one point."""
    rng, x = np.random.default_rng(5), np.geomspace(1, 64, 14)
    rows = [
        (curve, at, height * at**-0.3 * np.exp(0.01 * rng.standard_normal()), at <= 32)
        for curve, height in (("a", 2.0), ("b", 2.2), ("c", 2.4))
        for at in (x if curve != "c" else [*np.repeat(x[8 : 8 + points], 2), 40.0])
    ]
    table = pd.DataFrame(rows, columns=["curve", "n", "loss", "known"])
    result = extrapolate_table(table, y="loss", x={"n": "n"}, train="known", group=["curve"])
    of = result.rows.set_index("curve")["forecast_status"]
    assert of["c"] == status
    assert set(of["a"]) == {"ok"}
    assert ("1 rows are of curves with fewer than 3 known points" in str(result)) == (status != "ok")
