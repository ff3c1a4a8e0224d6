"""The predictors of the law ``multi_power``: the changes of the learning rate during a training, in bins.

Between two logged steps the rate is assumed to be linear, and to rise from 0 before the first. Decreases are grouped
into ``DECREASE_BINS`` bins of equal total change, increases into ``INCREASE_BINS``. The predictors per bin and step are
the change so far, the geometric mean of the rates after its changes, and the mean sum of the rates since them.
"""

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.law import Array

DECREASE_BINS, INCREASE_BINS = 32, 8
ALL_BINS = DECREASE_BINS + INCREASE_BINS
MAX_NODES = 100_000  # of a schedule that is linear between them


def schedule(steps: Array, rates: Array) -> tuple[Array, Array, Array]:
    """Nodes of a schedule: steps, rates, and the sum of all rates up to each."""
    last = int(steps[-1])
    nodes = np.unique(np.concatenate([np.linspace(0, last, min(last, MAX_NODES) + 1).round(), steps]))
    if steps[0] > 0:
        steps, rates = np.append(0.0, steps), np.append(0.0, rates)
    rate = np.interp(nodes, steps, rates)
    length = np.diff(nodes)
    added = length * (rate[1:] + rate[:-1]) / 2 + np.diff(rate) / 2
    return nodes, rate, np.append(rate[0], rate[0] + np.cumsum(added))


def changes(curve: Array, selected: Array | slice = slice(None)) -> Array:
    """S1, and change, rate and area per bin, (1 + 3·``ALL_BINS``, n), of steps and rates (2, n); nan before the peak.

    With ``selected``, indices into the curve, at these of its points alone.

    Raises
    ------
    RelscaleError
        A step or a learning rate is negative, or there is no step but 0.
    """
    steps, rates = curve
    if (rates < 0).any() or (steps < 0).any() or steps[-1] < 1:
        raise RelscaleError("multi_power: steps must be from 0 on and learning rates not negative")
    nodes, rate, total = schedule(steps, rates)
    decrease, after = rate[:-1] - rate[1:], rate[1:]
    before = total[:-1]  # the sum of the rates before the change
    size = np.abs(decrease)
    bin_of = np.full(len(decrease), -1)
    for is_change, first, count in (
        (decrease > 0, 0, DECREASE_BINS),
        (decrease < 0, DECREASE_BINS, INCREASE_BINS),
    ):
        if is_change.any():
            cumulative = np.cumsum(np.where(is_change, size, 0.0))
            index = np.ceil(cumulative / cumulative[-1] * count - 1e-9) - 1
            bin_of[is_change] = first + np.clip(index, 0, count - 1).astype(int)[is_change]
    peak = steps[rates.argmax()]
    steps = steps[selected]
    at = np.searchsorted(nodes, steps)
    s1 = total[at]
    rows = np.zeros((3, ALL_BINS, len(steps)))
    rows[1] = rates.max()
    for b in range(ALL_BINS):
        in_bin = np.flatnonzero(bin_of == b)
        if not len(in_bin):
            continue
        weight = np.append(0.0, np.cumsum(size[in_bin]))
        log_rate_sum = np.append(0.0, np.cumsum(size[in_bin] * np.log(np.maximum(after[in_bin], 1e-30))))
        area_sum = np.append(0.0, np.cumsum(size[in_bin] * before[in_bin]))
        # The changes up to the step; change i ends at node i + 1.
        count = np.searchsorted(in_bin, at, side="left")
        any_change = count > 0
        total_size = np.where(any_change, weight[count], 1.0)
        rows[0, b] = np.where(any_change, np.sign(decrease[in_bin[0]]) * weight[count], 0.0)
        rows[1, b] = np.where(any_change, np.exp(log_rate_sum[count] / total_size), rates.max())
        rows[2, b] = np.where(any_change, s1 - area_sum[count] / total_size, 0.0)
    result = np.concatenate([s1[None], rows.reshape(3 * ALL_BINS, -1)])
    return np.where(steps >= peak, result, np.nan)
