import numpy as np
import pytest
import scipy.stats

from relscale.fitting.inference.bootstrap import limits as li
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.inference.method import described
from relscale.fitting.status import Status

SKEWED = np.random.default_rng(0).exponential(size=25)


def mean_of_squares(sample: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(sample**2, axis=axis)


def left_out(sample: np.ndarray) -> np.ndarray:
    return np.array([mean_of_squares(np.delete(sample, i)) for i in range(len(sample))])


@pytest.mark.parametrize(("kind", "scipys"), [("percentile", "percentile"), ("bca", "BCa")])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_limits_are_those_that_scipy_finds_from_the_same_draws(kind: str, scipys: str, level: float) -> None:
    theirs = scipy.stats.bootstrap(
        (SKEWED,), mean_of_squares, confidence_level=level, method=scipys, n_resamples=999, rng=1
    )
    mine = li.limits(
        mean_of_squares(SKEWED), theirs.bootstrap_distribution, level, kind, jackknife=left_out(SKEWED)
    )
    assert (mine.low, mine.high) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-12)


def test_the_acceleration_over_strata_is_scipys_for_several_samples() -> None:
    samples = SKEWED[:10], 3 + 2 * SKEWED[10:]

    def ratio(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
        return a.mean(axis=axis) / b.mean(axis=axis)

    theirs = scipy.stats.bootstrap(samples, ratio, method="BCa", n_resamples=999, rng=1)
    jackknife = [ratio(np.delete(samples[0], i), samples[1]) for i in range(10)]
    jackknife += [ratio(samples[0], np.delete(samples[1], i)) for i in range(15)]
    mine = li.limits(
        ratio(*samples),
        theirs.bootstrap_distribution,
        0.95,
        "bca",
        jackknife=np.array(jackknife),
        strata=np.repeat([0, 1], [10, 15]),
    )
    assert (mine.low, mine.high) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-12)


def test_studentised_limits_of_a_normal_mean_are_students() -> None:
    """With t* drawn from its own law they are the t interval."""
    rng = np.random.default_rng(2)
    sample = rng.normal(size=8)
    stderr = sample.std(ddof=1) / np.sqrt(8)
    draws = sample.mean() + sample.std(ddof=1) * rng.standard_normal((8, 200_000))
    found = li.limits(
        sample.mean(),
        draws.mean(axis=0),
        0.95,
        "studentised",
        stderr=stderr,
        draw_stderr=draws.std(axis=0, ddof=1) / np.sqrt(8),
    )
    assert (found.low, found.high) == pytest.approx(
        scipy.stats.t.interval(0.95, 7, sample.mean(), stderr), rel=0.02
    )


def test_many_parameters_are_limited_at_once_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    draws, jackknife = rng.gamma(2.0, size=(3, 400)), rng.gamma(2.0, size=(3, 9))
    estimate, stderr, draw_stderr = np.array([1.0, 2.0, 3.0]), np.ones(3), 1 + rng.random((3, 400))
    for kind in li.KINDS:
        whole = li.limits(
            estimate, draws, 0.9, kind, stderr=stderr, draw_stderr=draw_stderr, jackknife=jackknife
        )
        for j in range(3):
            single = li.limits(
                estimate[j],
                draws[j],
                0.9,
                kind,
                stderr=stderr[j],
                draw_stderr=draw_stderr[j],
                jackknife=jackknife[j],
            )
            assert (whole.low[j], whole.high[j]) == pytest.approx((float(single.low), float(single.high)))


def test_failed_draws_are_left_out_counted_and_flagged_when_many() -> None:
    draws = np.tile(np.linspace(0, 1, 101), (3, 1))
    draws[1, ::25] = np.nan
    draws[2, :90] = np.nan
    found = li.limits(np.full(3, 0.5), draws, 0.9)
    assert found.failed.tolist() == [0, 5, 90]
    assert [str(remark) for remark in found.status] == ["ok", "ok", "90 of 101 bootstrap draws failed"]
    assert (found.low[0], found.high[0]) == pytest.approx((0.05, 0.95))
    assert (found.low[1], found.high[1]) == pytest.approx(
        tuple(np.quantile(draws[1][np.isfinite(draws[1])], [0.05, 0.95]))
    )
    assert np.isnan(found.low[2])


