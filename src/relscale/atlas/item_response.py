"""Item response: how well items are calibrated, and a suite's accuracy from a few of its items; by simulation."""

import numpy as np

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.fitting.items.rasch import Items, abilities, calibrated
from relscale.laws.law import Array

REPEATS, SUITE, CALIBRATED_ON, JUDGED = 5, 1000, 64, 100
MODELS = (4, 16, 64, 128)  # that the ease of 100 items is calibrated on
FEW = (50, 100)  # items that are answered
WAYS = ("plain mean", "Rasch", "Rasch, items chosen")


def answered(rng: np.random.Generator, ability: Array, items: Items) -> Array:
    """Right and wrong answers, 1 and 0."""
    chance = items.chance(ability)
    return np.asarray(rng.random(chance.shape) < chance, dtype=float)


def calibration(rng: np.random.Generator, models: int) -> tuple[float, float]:
    """How near the ease of 100 items comes to the truth, both with mean 0."""
    truth = Items(rng.standard_normal(100), np.ones(100))
    estimated, _ = calibrated(answered(rng, rng.standard_normal(models), truth))
    ease, known = estimated.ease - estimated.ease.mean(), truth.ease - truth.ease.mean()
    return float(np.corrcoef(ease, known)[0, 1]), float(np.sqrt(np.mean((ease - known) ** 2)))


def few_items(rng: np.random.Generator, numbers: tuple[int, ...]) -> dict[int, Array]:
    """Squared errors of the accuracy over the suite, (3,) the ways, by how many items are answered."""
    truth = Items(rng.standard_normal(SUITE), np.ones(SUITE))
    items, _ = calibrated(answered(rng, rng.standard_normal(CALIBRATED_ON), truth))
    answers = answered(rng, rng.standard_normal(JUDGED), truth)
    accuracy, result = answers.mean(axis=1), {}
    random = rng.random(answers.shape).argsort(axis=1)
    selected_answers = np.full(answers.shape, np.nan)
    theta = np.zeros(JUDGED)
    for number in range(1, max(numbers) + 1):
        information = np.where(np.isnan(selected_answers), items.information(theta), -1.0)
        best = information.argmax(axis=1)
        selected_answers[np.arange(JUDGED), best] = answers[np.arange(JUDGED), best]
        if number % 5 == 0:
            theta, _ = abilities(selected_answers, items)
        if number in numbers:
            some = np.where(random < number, answers, np.nan)
            by_chance = items.accuracy(abilities(some, items)[0])
            ways = np.nanmean(some, axis=1), by_chance, items.accuracy(theta)
            result[number] = np.array([np.mean((way - accuracy) ** 2) for way in ways])
    return result


def reproduce(tables: Tables) -> dict[str, Number]:
    """Means over simulations of which the Rasch model is true."""
    results, rng = {}, np.random.default_rng(0)
    for models in MODELS:
        r, error = np.mean([calibration(rng, models) for _ in range(3 * REPEATS)], axis=0)
        results[f"r of ease, {models} models"] = Number(float(r))
        results[f"error of ease, {models} models"] = Number(float(error))
    repeats = [few_items(rng, FEW) for _ in range(REPEATS)]
    for number in FEW:
        errors = np.sqrt(np.mean([repeat[number] for repeat in repeats], axis=0))
        for way, error in zip(WAYS, errors, strict=True):
            results[f"error of accuracy from {number} of {SUITE} items, {way}"] = Number(float(error))
        results[f"chosen items beat others, and these the mean, of {number}"] = Number(
            float(errors[2] < errors[1] < errors[0])
        )
    return results


def view(tables: Tables) -> View:
    """How well the ease of items is known, by the models that answered; lines join what is computed here."""
    rng, numbers = np.random.default_rng(0), known("item_response")
    errors = [float(np.mean([calibration(rng, models)[1] for _ in range(REPEATS)])) for models in MODELS]
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
    remark="The data are simulated from the model, so this tests the estimator, not whether benchmarks follow the "
    "model. Items are calibrated on other models than those evaluated. The independent computation simulated its own "
    "data; errors may differ by 15%.",
    slow=True,
)
