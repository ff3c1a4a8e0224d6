"""Straight lines with intervals of the slope, and of the values at both ends and the mean.

The t interval of the last stage. If points are checkpoints of shared training runs, the t interval of the jackknife
over training runs, or for these items a block bootstrap from ``interval.ENOUGH_BLOCKS`` training runs on
(``relscale.fitting.inference.log_log_lines``, ``relscale.fitting.inference.interval``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap.blocks import BlockLines, block_lines, block_sums
from relscale.fitting.inference.bootstrap.limits import SYMMETRIC, draws_note
from relscale.fitting.inference.bootstrap.schemes import BLOCK, members, weights
from relscale.fitting.inference.direction import Direction, direction
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.interval import Interval, ItemLines
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, curve_lines, lines
from relscale.fitting.inference.method import Method
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.measurements.metric import VALIDATION

BLOCK_TAG = 41  # of the random numbers of the block bootstrap
NO_SPREAD = Remark(Status.NO_SPREAD)


@dataclass(frozen=True)
class LineWithIntervals:
    """Lines and their intervals; arrays (...) for lines through columns (P, ...).

    Attributes
    ----------
    ends
        Intervals of the lines at the smallest, mean and largest x.
    draws
        The lines through draws of whole training runs, for bootstrap intervals.
    """

    line: Lines
    slope: Interval
    ends: tuple[Interval, Interval, Interval]
    estimand: Estimand = Estimand.THESE_ITEMS
    method: Method = Method.LINE
    method_note: str | None = None
    draws: BlockLines | None = None

    def of_expansion(self, value: Floats, a: Floats, b: Floats, level: float) -> Interval:
        """The interval of ``value``, to first order ``a·level + b·slope``, for these items, by the method of the
        slope's.
        """
        if self.draws is not None:
            return interval.bootstrapped(self.line, self.draws, a, b, level, value)
        return interval.linear_combination(self.line, a, b, level).moved_to(value)

    def too_few_clusters(self, *at: int) -> Remark | None:
        """A remark if line ``at`` has too few clusters of items for an interval for their population, else None."""
        items_df = self.slope.items_df
        if np.ndim(items_df):
            items_df = np.broadcast_to(items_df, np.shape(self.slope.value))[at]
        return interval.too_few_clusters(float(items_df) + 1)

    def direction(self, *at: int) -> Direction | None:
        """Whether the gap whose logarithm is line ``at`` closes or widens (``inference.direction``)."""
        slope, ends = self.slope, self.ends
        return direction((slope.low[at], slope.high[at]), [(end.low[at], end.high[at]) for end in ends])

    def remark(self, *at: int) -> Remark:
        """``OK``, or the reason that line ``at`` has no interval or an unreliable one."""
        n = int(self.line.n[at])
        if n < SMALLEST:
            return interval.too_few_points(n)
        few = interval.too_few_blocks(self.line, *at) or self.too_few_clusters(*at)
        return few or (OK if np.isfinite(self.slope.low[at]) else NO_SPREAD)


def line_with_intervals(
    x: Floats, y: Floats, noise: Floats, blocks: Sequence[str], level: float
) -> LineWithIntervals:
    """Lines through y (P, ...) on x (P,) without nan points; ``blocks`` (P,) names the training run of each point."""
    return with_intervals(lines(x, y, noise, blocks), level)


def with_intervals(estimate: Lines, level: float, items: ItemLines | None = None) -> LineWithIntervals:
    """Lines with the t intervals of their slopes and ends; with ``items`` for the population of the items."""
    low, middle, high = (
        interval.level_at(estimate, at, level, items)
        for at in (estimate.low, estimate.reference, estimate.high)
    )
    estimand = Estimand.THESE_ITEMS if items is None else Estimand.ITEM_POPULATION
    return LineWithIntervals(
        estimate,
        interval.slope(estimate, level, items),
        (low, middle, high),
        estimand,
        interval.method_of(estimate.blocks is not None, estimand),
    )


def curve_intervals(curves: Curves, settings: Settings) -> Iterator[LineWithIntervals]:
    """The lines of curves with intervals for these items and, if items were resampled, for their population."""
    estimate = curve_lines(curves)
    yield of_these_items(estimate, curves.log_flops, curves.value, curves.blocks, settings)
    if curves.replicates.shape[-1]:
        yield with_intervals(estimate, settings.level, curve_items(curves, estimate))


def estimands(curves: Curves) -> list[Estimand]:
    """Estimand of the verdict on each curve: the population of its items if they were resampled, else these items."""
    draws = np.isfinite(curves.replicates) | ~np.isfinite(curves.value)[..., None]
    resampled = draws.all(axis=0).sum(axis=-1) > 1
    return [
        Estimand.ITEM_POPULATION
        if of_items
        else Estimand.VALIDATION_LOSS
        if key.suite == VALIDATION.suite
        else Estimand.THESE_ITEMS
        for key, of_items in zip(curves.keys, resampled, strict=True)
    ]


def curve_items(curves: Curves, estimate: Lines) -> ItemLines:
    """The lines of curves under the resamplings of their items."""
    return interval.item_lines(
        curves.log_flops, curves.value, curves.replicates, estimate, curves.blocks, curves.clusters
    )


def of_these_items(
    estimate: Lines, x: Floats, y: Floats, blocks: Sequence[str], settings: Settings
) -> LineWithIntervals:
    """The lines through y (P, J) on x (P,) with intervals for these items.

    The block bootstrap if points share training runs and each curve has enough of them; else the t interval. Budgets
    that share training runs have the t interval of a jackknife, because a draw consists of whole points, not of parts
    of budgets.
    """
    trainings = estimate.blocks if len(set(blocks)) < len(blocks) else None
    if trainings is None or not (trainings >= interval.ENOUGH_BLOCKS).all():
        return with_intervals(estimate, settings.level)
    rng = np.random.default_rng([settings.seed, BLOCK_TAG])
    moments = block_sums(x[:, None] - estimate.reference, y, members(blocks))
    number = moments.shape[1]
    draws = block_lines(moments, weights(BLOCK, number, settings.bootstrap, rng, blocks=range(number)))
    slope = interval.bootstrapped(estimate, draws, 0.0, 1.0, settings.level)
    low, middle, high = (
        interval.bootstrapped(estimate, draws, 1.0, at - estimate.reference, settings.level)
        for at in (estimate.low, estimate.reference, estimate.high)
    )
    failed = max(part.failed for part in (slope, low, middle, high))
    return LineWithIntervals(
        estimate,
        slope,
        (low, middle, high),
        Estimand.THESE_ITEMS,
        Method.BLOCK_BOOTSTRAP,
        draws_note(SYMMETRIC, settings.bootstrap, failed),
        draws,
    )
