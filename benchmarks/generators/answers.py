"""Right and wrong answers of models with abilities around a line in ln compute, and of one larger model.

Only items of normally distributed ease are what the fit assumes; for skewed ease, easy and hard items, and items that
discriminate differently it is an approximation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Items = tuple[Floats, Floats]  # ease and slope, (k,)

AHEAD = 1.5  # x of the further model; the others are from 0 to 1


def normal(items: int, rng: np.random.Generator) -> Items:
    """Ease N(0, 1), as in the atlas."""
    return rng.standard_normal(items), np.ones(items)


def skewed(items: int, rng: np.random.Generator) -> Items:
    """Few easy items."""
    return rng.standard_exponential(items) - 1, np.ones(items)


def two_kinds(items: int, rng: np.random.Generator) -> Items:
    """Easy and hard items, nothing between."""
    return rng.choice([-1.5, 1.5], items) + 0.3 * rng.standard_normal(items), np.ones(items)


def discriminating(items: int, rng: np.random.Generator) -> Items:
    """Slopes that differ by a factor of 1.5."""
    return rng.standard_normal(items), np.exp(np.log(1.5) * rng.standard_normal(items))


@dataclass(frozen=True)
class World:
    """A population of models and items.

    Attributes
    ----------
    models, items
        How many there are.
    first, last
        Abilities on the line at x = 0 and x = 1.
    scatter
        Standard deviation of abilities around it.
    kind
        What items are like.
    chance
        Of a right answer without ability.
    """

    models: int
    items: int
    first: float
    last: float
    scatter: float
    kind: Callable[[int, np.random.Generator], Items] = normal
    chance: float = 0.0

    @property
    def slope(self) -> float:
        """Slope of the line."""
        return self.last - self.first


@dataclass(frozen=True)
class Drawn:
    """One data set.

    Attributes
    ----------
    x
        (n,) ln compute.
    answers
        (n, k) 1 if right, else 0.
    items
        Their true ease and slope.
    on_line
        Expected accuracy of a model on the line at ``AHEAD``, on these items.
    measured
        Accuracy of the further model, which scatters around the line, in its answers to these items.
    """

    x: Floats
    answers: Floats
    items: Items
    on_line: float
    measured: float


def draw(world: World, rng: np.random.Generator) -> Drawn:
    """Draw a data set."""
    from scipy.special import expit

    x = np.linspace(0, 1, world.models)
    ease, slope = items = world.kind(world.items, rng)
    ability = world.first + world.slope * np.append(x, AHEAD)
    scattered = ability + world.scatter * rng.standard_normal(len(ability))

    def chance_of(theta: Floats) -> Floats:
        rise = expit(slope * (theta[:, None] + ease))
        return np.asarray(world.chance + (1 - world.chance) * rise)

    right = chance_of(scattered)
    answers = (rng.random(right.shape) < right).astype(float)
    on_line = float(chance_of(ability[-1:]).mean())
    return Drawn(x, answers[:-1], items, on_line, float(answers[-1].mean()))
