"""The latent regression finds the line of abilities along compute, and derivatives of its likelihood are right."""

import numpy as np
import pytest

from relscale.fitting.items.latent_regression import (
    LatentRegression,
    _expand,
    _Expansion,
    latent_regression,
    summarised,
)
from relscale.fitting.items.rasch import Items

COMPUTE = np.exp(np.linspace(0, 1, 12))


def drawn(rng: np.random.Generator, ability: np.ndarray, items: int, chance: float = 0.0) -> np.ndarray:
    right = Items(rng.standard_normal(items), np.ones(items), chance).chance(ability)
    return (rng.random(right.shape) < right).astype(float)


@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_gradient_and_information_are_differences_of_the_likelihood(chance: float) -> None:
    rng = np.random.default_rng(0)
    answers = drawn(rng, np.linspace(-1, 2, 5), 40, chance)
    answers[rng.random(answers.shape) < 0.2] = np.nan
    summary, state = summarised(answers, chance), np.append(rng.standard_normal(5), 0.3)

    def at(state: np.ndarray) -> _Expansion:
        return _expand(summary, state[:-1], state[-1], chance)

    steps = 1e-5 * np.eye(6)
    gradient = [(at(state + step).value - at(state - step).value) / 2e-5 for step in steps]
    information = [(at(state - step).gradient - at(state + step).gradient) / 2e-5 for step in steps]
    assert at(state).gradient == pytest.approx(np.array(gradient), abs=1e-6)
    assert at(state).information == pytest.approx(np.array(information), abs=1e-6)


def test_the_sum_of_right_answers_is_sufficient() -> None:
    """Without chance, two items with as many right answers tell the same, whoever gave them."""
    answers = drawn(np.random.default_rng(1), np.linspace(-1, 1, 6), 60)
    assert len(summarised(answers, 0.0).count) <= 7
    theta = np.linspace(-1, 1, 6)
    each = summarised(answers + 1e-7 * np.arange(60), 0.0)  # so that no two items are alike
    assert len(each.count) == 60
    together = _expand(summarised(answers, 0.0), theta, 0.2, 0.0)
    assert together.value == pytest.approx(_expand(each, theta, 0.2, 0.0).value, rel=1e-4)
    assert together.information == pytest.approx(
        _expand(each, theta, 0.2, 0.0).information, rel=1e-3, abs=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize(("items", "chance"), [(8, 0.0), (100, 0.0), (60, 0.25)])
def test_the_line_is_unbiased_with_few_items_and_with_many(items: int, chance: float) -> None:
    """Abilities from −2 to 2: the accuracy half of the range beyond, and with enough items the slope."""
    ability, rng = np.linspace(-2, 2, 12), np.random.default_rng(0)
    slopes, errors = [], []
    for _ in range(20):
        ease = rng.standard_normal(items)
        truth = Items(ease, np.ones(items), chance)
        right = truth.chance(ability)
        fit = latent_regression((rng.random(right.shape) < right).astype(float), COMPUTE, chance)
        slopes.append(fit.slope)
        errors.append(fit.forecast(float(np.exp(1.5)))[0] - truth.accuracy(np.array([4.0]))[0])
    assert abs(np.mean(errors)) < 3 * np.std(errors) / 20**0.5 + 0.003
    assert np.mean(slopes) == pytest.approx(4, abs=3 * np.std(slopes) / 20**0.5 + (0.1 if items > 8 else 0.5))


def test_a_forecast_does_not_depend_on_the_unit_of_compute_or_the_order_of_models_and_items() -> None:
    rng = np.random.default_rng(2)
    answers = drawn(rng, np.linspace(-1, 1, 12), 50)
    first = latent_regression(answers, COMPUTE)
    models, items = rng.permutation(12), rng.permutation(50)
    again = latent_regression(answers[models][:, items], 1e21 * COMPUTE[models])
    assert again.slope == pytest.approx(first.slope, rel=1e-4)
    assert again.forecast(1e21 * np.exp(1.5)) == pytest.approx(first.forecast(float(np.exp(1.5))), abs=1e-4)


def test_the_interval_widens_with_distance_with_scatter_and_with_fewer_items() -> None:
    rng = np.random.default_rng(3)
    answers = drawn(rng, np.linspace(-3, -2, 12), 400)

    def width(fit: LatentRegression, ln_compute: float) -> float:
        _, low, high = fit.forecast(float(np.exp(ln_compute)))
        return high - low

    line = latent_regression(answers, COMPUTE)
    assert width(line, 1.0) < width(line, 1.5) < width(line, 2.5)
    assert width(line, 1.5) < width(latent_regression(answers[:, :40], COMPUTE), 1.5)
    scattered = drawn(rng, np.linspace(-3, -2, 12) + rng.standard_normal(12), 400)
    assert width(line, 1.5) < width(latent_regression(scattered, COMPUTE), 1.5)


@pytest.mark.slow
@pytest.mark.parametrize("chance", [0.0, 0.25])
@pytest.mark.parametrize(
    "answers",
    [
        np.ones((6, 50)),
        np.zeros((6, 50)),
        np.repeat((np.arange(6) > 2)[:, None] * 1.0, 40, axis=1),
        (np.arange(6)[:, None] * 10 >= np.arange(50)) * 1.0,
        np.where(np.random.default_rng(0).random((6, 100)) < 0.05, 1.0, np.nan),
    ],
)
def test_answers_without_information_give_limits_and_no_warning(answers: np.ndarray, chance: float) -> None:
    fit = latent_regression(answers, COMPUTE[::2], chance)
    accuracy, low, high = fit.forecast(float(np.exp(1.5)))
    assert 0 <= low <= accuracy <= high <= 1
    assert fit.slope_interval()[0] < fit.slope < fit.slope_interval()[1]


def test_models_may_answer_different_items_if_these_are_drawn_by_chance() -> None:
    """A hundred of 300 items each: the forecast stays near that of all answers."""
    rng = np.random.default_rng(4)
    ease = 2 * rng.standard_normal(300)
    right = Items(ease, np.ones(300)).chance(np.linspace(-2, 1, 12))
    answers = (rng.random(right.shape) < right).astype(float)
    ahead = float(np.exp(1.2))
    complete = latent_regression(answers, COMPUTE).forecast(ahead)
    answers[rng.random(answers.shape).argsort(axis=1) > 100] = np.nan
    some = latent_regression(answers, COMPUTE).forecast(ahead)
    assert some[0] == pytest.approx(complete[0], abs=0.05)
    assert some[1] < complete[0] < some[2]
