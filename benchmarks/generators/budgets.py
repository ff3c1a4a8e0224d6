"""Unequal budgets: one has repeated seeds, or all are slices of the same longer trainings.

``repeated``: ln G straight in ln F, the noise of single runs (less where a budget has several) or of whole budgets (the
same whatever runs there are).

``slices``: one training per size, its loss read at every budget, so that neighbouring budgets share their trainings,

    L_gi = L_0 + k·(ln D_gi − ln D*_i)² + u_g + e_gi,    ln D*_i = ln F_i / 2 + c,    D_gi = F_i / 6 N_g

with u_g a training's own level.
"""

import numpy as np
from numpy.typing import NDArray

from relscale.laws import parabola

Floats = NDArray[np.float64]

BUDGETS = np.log(np.geomspace(1e18, 1e20, 4))
SLOPE = 0.02
RUNS, BUDGET = "noise of single runs", "noise of whole budgets"

EXPONENT = 0.5
CURVATURE = 0.1  # nats per squared ln tokens
OF_TRAINING, OF_READING = 0.005, 0.002  # nats
WINDOW = 1.5  # ln tokens on either side of the optimum
STEP = 0.25  # of ln N between trainings


def repeated(runs: Floats, noise: str, size: int, rng: np.random.Generator) -> Floats:
    """(P, size) ln G at ``BUDGETS`` with ``runs`` (P,) runs each."""
    sd = 0.01 / np.sqrt(runs) if noise == RUNS else np.full(len(runs), 0.01)
    clean = SLOPE * (BUDGETS - BUDGETS.mean())
    return np.asarray(clean[:, None] + sd[:, None] * rng.standard_normal((len(runs), size)))


def slices(log_flops: Floats, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(P, size) ln of the optimal tokens at the budgets (P,), and the same without each training, (P, size, G)."""
    ends = EXPONENT * (log_flops.max() - log_flops.min()) / 2 + WINDOW
    sizes = np.arange(-ends, ends + STEP / 2, STEP)  # ln N, centred on the optimum of the middle budget
    own = OF_TRAINING * rng.standard_normal((len(sizes), size))
    value = np.empty((len(log_flops), size))
    without = np.empty((len(log_flops), size, len(sizes)))
    for i, at in enumerate(EXPONENT * (log_flops - log_flops.mean())):
        inside = np.flatnonzero(np.abs(sizes - at) <= WINDOW)
        # ln tokens less the optimum's: ln D + ln N is the budget's, and both optima are at half of it
        x = at - sizes[inside]
        loss = CURVATURE * x[:, None] ** 2 + own[inside] + OF_READING * rng.standard_normal((len(x), size))
        value[i] = at + _optimum(x, loss)
        without[i] = value[i][:, None]
        for k, g in enumerate(inside):
            without[i, :, g] = at + _optimum(np.delete(x, k), np.delete(loss, k, axis=0))
    return value, without


def _optimum(x: Floats, loss: Floats) -> Floats:
    middle = x.mean()
    return np.asarray(middle + parabola.minimum(parabola.coefficients(x - middle, loss))[0])
