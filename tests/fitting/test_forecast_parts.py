"""The pieces of a forecast, each against something independent of it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from relscale.errors import RelscaleError
from relscale.fitting.core_options import ForecastTarget
from relscale.fitting.forecasts import additive_laws as sums
from relscale.fitting.forecasts import loss_to_loss, trend
from relscale.fitting.forecasts.absurd import absurd
from relscale.fitting.forecasts.ensemble_settings import DEFAULT
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.gap_direction import gap_direction
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.forecasts.persistence import persistence
from relscale.fitting.forecasts.rolling_origins import rolling_origins
from relscale.fitting.forecasts.scales import Scales, check_target_units, scales, target_scales
from relscale.fitting.forecasts.shape_evidence import shape_evidence
from relscale.fitting.forecasts.track_record import TrackRecord
from relscale.fitting.forecasts.weights import combine, trimmed_mean, weights
from relscale.fitting.forecasts.width import half_widths
from relscale.fitting.inference.direction import Direction
from relscale.laws import irreducible, parametric, profile
from relscale.laws.profile import fit_positive
from relscale.laws.steepest_slope import steepest_slope

FLOPS = 1e18 * 10 ** (np.arange(9) / 3)
NAN = float("nan")


def along(flops: np.ndarray) -> Scales:
    return scales(np.log(flops), np.full(len(flops), NAN), np.full(len(flops), NAN))


def test_a_profile_finds_what_nonnegative_least_squares_of_every_grid_point_finds() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(0, 4, 20), rng.uniform(0, 4, 20)])
    grid = np.stack([g.ravel() for g in np.meshgrid([0.1, 0.4, 0.9], [0.2, 0.5])])
    log_error = np.log(rng.uniform(0.5, 2, (20, 4)))
    found = fit_positive(parametric.positive_terms, grid, x, log_error)
    for k in range(4):
        error = np.exp(log_error[:, k])
        best = []
        for g in grid.T:
            terms = np.stack([np.ones(20), np.exp(-g[0] * x[0]), np.exp(-g[1] * x[1])], axis=1)
            coefficients, norm = scipy.optimize.nnls(terms / error[:, None], np.ones(20))
            best.append((norm, *g, *coefficients))
        assert found.coefficients[:, k] == pytest.approx(min(best)[3:], abs=1e-6)
        assert found.grid[:, k] == pytest.approx(min(best)[1:3])


def test_some_of_many_points_choose_the_same_grid_point_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    x = chance.permutation(np.linspace(-4.5, 4.5, 9000))
    log_error = np.log(np.stack([1 + 2 * np.exp(-0.3 * x), 0.5 + np.exp(-0.15 * x)], axis=1))
    log_error += chance.normal(0, 0.02, log_error.shape)
    log_error[chance.random(9000) < 0.3, 1] = NAN
    grid, ahead = np.geomspace(0.01, 1.5, 240)[None], np.array([[5.0, 8.0]])
    of_some = fit_positive(irreducible.positive_terms, grid, x[None], log_error).log_value(ahead)
    monkeypatch.setattr(profile, "MAX_POINTS", 9000)
    of_all = fit_positive(irreducible.positive_terms, grid, x[None], log_error).log_value(ahead)
    assert of_some == pytest.approx(of_all, abs=1e-3)


@pytest.mark.parametrize("beta", [0.05, 0.2, 0.5])
def test_a_floor_is_found_and_carried_on(beta: float) -> None:
    def law(flops: np.ndarray) -> np.ndarray:
        return np.log(1.7 + 0.8 * (flops / 1e19) ** -beta)[:, None]

    ahead = FLOPS[-1] * np.array([10.0, 100.0])
    found = sums.irreducible(along(FLOPS), law(FLOPS), along(ahead))
    assert found == pytest.approx(law(ahead), abs=0.003)


def test_a_break_is_found_where_the_data_show_it() -> None:
    flops = 1e18 * 10 ** (np.arange(24) / 4)
    error = (flops / 1e21) ** -0.05 * (1 + flops / 1e21) ** -0.1
    ahead = np.array([flops[-1] * 10])
    truth = np.log((ahead / 1e21) ** -0.05 * (1 + ahead / 1e21) ** -0.1)
    found = sums.broken(along(flops), np.log(error)[:, None], along(ahead))[:, 0]
    line = trend.power_law(along(flops), np.log(error)[:, None], along(ahead))[:, 0]
    assert abs(found - truth) < 0.5 * abs(line - truth)


def test_a_surface_needs_shapes_that_differ_at_equal_compute() -> None:
    params = np.sqrt(FLOPS / 120)
    tied = scales(np.log(FLOPS), params, 20 * params)
    assert np.isnan(sums.surface(tied, np.zeros((9, 1)), tied)).all()


def _grid_of_models(noise: float, of_shape: float) -> tuple[Scales, np.ndarray]:
    """48 models, eight computes by six ratios of tokens to parameters, and 40 curves, with a minimum at 20."""
    log_flops, ratio = (
        grid.ravel() for grid in np.meshgrid(np.log(np.geomspace(1e18, 1e21, 8)), np.geomspace(2, 640, 6))
    )
    rng = np.random.default_rng(5)
    value = 0.3 - 0.05 * log_flops + of_shape * np.log(ratio / 20) ** 2
    tokens = np.exp((log_flops - np.log(6)) / 2) * np.sqrt(ratio)
    return scales(log_flops, tokens / ratio, tokens), value[:, None] + noise * rng.standard_normal(
        (len(value), 40)
    )


def test_a_minimum_in_tokens_per_parameter_is_evidence_and_noise_is_none() -> None:
    models, curves = _grid_of_models(noise=0.01, of_shape=0.01)
    assert (shape_evidence(models, curves) > 20).all()
    models, curves = _grid_of_models(noise=0.01, of_shape=0.0)
    evidence = shape_evidence(models, curves)
    # Of normal noise the ratio of the residual sums, n points and 5 terms to 3, is Beta((n - 5) / 2, 1).
    n = 48
    penalty = 2 * n * (6 / (n - 7) - 4 / (n - 5))
    assert evidence.mean() == pytest.approx(2 * n / (n - 5) - penalty, abs=1.2)
    assert np.median(evidence) < 0


def test_no_evidence_where_shapes_do_not_differ_or_points_are_few() -> None:
    models, curves = _grid_of_models(noise=0.01, of_shape=0.01)
    tied = scales(models.log_flops, np.exp(models.log_flops / 2), np.exp(models.log_flops / 2))
    assert (shape_evidence(tied, curves) == -np.inf).all()
    few = np.arange(0, 48, 7)
    assert (shape_evidence(models.take(few), curves[few]) == -np.inf).all()


def test_a_damped_trend_never_goes_further_than_as_much_again_as_was_seen() -> None:
    value = -0.05 * (np.log(FLOPS) - np.log(FLOPS[0]))[:, None]
    near, far = trend.damped_trend(along(FLOPS), value, along(FLOPS[-1] * np.array([1.01, 1e30])))
    assert near == pytest.approx(value[-1] - 0.05 * np.log(1.01), rel=1e-3)
    assert far == pytest.approx(2 * value[-1], rel=1e-4)


def test_persistence_takes_each_curves_own_last_value() -> None:
    value = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, NAN]])
    found = persistence(along(FLOPS[:3]), value, along(FLOPS[3:5]))
    assert found.tolist() == [[3.0, 5.0], [3.0, 5.0]]


@pytest.mark.slow
@given(st.floats(0.2, 3), st.floats(0.1, 2))
def test_a_linear_relation_of_losses_is_recovered(a: float, k: float) -> None:
    partner = np.log(np.linspace(3, 2, 6))[:, None]
    ahead = np.log([[1.7]])
    assert loss_to_loss.linear(np.log(a + k * np.exp(partner)), partner, ahead) == pytest.approx(
        np.log([[a + k * 1.7]]), rel=1e-6
    )


def test_a_shifted_power_of_another_loss_is_recovered() -> None:
    x = np.linspace(4, 2.5, 12)
    partner, ahead = np.log(x)[:, None], np.log([[2.2]])
    found = loss_to_loss.shifted_power(np.log(0.5 + 0.7 * (x - 1.25) ** 1.5)[:, None], partner, ahead)
    assert found == pytest.approx(np.log([[0.5 + 0.7 * (2.2 - 1.25) ** 1.5]]), abs=0.02)


def _past(errors: np.ndarray, log_flops: np.ndarray) -> TrackRecord:
    """Origins at ``log_flops``; errors (O, C, Q, J) of forecasts 1, 2, … e-folds ahead."""
    ahead = np.broadcast_to(1.0 + np.arange(errors.shape[2])[:, None], (errors.shape[0], *errors.shape[2:]))
    evidence = np.full((errors.shape[0], errors.shape[3]), np.nan)
    return TrackRecord(("compute",) * len(log_flops), log_flops, ahead, errors, errors, evidence)


def test_weights_are_equal_without_evidence_and_inverse_fourth_powers_with_much() -> None:
    one = np.array([0])
    errors = np.empty((400, 2, 1, 1))
    errors[:, 0], errors[:, 1] = 0.2, 0.1
    few, many = (
        weights(_past(errors[:n], np.linspace(0, 3, n)), one, np.array([1.0]), np.ones(2), DEFAULT)[0]
        for n in (1, 400)
    )
    assert few[1] / few[0] == pytest.approx(4 ** (2 / 3))
    assert many[1] / many[0] == pytest.approx(4**2, rel=0.04)
    none = weights(_past(errors * NAN, np.arange(400.0)), one, np.array([1.0]), np.array([1.0, 0]), DEFAULT)
    assert none.tolist() == [[1, 0]]


@pytest.mark.slow
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_a_trimmed_mean_of_equal_weights_is_scipys_and_of_one_weight_its_value(values: list[float]) -> None:
    x = np.repeat(values, 4)  # so that a quarter of the weight is a whole number of values
    equal = np.full(len(x), 1 / len(x))
    assert trimmed_mean(equal, x, 0.25) == pytest.approx(scipy.stats.trim_mean(x, 0.25), abs=1e-9)
    assert trimmed_mean(equal, x, 0.0) == pytest.approx(np.mean(x), abs=1e-9)
    assert trimmed_mean(np.eye(len(x))[0], x, 0.25) == pytest.approx(x[0])


def test_errors_of_late_origins_count_more() -> None:
    """One candidate was the better of two at the early origins, the other at the late ones, as often."""
    errors = np.full((40, 2, 1, 1), 0.2)
    errors[:20, 0], errors[20:, 1] = 0.1, 0.1
    record = _past(errors, np.linspace(0, 6, 40))
    found, alike = (
        weights(record, np.array([0]), np.array([1.0]), np.ones(2), settings)[0]
        for settings in (DEFAULT, replace(DEFAULT, recency=np.inf))
    )
    assert found[1] > 2 * found[0]
    assert alike[0] == pytest.approx(alike[1])


def test_a_forecast_is_absurd_beyond_the_trend_of_the_data_and_their_range() -> None:
    x, known = np.array([0.0, 5.0, 10.0]), np.array([[0.0], [0.5], [1.0]])
    forecast = np.array([2.09, 2.11, -1.09, -1.11, NAN])[:, None, None]
    absurd_ahead = [False, True, False, True, False]
    assert absurd(forecast, x, known, np.array([11.0])).ravel().tolist() == absurd_ahead
    assert absurd(forecast, x, known, np.array([-1.0])).ravel().tolist() == absurd_ahead  # as far before them
    assert absurd(forecast, x, known, np.array([5.0])).ravel().tolist() == [True, True, True, True, False]
    assert not absurd(forecast, x, known, np.array([30.0])).any()


@pytest.mark.parametrize("points", [3, 6, 15])
@pytest.mark.parametrize("noise", [0.001, 0.03, 0.3])  # in units of the true change over the known points
def test_a_true_power_law_is_absurd_in_few_draws_at_any_distance(points: int, noise: float) -> None:
    x = np.linspace(0, 1, points)
    at = np.array([1.5, 2.0, 3.0, 11.0, 101.0])
    y = -x[:, None] + noise * np.random.default_rng(1).standard_normal((points, 2000))
    truth = np.broadcast_to(-at[:, None], (1, 5, 2000))
    fitted = np.polynomial.polynomial.polyval(at, np.polynomial.polynomial.polyfit(x, y, 1)).T[None]
    assert absurd(truth, x, y, at).mean(axis=2).max() < 0.02
    assert not absurd(fitted, x, y, at).any()
    assert absurd(3 * truth, x, -x[:, None] + 0 * y, at).all()


def test_the_steepest_slope_is_the_limit_of_the_least_squares_line() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 5, 9), rng.standard_normal((9, 2))
    y[6:, 1] = NAN
    for j, n in enumerate((9, 6)):
        line = scipy.stats.linregress(x[:n], y[:n, j])
        limit = abs(line.slope) + scipy.stats.t.ppf(0.99, n - 2) * line.stderr
        assert steepest_slope(x, y)[j] == pytest.approx(limit)


def test_a_curve_that_ends_early_may_go_as_far_as_it_would_alone() -> None:
    x = np.arange(8.0)
    whole = np.where(x < 5, -0.1 * x, NAN)[:, None]
    both = np.hstack([whole, -0.1 * x[:, None]])
    forecast = np.full((1, 1, 2), -0.1 * 12.0)
    alone = absurd(forecast[..., :1], x[:5], whole[:5], np.array([12.0]))
    assert (
        absurd(forecast, x, both, np.array([12.0])).ravel().tolist() == [alone.item(), False] == [False] * 2
    )


def test_a_common_factor_is_recovered_with_what_is_missed_at_the_end() -> None:
    s = np.linspace(1, 0, 8)[:, None]
    found = loss_to_loss.common_factor(0.3 - 0.5 * s, s, np.array([[-0.5]]), np.log(FLOPS[:8]))
    assert found == pytest.approx(0.55)


def test_an_anchored_surface_passes_through_what_was_observed_at_the_requested_place() -> None:
    n, d = (each.ravel() for each in np.meshgrid(np.geomspace(1e8, 1e10, 4), np.geomspace(1e9, 1e12, 4)))
    where = scales(np.log(6 * n * d), n, d)
    value = np.log(1.5 + (n / 1e8) ** -0.3 + (d / 1e9) ** -0.3)[:, None]
    value[5] += 0.1
    plain = sums.surface(where, value, where.take(np.array([5])))
    near = sums.surface(where, value, where.take(np.array([5])), anchored=True)
    assert abs(near[0, 0] - value[5, 0]) < 0.02 < abs(plain[0, 0] - value[5, 0])


def test_a_saturating_curve_is_carried_on() -> None:
    x = np.log(FLOPS / FLOPS[0])
    odds = np.exp(0.5 - 0.3 * x)
    ahead = np.log(FLOPS[-1] * 10 / FLOPS[0])
    found = sums.saturated(along(FLOPS), np.log(odds / (1 + odds))[:, None], along(FLOPS[-1:] * 10))
    truth = np.exp(0.5 - 0.3 * ahead)
    assert found[0, 0] == pytest.approx(np.log(truth / (1 + truth)), abs=0.03)


def test_a_candidate_that_can_not_say_has_no_weight() -> None:
    forecast = np.array([[[1.0, NAN]], [[3.0, 5.0]]])
    ensemble, used = combine(np.ones((1, 2, 2)), forecast, DEFAULT.trim)
    assert ensemble.tolist() == [[2.0, 5.0]]
    assert used[:, 0].tolist() == [[0.5, 0.0], [0.5, 1.0]]


def test_width_follows_the_scatter_at_each_distance_and_t_the_origins_that_do_not_overlap() -> None:
    rng = np.random.default_rng(0)
    count = 2000
    a, b = 0.01, 0.04
    d = np.arange(1.0, 5.0)
    error = rng.standard_normal((count, 1, 4, 1)) * np.sqrt(a + b * d)[:, None]
    record = _past(error, np.linspace(0, 10 * count, count))
    alike = replace(DEFAULT, recency=np.inf)
    half, df, origins = half_widths(record, np.array([0]), error[:, 0], np.array([[2.0], [8.0]]), 0.95, alike)
    assert origins == count
    expected = DEFAULT.width * 1.96 * np.sqrt(a + b * np.array([2.0, 8.0]))
    assert half[:, 0] == pytest.approx(expected, rel=0.05)

    near = _past(error[:4], np.arange(4.0))
    _, df, origins = half_widths(
        near, np.array([0]), error[:4, 0], np.array([[0.5], [1.5], [30.0]]), 0.95, DEFAULT
    )
    assert origins == 4
    assert df[:, 0].tolist() == [4, 3, 2]


def test_a_curve_that_ended_earlier_was_forecast_from_further_away() -> None:
    """Errors grow as the square root of the distance from each curve's own end: of 1 and of 9 e-folds."""
    error = np.random.default_rng(0).standard_normal((2000, 1, 1, 2)) * np.array([1.0, 3.0])
    together = _past(error, np.linspace(0, 20_000, 2000))
    apart = replace(together, distance=together.distance * np.array([1.0, 9.0]))
    settings = replace(DEFAULT, recency=np.inf, curve_prior=np.inf)
    ahead = np.array([[1.0, 9.0], [9.0, 1.0]])
    half, _, _ = half_widths(apart, np.arange(2), error[:, 0], ahead, 0.95, settings)
    expected = DEFAULT.width * 1.96 * np.array([[1.0, 3.0], [3.0, 1.0]])
    assert half == pytest.approx(expected, rel=0.1)


