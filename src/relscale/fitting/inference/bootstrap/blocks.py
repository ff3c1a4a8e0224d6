"""Straight lines through clustered points: covariance over blocks, and a block bootstrap.

A least-squares line depends on its points only through five sums, n, Σz, Σz², Σy and Σzy. The sums of a weighted sample
of blocks are weighted sums over the blocks, and leaving out a block subtracts its sums. So B draws of J lines are one
product, (5, J, G) × (G, B). Blocks of one point are plain pairs.

The covariance of level and slope is the jackknife over blocks, known as CR3 or CV3,

    V = (G − 1) / G · Σ_g (θ_(g) − θ)²,

which unlike sandwich estimators is not too small with few blocks. Coverage of a slope's nominal 95% interval,
over 3,000 simulated data sets of 5, 10 and 22 blocks of 35 points, the blocks with random levels, or levels and slopes,
normal or exponential, and equal or unequal means of x (standard error 0.4):

| interval | 5 blocks | 10 blocks | 22 blocks |
|---|---|---|---|
| percentile bootstrap | 84–93 | 89–90 | 91–92 |
| BCa bootstrap | 83–85 | 86–90 | 87–91 |
| studentised bootstrap, CR3 | 92–95 | 94–95 | 92–94 |
| symmetric studentised bootstrap, CR3 | 98–100 | 96–97 | 94–96 |
| Student's t of G − 1, CR1 | 88–95 | 92–95 | 94–95 |
| Student's t of G − 1, CR3 | 95–95 | 95–96 | 95–96 |
| Student's t of Bell and McCaffrey, CR2 | 95–95 | 95–96 | 95–95 |

So t with CR3 is at least as accurate as the others and needs no draws. The symmetric studentised bootstrap is 1.0 to
1.2 times as wide from 10 blocks on, but 2 to 3 times as wide with 5, which have only 126 different draws.

Shapes: P points, G blocks, B draws, ``...`` curves.

Sources: Bell and McCaffrey, *Bias reduction in standard errors for linear regression with multi-stage samples*, 2002;
MacKinnon, Nielsen and Webb, *Fast and reliable jackknife and bootstrap methods for cluster-robust inference*, 2023.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.inference.bootstrap.schemes import Floats

LEAST_SPREAD = 1e-9  # of Σz²; with less, no slope is fitted


@dataclass(frozen=True)
class BlockLines:
    """Lines, and their covariance over blocks.

    Attributes
    ----------
    level, slope
        (..., B), the level where z = 0; nan if a draw has no spread.
    covariance
        (3, ..., B) variance of the level, covariance, variance of the slope; nan if a line has only one block.
    """

    level: Floats
    slope: Floats
    covariance: Floats

    def variance(self, level: Floats | float, slope: Floats | float) -> Floats:
        """(..., B) variance of ``level·(fitted level) + slope·(fitted slope)``."""
        return quadratic(self.covariance, level, slope)


def block_sums(z: Floats, y: Floats, block: NDArray[np.int64]) -> Floats:
    """n, Σz, Σz², Σy, Σzy of each block, (5, G, ...).

    Parameters
    ----------
    z
        (P, ...) predictor, minus the value at which the level is wanted; its axes broadcast with those of y.
    y
        (P, ...), nan if a curve has no point.
    block
        (P,) numbers from 0.
    """
    used = np.isfinite(y)
    known, z = np.where(used, y, 0.0), np.where(used, z, 0.0)
    parts = (used.astype(float), z, z * z, known, known * z)
    return np.stack([over_blocks(np.add, part, block) for part in parts])


def over_blocks(ufunc: np.ufunc, values: Floats, block: NDArray[np.int64]) -> Floats:
    """Values (P, ...) reduced by ``ufunc`` over the points of each block, (G, ...); every number has a point."""
    order = np.argsort(block, kind="stable")
    first = np.searchsorted(block[order], np.arange(block[order[-1]] + 1))
    return np.asarray(ufunc.reduceat(values[order], first, axis=0))


def block_lines(moments: Floats, weights: Floats) -> BlockLines:
    """Lines (..., B) through blocks with these sums, (5, G, ...), with ``weights`` (G, B).

    Weights of 1 give the lines of the data.
    """
    total = np.tensordot(np.moveaxis(moments, 1, -1), weights, axes=1)
    present = moments[0] > 0  # (G, ...)
    blocks = np.tensordot(np.moveaxis(present, 0, -1).astype(float), weights, axes=1)
    level, slope = line(total)
    covariance = np.zeros((3, *level.shape))
    for g, weight in enumerate(weights):
        counts = present[g][..., None] * weight
        without = line(total - moments[:, g, ..., None])
        by_level = np.where(counts > 0, without[0] - level, 0.0)
        by_slope = np.where(counts > 0, without[1] - slope, 0.0)
        covariance += counts * np.stack([by_level * by_level, by_level * by_slope, by_slope * by_slope])
    with np.errstate(invalid="ignore", divide="ignore"):
        return BlockLines(level, slope, np.where(blocks > 1, (blocks - 1) / blocks, np.nan) * covariance)


def line(total: Floats) -> tuple[Floats, Floats]:
    """Level at z = 0 and slope, each (...), of the line with the sums ``total`` (5, ...); nan without spread."""
    n, sz, szz, sy, szy = total
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = szz - sz * sz / n
        slope = np.where(spread > LEAST_SPREAD * szz, (szy - sz * sy / n) / spread, np.nan)
        return (sy - slope * sz) / n, slope


def quadratic(covariance: Floats, level: Floats | float, slope: Floats | float) -> Floats:
    """``level²·V_level + 2·level·slope·C + slope²·V_slope``, covariance (3, ...)."""
    total: Floats = (
        level * level * covariance[0] + 2 * level * slope * covariance[1] + slope * slope * covariance[2]
    )
    return total
