"""Errors of two groups along a ladder, and of the next model, with ten times the compute.

Every world gives ln E of a target and of a baseline at the ladder's points and at one further point, where the noise of
a new model is part of what is to be forecast. Nothing here is what the forecasts assume: their weights and widths come
from rolling origins alone, so no world is well specified for them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FLOPS = np.geomspace(1e18, 1e21, 12)
AHEAD = 1e22
SD = 0.005

World = Callable[[int, np.random.Generator], Floats]


def power_laws(size: int, rng: np.random.Generator) -> Floats:
    """(2, P + 1, size) ln E of two power laws, with new exponents for each data set."""
    beta = rng.uniform(0.02, 0.1, (2, 1, size))
    return _noisy(-beta * _x()[:, None], rng)


def saturating(size: int, rng: np.random.Generator) -> Floats:
    """Power laws with an irreducible error of 0.2 to 0.7 of the error in the middle of the data."""
    beta = rng.uniform(0.1, 0.3, (2, 1, size))
    stays = rng.uniform(0.2, 0.7, (2, 1, size))
    return _noisy(np.log(stays + (1 - stays) * np.exp(-beta * _x()[:, None])), rng)


def bending(size: int, rng: np.random.Generator) -> Floats:
    """Power laws whose exponent changes smoothly, inside the data or beyond them."""
    first, change = rng.uniform(0.02, 0.08, (2, 2, 1, size))
    change = change * rng.choice([-1, 1], (2, 1, size))
    place = rng.uniform(-3, 6, (2, 1, size))
    z = _x()[:, None]
    return _noisy(-first * z - change * np.logaddexp(0, z - place), rng)


WORLDS: dict[str, World] = {
    "two power laws": power_laws,
    "two power laws that saturate": saturating,
    "two power laws that bend": bending,
}


def _x() -> Floats:
    """ln compute of all points, the one ahead last, centred on the data."""
    log_flops = np.log(np.append(FLOPS, AHEAD))
    return np.asarray(log_flops - log_flops[:-1].mean())


def _noisy(clean: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(clean + SD * rng.standard_normal(clean.shape))