def test_draws_without_an_effect_are_counted_beside_those_that_failed() -> None:
    draws = np.tile(np.linspace(0, 1, 101), (3, 1))
    draws[:, :3] = np.nan
    unaffected = np.zeros(draws.shape, dtype=bool)
    unaffected[1, :5], unaffected[2, :90] = True, True
    found = li.limits(np.full(3, 0.95), draws, 0.9, without_effect=unaffected)
    assert found.failed.tolist() == [3, 3, 3]
    assert found.without_effect.tolist() == [0, 2, 87]
    assert [remark.status for remark in found.status] == [Status.OK, Status.OK, Status.NO_EFFECT]
    assert found.low[1] == pytest.approx(np.quantile(draws[1, 5:], 0.05))
    assert li.draws_note(li.PERCENTILE, 101, 3, 2) == "percentile, 101 draws, 3 failed, 2 without an effect"


def test_failed_draws_and_draws_without_an_effect_are_too_many_together() -> None:
    draws = np.linspace(0, 1, 101)[None].copy()
    draws[:, :4] = np.nan
    unaffected = np.zeros(draws.shape, dtype=bool)
    unaffected[:, 4:7] = True
    (remark,) = li.limits(np.full(1, 0.5), draws, 0.9, without_effect=unaffected).status
    assert remark.status == Status.FAILED_DRAWS
    assert "4 of 101 bootstrap draws failed; in 3 of 101 bootstrap draws" in str(remark)


def test_a_method_in_words_says_scheme_kind_draws_and_failures() -> None:
    note = li.draws_note(li.STUDENTISED, 1000, 3)
    assert described(schemes.METHODS[schemes.BLOCK], note) == (
        "block bootstrap by trajectory, studentised, 1000 draws, 3 failed"
    )


def test_pairs_keep_the_number_of_runs_of_each_budget() -> None:
    budget = ["a", "b", "a", "a", "b", "c"]
    found = schemes.weights("pairs", 6, 5000, np.random.default_rng(0), strata=budget)
    assert (found[[0, 2, 3]].sum(axis=0) == 3).all()
    assert (found[[1, 4]].sum(axis=0) == 2).all()
    assert (found[5] == 1).all()
    assert found.mean(axis=1) == pytest.approx(np.ones(6), abs=0.05)
    assert found[0].var() == pytest.approx(2 / 3, abs=0.05)  # of a binomial of 3 draws


def test_a_block_is_drawn_whole() -> None:
    found = schemes.weights("block", 5, 200, np.random.default_rng(0), blocks=["m", "n", "m", "o", "n"])
    assert (found[0] == found[2]).all()
    assert (found[1] == found[4]).all()
    assert (found[[0, 1, 3]].sum(axis=0) == 3).all()


def test_a_residual_bootstrap_has_the_variance_of_the_noise_and_not_of_the_residuals() -> None:
    rng = np.random.default_rng(4)
    residuals, fitted = rng.normal(size=6), np.arange(6.0)
    found = schemes.resampled(fitted, residuals, 2, 100_000, rng)
    variance = np.sum((residuals - residuals.mean()) ** 2) / (6 - 2)
    assert (found - fitted[:, None]).var(axis=1) == pytest.approx(np.full(6, variance), rel=0.03)
    assert found.mean(axis=1) == pytest.approx(fitted, abs=0.02)


def test_a_parametric_bootstrap_has_the_noise_that_it_is_given() -> None:
    found = schemes.simulated([1.0, 2.0], [0.1, 3.0], 100_000, np.random.default_rng(5))
    assert found.mean(axis=1) == pytest.approx([1, 2], abs=0.03)
    assert found.std(axis=1) == pytest.approx([0.1, 3], rel=0.02)


def test_draws_repeat_with_their_seed() -> None:
    one, two, other = (
        schemes.weights("pairs", 9, 20, np.random.default_rng(seed), strata=[0] * 4 + [1] * 5)
        for seed in (1, 1, 2)
    )
    assert (one == two).all()
    assert (one != other).any()
