"""Items in clusters, such as questions on one file: groups of them along a ladder of budgets.

    e_cip = E_p·(1 + a_c + a_ci + (b_c + b_ci)·z_p + n_cip + r_p),    E_p = exp(−β·z_p),    z_p = ln F_p − mean

with a, b, n and r normal: the item's own level and slope, of which a part is common to its cluster c; its noise at one
budget; and the noise of a run, common to all items. The error over all items there could be is E_p·(1 + r_p).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BUDGETS = np.array([1e18, 3e18, 1e19, 3e19, 1e20])
Z = np.log(BUDGETS) - np.log(BUDGETS).mean()
BETA = 0.1


@dataclass(frozen=True)
class Spread:
    """Standard deviations of items and of a run's noise, and the share of the former that a cluster has in common."""

    level: float = 0.3
    slope: float = 0.06
    noise: float = 0.02
    run: float = 0.004
    shared: float = 0.5  # of the variance of levels, slopes and noise, the part that is the cluster's


def group(
    sizes: NDArray[np.int64], spread: Spread, size: int, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """``size`` data sets of one group, whose clusters have these ``sizes``.

    Returns
    -------
    value
        (P, size) the mean error of the items.
    by_cluster, by_item
        (P, size, draws) the same under draws of clusters, and of single items.
    """
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    points = len(BUDGETS)
    value = np.empty((points, size))
    by_cluster, by_item = np.empty((points, size, draws)), np.empty((points, size, draws))
    own, common = np.sqrt(1 - spread.shared), np.sqrt(spread.shared)

    def mixed(*shape: int) -> Floats:
        of_clusters = rng.standard_normal((len(sizes), *shape))[cluster]
        return np.asarray(common * of_clusters + own * rng.standard_normal((len(cluster), *shape)))

    for i in range(size):
        item = (
            spread.level * mixed()[:, None]
            + spread.slope * mixed()[:, None] * Z
            + spread.noise * mixed(points)
        )
        errors = np.exp(-BETA * Z) * (1 + item + spread.run * rng.standard_normal(points))
        value[:, i] = errors.mean(axis=0)
        of_clusters = rng.poisson(1.0, (len(sizes), draws))[cluster]
        of_items = rng.poisson(1.0, (len(cluster), draws))
        with np.errstate(invalid="ignore"):  # a draw of nothing
            by_cluster[:, i] = errors.T @ of_clusters / of_clusters.sum(axis=0)
            by_item[:, i] = errors.T @ of_items / of_items.sum(axis=0)
    return value, by_cluster, by_item
