"""Checkpoints of long trainings, whose noise is correlated within a training.

    ln E_gk = −β·(ln F_gk − mean) + u_g + v_g·(progress of the training) + a_gk

u_g is a training's own level, v_g its own drift from first to last checkpoint, a an autoregression of order one, all
normal with mean 0. Trainings of ``TRAININGS`` sizes over two decades of compute; checkpoint k of training g has spent
k / K of its compute.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BETA = 0.05
CHECKPOINTS = 35
LEVEL, DRIFT, WANDER, MEMORY = 0.01, 0.01, 0.004, 0.9


def computes(trainings: int, checkpoints: int = CHECKPOINTS) -> Floats:
    """(P,) training FLOPs, by training, with checkpoints spaced evenly from a tenth of its compute to all of it."""
    whole = np.geomspace(1e19, 1e21, trainings)
    return np.outer(whole, np.linspace(0.1, 1, checkpoints)).ravel()


def blocks(trainings: int, checkpoints: int = CHECKPOINTS) -> list[str]:
    """(P,) the training of each point."""
    return [f"training {g}" for g in range(trainings) for _ in range(checkpoints)]


def sample(trainings: int, size: int, rng: np.random.Generator) -> Floats:
    """(P, size) ln E of data sets whose β is ``BETA``."""
    x = np.log(computes(trainings))
    progress = np.tile(np.linspace(-0.5, 0.5, CHECKPOINTS), trainings)
    own = rng.standard_normal((2, trainings, size)).repeat(CHECKPOINTS, axis=1)
    wander = np.empty((trainings, CHECKPOINTS, size))
    wander[:, 0] = rng.standard_normal((trainings, size))
    for k in range(1, CHECKPOINTS):
        fresh = rng.standard_normal((trainings, size))
        wander[:, k] = MEMORY * wander[:, k - 1] + np.sqrt(1 - MEMORY**2) * fresh
    noise = LEVEL * own[0] + DRIFT * progress[:, None] * own[1] + WANDER * wander.reshape(len(x), size)
    return np.asarray(-BETA * (x - x.mean())[:, None] + noise)