def test_the_candidate_that_was_better_at_the_distance_of_a_curve_has_more_weight_there() -> None:
    """The first candidate is better near, for the curve that ends late, and the second far, for the other."""
    errors = np.full((200, 2, 1, 2), 0.1)
    errors[:, 0, :, 1], errors[:, 1, :, 0] = 0.2, 0.2
    past = _past(errors, np.linspace(0, 3, 200))
    past = replace(past, distance=past.distance * np.array([1.0, 30.0]))
    near, far = weights(past, np.arange(2), np.array([1.0, 30.0]), np.ones(2), DEFAULT)
    assert near[0] > 2 * near[1]
    assert far[1] > 2 * far[0]


def test_one_origin_gives_no_width() -> None:
    half, _, origins = half_widths(
        _past(np.ones((1, 1, 3, 2)), np.zeros(1)),
        np.arange(2),
        np.ones((1, 3, 2)),
        np.ones((2, 2)),
        0.95,
        DEFAULT,
    )
    assert origins == 1
    assert np.isnan(half).all()


def test_origins_may_use_only_forecasts_that_were_made_and_met_before_them() -> None:
    origins = rolling_origins(along(FLOPS), np.ones(9, dtype=bool))
    assert origins.known.sum(axis=1).tolist() == [3, 4, 5, 6, 7, 8]
    for known in origins.known:
        for o, q in np.argwhere(origins.resolved(known)):
            assert not (origins.known[o] & ~known).any()
            assert known[origins.targets[q]]
            assert not origins.known[o][origins.targets[q]]
    assert not origins.resolved(origins.known[0]).any()
    assert origins.resolved(np.ones(9, dtype=bool)).sum() == origins.ahead.sum()


