"""Bootstrap schemes: weights of the runs, or new values for the same runs.

| scheme | draws | assumption |
|---|---|---|
| pairs | the runs of each budget, with replacement, as many as there are | runs are independent, design random |
| block | whole training trajectories, with replacement | checkpoints of one training are alike |
| residual | residuals, added to the fitted values | noise is the same at every run |
| parametric | normal noise of known standard deviation | the noise is known |

The first two give integer weights, the others values; both as columns, one per draw, so that all draws are fitted as
one matrix. Blocks and strata of one member never vary: a bootstrap of a budget with one run does not include its noise.

Source: Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, sections 2.2, 3.8, 6.2 and 6.3.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.fitting.inference.method import Method

Floats = NDArray[np.float64]

PAIRS, BLOCK, RESIDUAL, PARAMETRIC = "pairs", "block", "residual", "parametric"

METHODS = {
    PAIRS: Method.PAIRS_BOOTSTRAP,
    BLOCK: Method.BLOCK_BOOTSTRAP,
    RESIDUAL: Method.RESIDUAL_BOOTSTRAP,
    PARAMETRIC: Method.PARAMETRIC_BOOTSTRAP,
}


def weights(
    scheme: str,
    n: int,
    draws: int,
    rng: np.random.Generator,
    *,
    strata: Sequence[Hashable] | None = None,
    blocks: Sequence[Hashable] | None = None,
) -> Floats:
    """The number of times that each of n runs is in each draw, (n, draws).

    Parameters
    ----------
    scheme
        ``PAIRS`` or ``BLOCK``.
    strata
        (n,) for pairs: the budget of each run; every draw has as many runs of a budget as the data. All are of one
        budget by default.
    blocks
        (n,) for block: the trajectory of each run, drawn as a whole.
    """
    if scheme == BLOCK:
        if blocks is None:
            raise ValueError("a block bootstrap needs the block of each run")
        of_run = members(blocks)
        return resampled_counts(int(of_run.max()) + 1, draws, rng)[of_run]
    if scheme != PAIRS:
        raise ValueError(f"{scheme!r} does not draw runs")
    result = np.empty((n, draws))
    stratum = np.zeros(n, dtype=np.int64) if strata is None else members(strata)
    for s in range(int(stratum.max()) + 1):
        rows = np.flatnonzero(stratum == s)
        result[rows] = resampled_counts(len(rows), draws, rng)
    return result


def resampled(
    fitted: ArrayLike, residuals: ArrayLike, p: int, draws: int, rng: np.random.Generator
) -> Floats:
    """Values (n, draws) of a residual bootstrap: ``fitted + √(n / (n − p)) · (a residual drawn at random)``.

    Residuals of a fit with p parameters are too small by the factor √((n − p) / n), on average; they are centred first.
    """
    residuals = np.asarray(residuals, dtype=float)
    n = len(residuals)
    if n <= p:
        raise ValueError(f"{n} residuals of {p} parameters do not determine the noise")
    pool = (residuals - residuals.mean()) * np.sqrt(n / (n - p))
    drawn: Floats = np.asarray(fitted, dtype=float)[:, None] + pool[rng.integers(0, n, (n, draws))]
    return drawn


def simulated(fitted: ArrayLike, sd: ArrayLike, draws: int, rng: np.random.Generator) -> Floats:
    """Values (n, draws) of a parametric bootstrap: ``fitted + sd · (standard normal)``, sd a number or (n,)."""
    fitted = np.asarray(fitted, dtype=float)
    sd = np.broadcast_to(np.asarray(sd, dtype=float), fitted.shape)
    return fitted[:, None] + sd[:, None] * rng.standard_normal((len(fitted), draws))


def members(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    """A number for each label, from 0 in order of first occurrence."""
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int64)


def resampled_counts(n: int, draws: int, rng: np.random.Generator) -> Floats:
    """The number of times that each of n is among n drawn with replacement: (n, draws)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).T.astype(float)
