"""Item response models: abilities of models and easiness of items, from correct and incorrect answers.

    P(model i answers item j) = 1 / (1 + exp(−(θ_i + z_j)))        Rasch
    P(model i answers item j) = 1 / (1 + exp(−a_j · (θ_i + z_j)))  2PL: item j discriminates by a_j

A known probability c of a right guess makes it c + (1 − c) · P. The most probable values under θ ~ N(0, 1), z ~ N(0, 4)
and ln a ~ N(0, 0.25), by Newton steps of abilities and items in turn. Answers are 0 or 1, or probabilities between;
missing ones are nan. With items calibrated on other models, abilities estimated from few items predict a suite's
accuracy better than the mean of these items. For abilities along compute: ``latent_regression``.

Source: Rasch, *Probabilistic Models for Some Intelligence and Attainment Tests* (1960); Birnbaum in Lord and Novick,
*Statistical Theories of Mental Test Scores* (1968).
"""

from dataclasses import dataclass, replace

import numpy as np

from relscale.laws.law import Array

OF_ABILITY, OF_EASE, OF_SLOPE = 1.0, 4.0, 0.25  # variances of the priors
ROUNDS, SETTLED, LONGEST = 500, 1e-9, 2.0


@dataclass(frozen=True)
class Items:
    """Calibrated items: ease z and slope a (1 for Rasch), each (k,), and the probability of a right guess."""

    ease: Array
    slope: Array
    guess: float = 0.0

    def known(self, ability: Array) -> Array:
        """The probability that the answer is known, (n, k), of abilities (n,)."""
        from scipy.special import expit

        return np.asarray(expit(self.slope * (np.asarray(ability)[:, None] + self.ease)))

    def chance(self, ability: Array) -> Array:
        """The probability of a right answer, (n, k), of abilities (n,)."""
        return np.asarray(self.guess + (1 - self.guess) * self.known(ability))

    def known_share(self, ability: Array) -> Array:
        """The share of right answers that are known, not guessed, (n, k): 1 without guesses."""
        return np.asarray(self.known(ability) / self.chance(ability)) if self.guess else np.ones(1)

    def accuracy(self, ability: Array) -> Array:
        """The expected accuracy over all items, (n,)."""
        return np.asarray(self.chance(ability).mean(axis=1))

    def information(self, ability: Array) -> Array:
        """The information of each item about each ability, (n, k); the item with the most is the next to ask."""
        chance = self.chance(ability)
        return np.asarray((self.slope * self.known_share(ability)) ** 2 * chance * (1 - chance))


def abilities(answers: Array, items: Items, start: Array | None = None) -> tuple[Array, Array]:
    """Abilities of models and their standard errors, (n,) both, of answers (n, k) to calibrated items.

    ``start`` (n,) are abilities near these, from which few steps are needed; 0 by default.
    """
    known = np.isfinite(answers)
    filled = np.where(known, answers, 0.0)
    theta = np.zeros(len(answers)) if start is None else start
    before, share = np.zeros(len(answers)), np.ones(len(answers))
    for _ in range(ROUNDS):
        chance = np.where(known, items.chance(theta), 0.0)
        by_ability = items.slope * items.known_share(theta)
        slope = ((filled - chance) * by_ability).sum(axis=1) - theta / OF_ABILITY
        curvature = (by_ability**2 * chance * (1 - chance)).sum(axis=1) + 1 / OF_ABILITY
        step = np.clip(slope / curvature, -LONGEST, LONGEST)
        # With guesses, whole steps may go back and forth across the most probable ability for ever.
        share = np.where((step * before < 0) & (np.abs(step) > np.abs(before) / 2), share / 2, share)
        before = share * step
        theta = theta + before
        if np.abs(step).max(initial=0.0) < SETTLED:
            break
    return theta, 1 / np.sqrt(curvature)


def calibrated(answers: Array, *, slopes: bool = False, guess: float = 0.0) -> tuple[Items, Array]:
    """Items and the abilities of the models, calibrated on answers (n, k).

    Parameters
    ----------
    slopes
        Whether items differ in slope (2PL), which needs many more models.
    """
    known = np.isfinite(answers)
    filled = np.where(known, answers, 0.0)
    theta = np.zeros(len(answers))
    items = Items(np.zeros(answers.shape[1]), np.ones(answers.shape[1]), guess)
    for _ in range(ROUNDS):
        before = items
        items = _eases(filled, known, theta, items)
        if slopes:
            items = _slopes(filled, known, theta, items)
        theta, _ = abilities(answers, items, theta)
        moved = max(np.abs(items.ease - before.ease).max(), np.abs(items.slope - before.slope).max())
        if moved < SETTLED**0.5:
            break
    return items, theta


def _eases(filled: Array, known: Array, theta: Array, items: Items) -> Items:
    chance, known_share = np.where(known, items.chance(theta), 0.0), items.known_share(theta)
    slope = items.slope * ((filled - chance) * known_share).sum(axis=0) - items.ease / OF_EASE
    curvature = items.slope**2 * (known_share**2 * chance * (1 - chance)).sum(axis=0) + 1 / OF_EASE
    return replace(items, ease=items.ease + np.clip(slope / curvature, -LONGEST, LONGEST))


def _slopes(filled: Array, known: Array, theta: Array, items: Items) -> Items:
    at = (theta[:, None] + items.ease) * items.known_share(theta)
    chance, log_slope = np.where(known, items.chance(theta), 0.0), np.log(items.slope)
    slope = items.slope * ((filled - chance) * at).sum(axis=0) - log_slope / OF_SLOPE
    curvature = items.slope**2 * (chance * (1 - chance) * at**2).sum(axis=0) + 1 / OF_SLOPE
    return replace(items, slope=np.exp(log_slope + np.clip(slope / curvature, -0.5, 0.5)))