@pytest.mark.parametrize(
    ("last", "low", "high", "expected"),
    [
        (0.3, 0.1, 0.2, Direction.CLOSES),
        (-0.3, -0.2, -0.1, Direction.CLOSES),
        (0.3, 0.4, 0.5, Direction.WIDENS),
        (-0.3, -0.5, -0.4, Direction.WIDENS),
        (0.3, -0.5, -0.4, Direction.WIDENS),  # it closed, came out on the other side, and is larger there
        (0.3, -0.2, -0.1, Direction.UNCLEAR),  # smaller than it was, and growing
        (0.3, -0.1, 0.2, Direction.UNCLEAR),
        (0.3, 0.2, 0.4, Direction.UNCLEAR),
        (0.3, NAN, NAN, None),
    ],
)
def test_a_gap_closes_where_all_of_its_interval_lies_between_none_and_what_it_was(
    last: float, low: float, high: float, expected: str | None
) -> None:
    assert gap_direction(last, low, high) == expected


@pytest.mark.slow
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1))
def test_exchanging_target_and_baseline_changes_no_direction(last: float, low: float, width: float) -> None:
    assert gap_direction(last, low, low + width) == gap_direction(-last, -low - width, -low)


def test_no_limits_have_a_better_expected_interval_score_than_the_true_quantiles() -> None:
    y = np.random.default_rng(0).standard_normal(200_000)
    best = scipy.stats.norm.ppf(0.975)
    score = {half: interval_score(-half, half, y, 0.95).mean() for half in (0.8 * best, best, 1.2 * best)}
    assert min(score, key=score.__getitem__) == best


