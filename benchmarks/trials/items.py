"""Coverage of the intervals of ``relscale ability``: of the slope, and of the accuracy of a further model."""

import numpy as np
from generators.answers import AHEAD, World, discriminating, draw, skewed, two_kinds
from trials.outcome import Outcome, covered

from relscale.fitting.items.latent_regression import latent_regression

FEWER = 5  # by what the data sets of the last worlds are divided
WORLDS = {
    "Rasch": (
        World(6, 300, -1, 1, 0.3),
        World(12, 20, -2, 1, 0.2),
        World(12, 100, -2, 1, 0.0),
        World(12, 100, -2, 1, 0.2),
        World(12, 1000, -2, 0, 0.2),
    ),
    "Rasch, more models": (World(30, 300, -2, 1, 0.2),),
    "Rasch above chance of 25%": (World(12, 100, -2, 1, 0.2, chance=0.25),),
    "Rasch, few easy items": (World(12, 300, -2, 0, 0.2, skewed),),
    "Rasch, easy and hard items": (World(12, 300, -2, 0, 0.2, two_kinds),),
    "2PL, slopes differ by 1.5": (World(12, 300, -2, 0, 0.2, discriminating),),
}


def of_items(number: int, size: int, level: float, seed: int) -> list[Outcome]:
    """Coverage in one of the worlds, in the order of ``designs``; the first are those that the fit assumes."""
    name, world = designs()[number]
    size = size if number < len(WORLDS["Rasch"]) else size // FEWER
    rng = np.random.default_rng([seed, 57, number])
    limits = np.full((2, size, 2), np.nan)
    measured = np.empty(size)
    for i in range(size):
        drawn = draw(world, rng)
        fit = latent_regression(drawn.answers, np.exp(drawn.x), world.chance)
        limits[0, i] = fit.forecast(np.exp(AHEAD), level)[1:]
        limits[1, i] = fit.slope_interval(level)
        measured[i] = drawn.measured
    design = f"{world.models} models, {world.items} items, scatter {world.scatter:g}"
    truths = {"accuracy of a further model": measured, "slope": np.full(size, world.slope)}
    return [
        Outcome(name, design, quantity, "of `relscale ability`", True, level, covered(low, high, truth))
        for (quantity, truth), (low, high) in zip(truths.items(), np.moveaxis(limits, 2, 1), strict=True)
    ]


def designs() -> list[tuple[str, World]]:
    """All worlds with their names."""
    return [(name, world) for name, worlds in WORLDS.items() for world in worlds]
