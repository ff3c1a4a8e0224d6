"""The relative law: the ratio of two errors as a power law of training compute. Δβ is computed here.

    G(F) = E_t(F) / E_b(F) = γ · F^Δβ,    ln G = ln γ + Δβ · ln F

with E_t the error of a target, E_b that of its baseline and F the training FLOPs. The fit is a straight line through ln
G on ln F (``log_log_lines``): its slope is Δβ, positive if the target improves more slowly than the baseline. The
interval is that of a slope (``interval``). The gap |ln G| closes or widens from the smallest to the largest compute if
the intervals of Δβ and of ln G at both ends and in the middle all agree (``direction``).

The curves of ln G come from ``relscale.fitting.curves``: ``gaps`` between groups of one run matrix, ``contrasts``
between two corpora or optimizers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from relscale.confidence import LEVEL
from relscale.fitting.curves.curves import Curves
from relscale.fitting.inference.direction import Direction
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.line_with_intervals import line_with_intervals
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.fitting.status import Remark
from relscale.laws import relative


@dataclass(frozen=True)
class RelativeLaw:
    """A fitted relative law.

    Attributes
    ----------
    delta_beta, low, high
        The exponent Δβ and its confidence limits.
    ratio
        G at ``reference_flops``, the geometric mean of the compute.
    direction
        Whether the gap closes or widens from the smallest to the largest compute; None without an interval.
    remark
        The reason that there is no interval, or no reliable one.
    """

    delta_beta: float
    low: float
    high: float
    ratio: float
    reference_flops: float
    direction: Direction | None
    remark: Remark


def relative_law(
    log_flops: ArrayLike,
    log_target: ArrayLike,
    log_baseline: ArrayLike,
    level: float = LEVEL,
    trainings: Sequence[str] | None = None,
) -> RelativeLaw:
    """Fit one relative law.

    Parameters
    ----------
    log_flops
        (P,) natural logarithm of the training FLOPs.
    log_target, log_baseline
        (P,) natural logarithms of both errors; a point where one is nan is left out.
    level
        Confidence level.
    trainings
        (P,) the training run of each point, if points are checkpoints of shared training runs.
    """
    x = np.asarray(log_flops, dtype=float)
    log_ratio = np.asarray(log_target, dtype=float) - np.asarray(log_baseline, dtype=float)
    blocks = trainings or [str(i) for i in range(len(x))]
    line = line_with_intervals(x, log_ratio, np.ones_like(x), blocks, level)
    return RelativeLaw(
        delta_beta=float(line.slope.value),
        low=float(line.slope.low),
        high=float(line.slope.high),
        ratio=float(np.exp(line.line.level)),
        reference_flops=float(np.exp(line.line.reference)),
        direction=line.direction(),
        remark=line.remark(),
    )


def relative_law_rows(ratios: Curves, settings: Settings) -> list[ParameterRow]:
    """Rows of Δβ and of G at the reference compute, for every curve of ln G and each estimand."""
    return law_rows(relative.LINE, ratios, settings)