DATA = np.geomspace(1e18, 1e21, 8)
PARAMS, TOKENS = np.sqrt(DATA / 120), np.sqrt(DATA / 120) * 20


@pytest.mark.parametrize(("million", "billion"), [(1.0, 1.0), (1e6, 1e9), (1e9, 1e12)])
def test_a_target_has_the_units_of_the_data(million: float, billion: float) -> None:
    known = scales(np.log(DATA), PARAMS / million, TOKENS / billion)
    for target in (
        ForecastTarget(training_flops=1e23),
        ForecastTarget(training_flops=1e23, params=3e10 / million, tokens=6e11 / billion),
        ForecastTarget(training_flops=1e23, params=7e9 / million, tokens=2e13 / billion),
        ForecastTarget(training_flops=1e23, tokens=2e13 / billion),
    ):
        check_target_units([target], target_scales([target], known), known)
    absolute = (
        ForecastTarget(training_flops=1e23, params=3e10, tokens=6e11),
        ForecastTarget(training_flops=1e23, params=3e10),
        ForecastTarget(training_flops=1e23, tokens=6e11),
        ForecastTarget(training_flops=1e23, tokens_per_param=20),
    )
    for target in absolute:
        if million == 1:
            check_target_units([target], target_scales([target], known), known)
        else:
            with pytest.raises(RelscaleError, match="give the target in the units of the table"):
                check_target_units([target], target_scales([target], known), known)


