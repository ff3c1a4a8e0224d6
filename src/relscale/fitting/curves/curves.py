"""Curves that laws are fitted to: errors, or ratios of two errors, along compute; many at once.

A curve is one group's error along a matrix's frontier, its error over the baseline group's, or one group's error on
one corpus (or with one optimizer) over that on another. All analyses take curves, regardless of what they measure.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.keys import CurveKey

Quantity = Literal["error", "ratio"]
ERROR: Quantity = "error"
RATIO: Quantity = "ratio"


@dataclass(frozen=True)
class PointVariance:
    """The uncertainty of each value of a curve; arrays (P, J).

    Attributes
    ----------
    variance
        Variance of the value, nan where unknown.
    df
        The degrees of freedom that the variance was estimated with.
    """

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
        What each curve is; of a ratio with ``baseline`` and ``contrast``.
    points
        Of the frontier, by compute.
    log_flops
        (P,) ln training FLOPs.
    value
        (P, J), nan where ``status`` says why.
    noise
        (P, J) variance of the values as far as it comes from single runs, in units of one run's: 1 / runs.
    replicates
        (P, J, B) the same values under each resampling of the items.
    status
        (P, J) remarks; ``OK`` where there is a value.
    blocks
        (P,) the training trajectory behind each point; equal names are checkpoints of one training.
    target, baseline
        (P, J) ln E_t and ln E_b of a ratio; of an error ``target`` is ``value``, and ``baseline`` None.
    point_variance
        Uncertainty of each value, if known, such as that of a parabola's minimum.
    reading
        (P, J) variance of the values as the runs' scatter around their parabolas has it, nan where unknown; None where
        nothing was read off parabolas, or where target and baseline were measured on the same runs.
    clusters
        (J,) how many clusters the items come in that are resampled, of a ratio the lesser number; nan where each item
        stands for itself, and None where all do.
    without
        (P, J, G) the values as they are read off without each of G trainings, nan where nothing can be read then; where
        the budgets of a frontier share trainings, else None.
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
