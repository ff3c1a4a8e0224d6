"""Limits of questions: of a mean over items, of where a line is 0, of what a mixture is worth."""

import numpy as np
import pytest
from scipy.stats import t as student

from relscale.fitting.estimation.estimate import estimate
from relscale.laws.catalogue import law as law_of
from relscale.questions import curation, mixture, multiplier, signal_noise
from relscale.questions.limits import (
    NO_STDERR,
    Percentiles,
    mean_with_limits,
    percentiles,
    range_of,
    stderr_of,
    widened,
    zero_of_line,
)
from relscale.storage.column_arrays import Columns


def test_items_on_which_two_models_agree_leave_limits_and_not_a_number() -> None:
    """Of 20 questions that both have right, the rule of three says that they may differ in up to about 14%."""
    for scores in (np.array([0.0, 1.0]), np.ones(20), np.linspace(0, 1, 11)):
        mean, low, high = mean_with_limits(np.zeros(20), range_of(scores))
        assert (mean, low) == (0.0, -high)
        assert 0.1 < high < 0.2


def test_limits_of_graded_scores_that_differ_in_some_items_are_those_of_their_scatter() -> None:
    gain = np.random.default_rng(0).normal(size=8) * (np.arange(8) > 2)
    assert mean_with_limits(gain, 3.0) == mean_with_limits(gain)


def test_scores_without_steps_have_students_t() -> None:
    scores = np.random.default_rng(0).normal(size=8)
    low, high = student.interval(0.95, 7, scores.mean(), scores.std(ddof=1) / np.sqrt(8))
    assert mean_with_limits(scores) == pytest.approx((scores.mean(), low, high))


def test_at_its_limits_the_interval_of_a_line_just_holds_0() -> None:
    level, slope, v = 2.0, -1.0, np.array([[0.04, 0.01], [0.01, 0.02]])
    root, *limits = zero_of_line(level, slope, v, 6)
    assert root == 2.0
    for at in limits:
        assert at is not None
        w = np.array([1.0, at])
        assert abs(level + slope * at) == pytest.approx(student.ppf(0.975, 6) * np.sqrt(w @ v @ w))
    assert zero_of_line(level, 0.1, v, 6)[1:] == (None, None)  # a slope that may be 0


@pytest.mark.slow
def test_what_a_mixture_is_worth_is_as_unsure_as_the_runs_without_one() -> None:
    """Exact losses, 0.2% noise of all: more than what the mixture's own noise moves the multiplier by."""
    unique = np.append(np.geomspace(1e7, 1e9, 7), 1e8)
    loss = 2 + (np.append(unique[:7], 2.5e8) / 1e7) ** -0.3
    columns = Columns({"unique": unique, "loss": loss, "share": np.append(np.zeros(7), 0.5)})
    (row,) = multiplier.rows(columns, unique="unique", y="loss", share="share", noise=0.002)
    slope = 0.3 * (loss[-1] - 2) / loss[-1]  # −d ln L / d ln U
    assert row.low < 2.5 < row.high
    assert np.log(row.high / row.low) / 2 > 1.1 * 1.96 * 0.002 / slope


def test_an_interval_says_how_many_resamples_it_leaves_out() -> None:
    drawn = percentiles([*np.linspace(0, 1, 39), np.nan], 40)
    assert (drawn.low, drawn.high) == pytest.approx((0.025, 0.975))
    assert drawn.note == "1 of 40 resamples are undefined"


@pytest.mark.parametrize(("defined", "draws"), [(35, 40), (19, 19)])
def test_too_few_defined_resamples_are_no_interval(defined: int, draws: int) -> None:
    drawn = percentiles([1.0] * defined, draws)
    assert (drawn.low, drawn.high) == (None, None)
    assert drawn.note.startswith("no interval: ")


def of_runs(noise: np.ndarray) -> signal_noise.SignalNoiseRow:
    """Five last checkpoints of each run, whose means are 1, 1.1, and so on, and their deviations."""
    runs, last = noise.shape
    table = Columns(
        {
            "run": np.repeat([f"run {i}" for i in range(runs)], last).astype(object),
            "step": np.tile(np.arange(float(last)), runs),
            "loss": (1 + 0.1 * np.arange(runs)[:, None] + noise).ravel(),
        }
    )
    (row,) = signal_noise.rows(table, metrics=("loss",), run="run", step="step")
    return row


def test_a_signal_over_the_expected_noise_is_within_the_limits() -> None:
    """The noise of every run has the same distribution, whose mean is that of many runs."""
    rng, scale = np.random.default_rng(3), 1 + 0.1 * np.arange(6)[:, None]
    truth = 0.01 * np.std(rng.standard_normal((20_000, 5)), axis=1).mean()
    hits = []
    for _ in range(400):
        row = of_runs(0.01 * scale * rng.standard_normal((6, 5)))
        hits.append(row.low <= row.signal / truth <= row.high)
    assert abs(np.mean(hits) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 400)


