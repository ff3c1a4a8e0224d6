"""Curves that laws are fitted to: errors, or ratios of two errors, along compute; many at once.

A curve is one group's error along a matrix's frontier, the ratio of its error to the baseline group's, or one group's
error on one corpus (or with one optimizer) over that on another. All analyses take curves, regardless of what they
measure.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.keys import CurveKey
from relscale.laws import power, relative
from relscale.laws.loglog import LogLogLaw

Quantity = Literal["error", "ratio"]
ERROR: Quantity = "error"
RATIO: Quantity = "ratio"


@dataclass(frozen=True)
class PointVariance:
    """The uncertainty of each value of a curve; arrays (P, J)."""

    variance: Floats
    df: Floats


@dataclass(frozen=True)
class Curves:
    """J curves over the same P points, B replicates of the items.

    Attributes
    ----------
    quantity
        ``ERROR``, then ``value`` is ln E, or ``RATIO``, then it is ln G = ln E_t − ln E_b.
    keys
        Key of each curve; for a ratio with ``baseline`` and ``contrast``.
    points
        Points of the frontier, by compute.
    log_flops
        (P,) ln training FLOPs.
    value
        (P, J), nan if the status is not ok.
    noise
        (P, J) variance of the values due to noise of single runs, in units of one run's variance: 1 / runs.
    replicates
        (P, J, B) the same values under each resampling of the items.
    status
        (P, J) remarks; ``OK`` if there is a value.
    blocks
        (P,) the training run of each point; points with equal names are checkpoints of one training run.
    target, baseline
        (P, J) ln E_t and ln E_b of a ratio; for an error, ``target`` is ``value`` and ``baseline`` is None.
    point_variance
        Uncertainty of each value, if known, such as that of a parabola's minimum.
    reading
        (P, J) variance of the values from the scatter of the runs around their parabolas, nan if unknown; None if
        nothing was read off parabolas, or if target and baseline were measured on the same runs.
    clusters
        (J,) number of clusters of the items that are resampled, for a ratio the smaller number; nan if its items are
        independent, and None if all are.
    without
        (P, J, G) the values read off without each of G training runs, nan if nothing can be read off; None unless
        the budgets of a frontier share training runs.
    """

    quantity: Quantity
    keys: list[CurveKey]
    points: list[Point]
    log_flops: Floats
    value: Floats
    noise: Floats
    replicates: Floats
    status: NDArray[np.object_]
    blocks: list[str]
    target: Floats
    baseline: Floats | None = None
    point_variance: PointVariance | None = None
    without: Floats | None = None
    clusters: Floats | None = None
    reading: Floats | None = None

    @property
    def law(self) -> LogLogLaw:
        """The line in logarithms that is fitted to them: the power law of errors, or the relative law of ratios."""
        return relative.LINE if self.quantity == RATIO else power.LINE

    @property
    def shared(self) -> bool:
        """Whether some points are checkpoints of one training run, and therefore not independent."""
        return len(set(self.blocks)) < len(self.blocks)

    def select(self, mask: NDArray[np.bool_]) -> "Curves":
        """The curves where ``mask`` (J,) is true."""
        if mask.all():
            return self
        columns = np.flatnonzero(mask)
        arrays = ("value", "noise", "replicates", "status", "target")
        parts = {name: getattr(self, name)[:, columns] for name in arrays}
        baseline = None if self.baseline is None else self.baseline[:, columns]
        without = None if self.without is None else self.without[:, columns]
        clusters = None if self.clusters is None else self.clusters[columns]
        reading = None if self.reading is None else self.reading[:, columns]
        keys = [self.keys[j] for j in columns]
        return replace(
            self,
            keys=keys,
            baseline=baseline,
            without=without,
            clusters=clusters,
            reading=reading,
            **parts,
        )