def test_a_target_of_unknown_sizes_has_no_units() -> None:
    known, target = along(np.array([1e18, 1e19])), ForecastTarget(training_flops=1e23, params=7)
    unknown = replace(known, log_params=np.full(2, np.nan), log_tokens=np.full(2, np.nan))
    check_target_units([target], target_scales([target], unknown), unknown)


def test_a_series_shared_by_errors_and_ratios_is_forecast_once_and_as_before() -> None:
    rng = np.random.default_rng(0)
    known, at = along(FLOPS), along(FLOPS[-1:] * 10)
    series = -0.1 * np.log(FLOPS)[:, None] + rng.normal(0, 0.01, (len(FLOPS), 3))
    fitted: list[int] = []

    def counted(known: Scales, log_error: np.ndarray, at: Scales) -> np.ndarray:
        fitted.append(log_error.shape[1])
        return sums.irreducible(known, log_error, at)

    forecasts = ErrorForecasts()
    for columns in ([0, 1], [1, 0], [2, 1, 2], [0]):
        found = forecasts.of("floor", counted, known, series[:, columns], at)
        np.testing.assert_allclose(found, sums.irreducible(known, series[:, columns], at), rtol=1e-12)
    assert fitted == [2, 1]
    earlier = forecasts.of("floor", counted, known.take(np.arange(8)), series[:8], at)
    np.testing.assert_allclose(
        earlier, sums.irreducible(known.take(np.arange(8)), series[:8], at), rtol=1e-12
    )
    assert fitted == [2, 1, 3]  # from fewer points it is another forecast
    other = forecasts.of("line", lambda known, errors, at: np.zeros((1, errors.shape[1])), known, series, at)
    assert not other.any()  # nor is that by another law