def test_a_run_without_noise_counts_and_equal_noise_has_no_limits() -> None:
    still = of_runs(np.array([[0.0, 0.0], [-0.01, 0.01], [-0.02, 0.02]]))
    assert still.low < still.snr < still.high
    equal = of_runs(0.01 * np.array([[-1.0, 1.0], [-1.1, 1.1]]))
    assert equal.low is equal.high is None
    assert equal.note == "no interval: the noise of all runs is equal"


@pytest.mark.parametrize("follows_the_law", [True, False])
def test_an_optimal_mixture_that_is_worse_than_a_measured_one_is_said_to_be(follows_the_law: bool) -> None:
    """The log-linear law of one target is least at a corner; losses that each part lowers less and less are not."""
    share = np.column_stack([np.random.default_rng(5).dirichlet([1, 1, 1], 30).T, [0.5, 0.5, 0.0]])
    each_part = 2 + np.array([0.5, 0.4, 0.3]) @ np.exp(-np.array([[3.0], [2.0], [1.0]]) * share)
    loss = 1 + np.exp(share[0] - share[1]) if follows_the_law else each_part
    table = Columns({"a": share[0], "b": share[1], "c": share[2], "loss": loss})
    for order in ("any", "falling"):
        found = list(
            mixture.rows(table, x=("a", "b", "c"), y=("loss",), law="mixture_loglinear", draws=0, order=order)
        )
        (mean,) = [row for row in found if row.quantity == mixture.MEAN]
        assert ("the best measured mixture is lower" in (mean.note or "")) != follows_the_law


@pytest.mark.slow
def test_the_change_of_the_best_pools_has_limits_at_least_as_wide_as_those_of_t() -> None:
    """Its slopes by the parameters are those of the errors' difference at the change: ds/dθ = −(∂D/∂θ) / (∂D/∂s)."""
    count, pool = 10, 12.8e6
    x = np.stack(
        [np.tile(np.geomspace(4e6, 6.4e8, count), 2), np.full(2 * count, pool), np.repeat([0, 1], count)]
    )
    law = curation.law_of_pools(2)
    noise = np.random.default_rng(2).normal(0, 0.003, 2 * count)
    y = law.value(np.array([0.025, 0.1, -0.16, -0.125, 6.73, 8.55]), x) * np.exp(noise)
    table = Columns(
        {"seen": x[0], "size": x[1], "pool": np.array(list("ab"), dtype=object)[x[2].astype(int)], "error": y}
    )
    row, _ = curation.rows(table, y="error", samples="seen", pool_samples="size", draws=20)
    fit = estimate(law, x, y, residual="log")
    theta = fit.theta[:, 0]

    def ahead(of: np.ndarray, log_seen: float) -> float:
        one, two = curation.errors(of, pool, np.array([np.exp(log_seen)]))[:, 0]
        return float(one - two)

    at = np.log(row.change)
    steps = 1e-5 * np.diag(np.abs(theta))
    by_theta = [(ahead(theta + step, at) - ahead(theta - step, at)) / (2 * step.max()) for step in steps]
    slopes = -np.array(by_theta) / ((ahead(theta, at + 1e-5) - ahead(theta, at - 1e-5)) / 2e-5)
    low, high = student.interval(0.95, 14, at, np.sqrt(slopes @ fit.covariance[..., 0] @ slopes))
    # Percentiles that are widened for few models alone end below high.
    assert np.log(row.low) < low + 1e-3
    assert np.log(row.high) > high - 1e-3
    assert row.note is None


def test_limits_without_the_t_interval_of_the_value_say_so() -> None:
    """A value that exists on one side of an estimate only, such as a change about to vanish, has no slope."""
    x = np.geomspace(1, 100, 6)[None]
    fit = estimate(law_of("power"), x, 3 * x[0] ** -0.5 * np.exp(0.01 * np.cos(np.arange(6))))
    edge = fit.theta[1, 0]
    assert stderr_of(lambda theta: theta[1], fit) == pytest.approx(np.sqrt(fit.covariance[1, 1, 0]))
    stderr = stderr_of(lambda theta: theta[1] if theta[1] <= edge else np.nan, fit)
    wide = widened(Percentiles(0.5, 2.0, 100, 3), 1.0, 2.0, "log", stderr=stderr, df=2)
    assert wide[:2] == pytest.approx((0.25, 4.0))
    assert wide.note == f"3 of 100 resamples are undefined; {NO_STDERR}"
    assert widened(Percentiles(0.5, 2.0, 100, 0), 1.0, 2.0, "log", stderr=0.1, df=2).note == ""
