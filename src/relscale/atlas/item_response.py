"""Item response theory: simulated errors of calibrated items, and of a suite's accuracy from a few of its items."""

from collections.abc import Callable

import numpy as np

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.fitting.items.rasch import Items, abilities, calibrated
from relscale.laws.law import Array

REPEATS, SUITE, CALIBRATED_ON, EVALUATED = 5, 1000, 64, 100
MODELS = (4, 16, 64, 128)  # on which the ease of 100 items is calibrated
ANSWERED = (50, 100)  # numbers of answered items
NOISE = 0.01  # standard deviation of a probability
Simulation = Callable[[np.random.Generator, Array, Items], Array]
ESTIMATORS = ("plain mean", "Rasch", "Rasch, items chosen")


def simulated_answers(rng: np.random.Generator, ability: Array, items: Items) -> Array:
    """Right and wrong answers, 1 and 0."""
    chance = items.chance(ability)
    return np.asarray(rng.random(chance.shape) < chance, dtype=float)


def simulated_probabilities(rng: np.random.Generator, ability: Array, items: Items) -> Array:
    """Probabilities of the right answer, with noise."""
    chance = items.chance(ability)
    return np.clip(chance + NOISE * rng.standard_normal(chance.shape), 1e-6, 1 - 1e-6)


def calibration_error(
    rng: np.random.Generator, models: int, simulated: Simulation = simulated_answers
) -> tuple[float, float]:
    """Correlation and root mean square error of the estimated and the true ease of 100 items, both with mean 0."""
    truth = Items(rng.standard_normal(100), np.ones(100))
    estimated, _ = calibrated(simulated(rng, rng.standard_normal(models), truth))
    ease, known = estimated.ease - estimated.ease.mean(), truth.ease - truth.ease.mean()
    return float(np.corrcoef(ease, known)[0, 1]), float(np.sqrt(np.mean((ease - known) ** 2)))


def accuracy_errors(rng: np.random.Generator, numbers: tuple[int, ...]) -> dict[int, Array]:
    """Squared errors of the suite's accuracy, (3,) per estimator, by number of answered items."""
    truth = Items(rng.standard_normal(SUITE), np.ones(SUITE))
    items, _ = calibrated(simulated_answers(rng, rng.standard_normal(CALIBRATED_ON), truth))
    answers = simulated_answers(rng, rng.standard_normal(EVALUATED), truth)
    accuracy, result = answers.mean(axis=1), {}
    random = rng.random(answers.shape).argsort(axis=1)
    selected_answers = np.full(answers.shape, np.nan)
    theta = np.zeros(EVALUATED)
    for number in range(1, max(numbers) + 1):
        information = np.where(np.isnan(selected_answers), items.information(theta), -1.0)
        best = information.argmax(axis=1)
        selected_answers[np.arange(EVALUATED), best] = answers[np.arange(EVALUATED), best]
        if number % 5 == 0:
            theta, _ = abilities(selected_answers, items)
        if number in numbers:
            random_answers = np.where(random < number, answers, np.nan)
            rasch_accuracy = items.accuracy(abilities(random_answers, items)[0])
            estimates = np.nanmean(random_answers, axis=1), rasch_accuracy, items.accuracy(theta)
            result[number] = np.array([np.mean((estimated - accuracy) ** 2) for estimated in estimates])
    return result


def reproduce(tables: Tables) -> dict[str, Number]:
    """Means over simulations from the Rasch model."""
    results, rng = {}, np.random.default_rng(0)
    for models in MODELS:
        r, error = np.mean([calibration_error(rng, models) for _ in range(3 * REPEATS)], axis=0)
        results[f"r of ease, {models} models"] = Number(float(r))
        results[f"error of ease, {models} models"] = Number(float(error))
    for models in MODELS:
        r, _ = calibration_error(np.random.default_rng(models), models, simulated_probabilities)
        results[f"r of ease from probabilities, {models} models"] = Number(r)
    repeats = [accuracy_errors(rng, ANSWERED) for _ in range(REPEATS)]
    for number in ANSWERED:
        errors = np.sqrt(np.mean([repeat[number] for repeat in repeats], axis=0))
        for estimated, error in zip(ESTIMATORS, errors, strict=True):
            results[f"error of accuracy from {number} of {SUITE} items, {estimated}"] = Number(float(error))
        results[f"error of chosen items < error of random items < error of the mean, {number} items"] = (
            Number(float(errors[2] < errors[1] < errors[0]))
        )
    return results


def view(tables: Tables) -> View:
    """The error of the ease over the number of models; lines are computed here, points are the known numbers."""
    rng, numbers = np.random.default_rng(0), known("item_response")
    errors = [
        float(np.mean([calibration_error(rng, models)[1] for _ in range(REPEATS)])) for models in MODELS
    ]
    expected = [numbers[f"error of ease, {models} models"] for models in MODELS]
    return View(
        "models that answered",
        "error of the ease",
        (Series("100 items", MODELS, expected, (MODELS, errors)),),
    )


ENTRY = Entry(
    title="Item response scaling laws: ability and ease instead of accuracy",
    paper="simulations of Rasch's model",
    formula="P(right) = 1 / (1 + exp(−(θ_model + z_item)))",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale ability answers.csv --model model --item item --score correct --compute training_flops",
    remark="The data are simulated from the model, so this tests the estimators, not whether benchmarks follow the "
    "model. Items are calibrated on other models than those evaluated. The independent computation simulated its own "
    "data; errors may differ by 15%.",
    slow=True,
)
