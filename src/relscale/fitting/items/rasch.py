"""Item response models: abilities of models and easiness of items, from correct and incorrect answers.

    P(model i answers item j) = 1 / (1 + exp(−(θ_i + z_j)))        Rasch
    P(model i answers item j) = 1 / (1 + exp(−a_j · (θ_i + z_j)))  2PL: item j discriminates by a_j

The most probable values under θ ~ N(0, 1), z ~ N(0, 4) and ln a ~ N(0, 0.25), by Newton steps of abilities and items
in turn. Answers are 0 or 1, or probabilities between; missing ones are nan. With items calibrated on other models,
abilities estimated from few items predict a suite's accuracy better than the mean of these items.

Source: Rasch, *Probabilistic Models for Some Intelligence and Attainment Tests* (1960); Birnbaum in Lord and Novick,
*Statistical Theories of Mental Test Scores* (1968).
"""

from dataclasses import dataclass

import numpy as np

from relscale.laws.law import Array

OF_ABILITY, OF_EASE, OF_SLOPE = 1.0, 4.0, 0.25  # variances of the priors
NOTHING = 1e-9  # information of a model without answers
ROUNDS, SETTLED, LONGEST = 500, 1e-9, 2.0


@dataclass(frozen=True)
class Items:
    """Calibrated items: ease z and slope a (1 for Rasch), each (k,)."""

    ease: Array
    slope: Array

    def chance(self, ability: Array) -> Array:
        """The probability of a right answer, (n, k), of abilities (n,)."""
        from scipy.special import expit

        return np.asarray(expit(self.slope * (np.asarray(ability)[:, None] + self.ease)))

    def accuracy(self, ability: Array) -> Array:
        """The expected accuracy over all items, (n,)."""
        return np.asarray(self.chance(ability).mean(axis=1))

    def information(self, ability: Array) -> Array:
        """The information of each item about each ability, (n, k); the item with the most is the next to ask."""
        chance = self.chance(ability)
        return np.asarray(self.slope**2 * chance * (1 - chance))


def abilities(answers: Array, items: Items) -> tuple[Array, Array]:
    """Abilities of models and their standard errors, (n,) both, of answers (n, k) to calibrated items."""
    known = np.isfinite(answers)
    filled, theta = np.where(known, answers, 0.0), np.zeros(len(answers))
    for _ in range(ROUNDS):
        chance = np.where(known, items.chance(theta), 0.0)
        slope = ((filled - chance) * items.slope).sum(axis=1) - theta / OF_ABILITY
        curvature = (items.slope**2 * chance * (1 - chance)).sum(axis=1) + 1 / OF_ABILITY
        step = np.clip(slope / curvature, -LONGEST, LONGEST)
        theta = theta + step
        if np.abs(step).max(initial=0.0) < SETTLED:
            break
    return theta, 1 / np.sqrt(curvature)


def ability_line(x: Array, ability: Array, stderr: Array) -> tuple[float, float]:
    """Slope and level at x = 0 of abilities along x, all (n,), by weighted least squares.

    The prior shrinks abilities, the more the fewer the items, and with them the slope: to 60% of it with 8 items. So
    the line is fitted to abilities without the prior, with the information of the answers I = 1 / stderr² − 1 as
    weights:

        θ_i · (I_i + 1) / I_i  =  slope · x_i + level + noise of variance 1 / I_i

    Examples
    --------
    >>> np.round(ability_line(np.array([0.0, 1, 2]), np.array([-0.5, 0, 0.5]), np.full(3, 0.5**0.5)), 6)
    array([ 1., -1.])
    """
    information = 1 / stderr**2 - 1 / OF_ABILITY
    informative = information > NOTHING
    freed = ability[informative] * (1 + 1 / (OF_ABILITY * information[informative]))
    slope, level = np.polyfit(x[informative], freed, 1, w=np.sqrt(information[informative]))
    return float(slope), float(level)


def calibrated(answers: Array, *, slopes: bool = False) -> tuple[Items, Array]:
    """Items and the abilities of the models, calibrated on answers (n, k).

    Parameters
    ----------
    slopes
        Whether items differ in slope (2PL), which needs many more models.
    """
    known = np.isfinite(answers)
    filled = np.where(known, answers, 0.0)
    theta, items = np.zeros(len(answers)), Items(np.zeros(answers.shape[1]), np.ones(answers.shape[1]))
    for _ in range(ROUNDS):
        before = items
        items = _eases(filled, known, theta, items)
        if slopes:
            items = _slopes(filled, known, theta, items)
        theta, _ = abilities(answers, items)
        moved = max(np.abs(items.ease - before.ease).max(), np.abs(items.slope - before.slope).max())
        if moved < SETTLED**0.5:
            break
    return items, theta


def _eases(filled: Array, known: Array, theta: Array, items: Items) -> Items:
    chance = np.where(known, items.chance(theta), 0.0)
    slope = items.slope * (filled - chance).sum(axis=0) - items.ease / OF_EASE
    curvature = items.slope**2 * (chance * (1 - chance)).sum(axis=0) + 1 / OF_EASE
    return Items(items.ease + np.clip(slope / curvature, -LONGEST, LONGEST), items.slope)


def _slopes(filled: Array, known: Array, theta: Array, items: Items) -> Items:
    at = theta[:, None] + items.ease
    chance, log_slope = np.where(known, items.chance(theta), 0.0), np.log(items.slope)
    slope = items.slope * ((filled - chance) * at).sum(axis=0) - log_slope / OF_SLOPE
    curvature = items.slope**2 * (chance * (1 - chance) * at**2).sum(axis=0) + 1 / OF_SLOPE
    return Items(items.ease, np.exp(log_slope + np.clip(slope / curvature, -0.5, 0.5)))
