"""The changes of a learning rate along a training, in few bins: what the law ``multi_power`` sums over.

Between two logged steps the rate is a straight line; before the first it rises from 0. Falls are put in ``BINS`` bins
of equal change and rises in ``RISES``; of each bin the change up to a step, the geometric mean of the rate after its
changes and the mean sum of rates since them are kept.
"""

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.law import Array

BINS = 32  # of the falls of the rate
RISES = 8  # bins of its rises
MOST_NODES = 100_000  # of a schedule; between them it is a straight line
ALL_BINS = BINS + RISES


def schedule(steps: Array, rates: Array) -> tuple[Array, Array, Array]:
    """Nodes of a schedule: steps, rates, and the sum of all rates up to each."""
    last = int(steps[-1])
    nodes = np.unique(np.concatenate([np.linspace(0, last, min(last, MOST_NODES) + 1).round(), steps]))
    if steps[0] > 0:
        steps, rates = np.append(0.0, steps), np.append(0.0, rates)
    rate = np.interp(nodes, steps, rates)
    length = np.diff(nodes)
    added = length * (rate[1:] + rate[:-1]) / 2 + np.diff(rate) / 2
    return nodes, rate, np.append(rate[0], rate[0] + np.cumsum(added))


def changes(curve: Array) -> Array:
    """S1, and change, rate and area per bin, (1 + 3·``ALL_BINS``, n), of steps and rates (2, n); nan before the peak.

    Raises
    ------
    RelscaleError
        A step or a learning rate is negative, or there is no step but 0.
    """
    steps, rates = curve
    if (rates < 0).any() or (steps < 0).any() or steps[-1] < 1:
        raise RelscaleError("multi_power: steps must be from 0 on and learning rates not negative")
    nodes, rate, total = schedule(steps, rates)
    fall, after = rate[:-1] - rate[1:], rate[1:]
    before = total[:-1]  # the sum of the rates before the fall
    size = np.abs(fall)
    which = np.full(len(fall), -1)
    for selected, first, count in ((fall > 0, 0, BINS), (fall < 0, BINS, RISES)):
        if selected.any():
            cumulative = np.cumsum(np.where(selected, size, 0.0))
            place = np.ceil(cumulative / cumulative[-1] * count - 1e-9) - 1
            which[selected] = first + np.clip(place, 0, count - 1).astype(int)[selected]
    at = np.searchsorted(nodes, steps)
    s1 = total[at]
    rows = np.zeros((3, ALL_BINS, len(steps)))
    rows[1] = rates.max()
    for b in range(ALL_BINS):
        in_block = np.flatnonzero(which == b)
        if not len(in_block):
            continue
        weight = np.append(0.0, np.cumsum(size[in_block]))
        of_rate = np.append(0.0, np.cumsum(size[in_block] * np.log(np.maximum(after[in_block], 1e-30))))
        of_area = np.append(0.0, np.cumsum(size[in_block] * before[in_block]))
        # Falls up to the step: fall i is the one to node i + 1.
        n_before = np.searchsorted(in_block, at, side="left")
        some = n_before > 0
        mass = np.where(some, weight[n_before], 1.0)
        rows[0, b] = np.where(some, np.sign(fall[in_block[0]]) * weight[n_before], 0.0)
        rows[1, b] = np.where(some, np.exp(of_rate[n_before] / mass), rates.max())
        rows[2, b] = np.where(some, s1 - of_area[n_before] / mass, 0.0)
    result = np.concatenate([s1[None], rows.reshape(3 * ALL_BINS, -1)])
    return np.where(steps >= steps[rates.argmax()], result, np.nan)
