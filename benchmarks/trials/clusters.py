"""Coverage for the population of items if items come in clusters: resampled by cluster, or as if independent."""

from dataclasses import replace

import numpy as np
from generators import clusters
from generators.clusters import BETA, BUDGETS, Spread
from trials.curves import curves_of
from trials.outcome import Floats, Outcome, covered

from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.replicate_array import unbiased
from relscale.fitting.inference.line_with_intervals import curve_items, with_intervals
from relscale.fitting.inference.log_log_lines import curve_lines

DRAWS = 400
DESIGNS = {
    "25 clusters of 4": np.full(25, 4),
    "10 clusters of 6": np.full(10, 6),
    "30 clusters of 1 to 8": np.arange(30) % 8 + 1,
    "100 independent items": np.ones(100, dtype=np.int64),
    "13 clusters of 5 to 40": np.array([*[5] * 10, 10, 20, 40]),
    "25 clusters of 4, one of 40": np.array([*[4] * 25, 40]),
}
BY_CLUSTER, BY_NUMBER = "clusters resampled, t", "clusters resampled, t of their plain number"
BY_ITEM = "items resampled, normal"


def of_clusters(size: int, level: float, seed: int) -> list[Outcome]:
    """Coverage of β of one group, and of Δβ between two groups with clusters of their own."""
    return [outcome for name in DESIGNS for outcome in _of_design(name, size, level, seed)]


def _of_design(name: str, size: int, level: float, seed: int) -> list[Outcome]:
    rng = np.random.default_rng([seed, 17, list(DESIGNS).index(name)])
    sizes = DESIGNS[name]
    groups = [clusters.group(sizes, Spread(), size, DRAWS, rng) for _ in range(2)]
    independent = len(sizes) == sizes.sum()
    number, effective = float(len(sizes)), sizes.sum() ** 2 / (sizes**2).sum()
    of_clusters = [] if independent else [(BY_CLUSTER, 1, effective)]
    if effective < number:
        of_clusters.append((BY_NUMBER, 1, number))
    outcomes = []
    for interval, place, degrees in [*of_clusters, (BY_ITEM, 2, None)]:
        curves = [_curves(group[0], group[place], number, degrees) for group in groups]
        ratio = replace(
            curves[0],
            quantity=RATIO,
            value=curves[0].value - curves[1].value,
            replicates=curves[0].replicates - curves[1].replicates,
        )
        for quantity, asked, truth in (("β", curves[0], -BETA), ("Δβ", ratio, 0.0)):
            estimate = curve_lines(asked)
            slope = with_intervals(estimate, level, curve_items(asked, estimate)).slope
            hit = covered(slope.low, slope.high, truth)
            default = independent or interval == BY_CLUSTER
            outcomes.append(Outcome("clustered items", name, quantity, interval, default, level, hit))
    return outcomes


def _curves(value: Floats, replicates: Floats, number: float, degrees: float | None) -> Curves:
    """Curves with draws of a number of clusters, whose t has ``degrees`` less one; of single items if that is None."""
    clusters = None
    if degrees is not None:
        replicates = unbiased(replicates.copy(), value, np.full(value.shape[1], number))
        clusters = np.full(value.shape[1], degrees)
    curves = curves_of(BUDGETS, np.log(value), ERROR)
    return replace(curves, replicates=np.log(replicates), clusters=clusters)
