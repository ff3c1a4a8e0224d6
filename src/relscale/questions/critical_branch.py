"""How large can the batch be? Critical batch from branches of a checkpoint with k times its batch.

    k* = the largest k whose loss is at most ε above the loss of every smaller k,      critical batch = k* · B

B is the batch of the checkpoint. The branches read the same number of tokens, with the learning rate times √k for Adam
(as ``design.batch_schedule`` does), and their losses are smoothed: ε has to exceed the remaining noise. If the largest
k is k*, the critical batch is at least that large.

Source: *Critical Batch Size Revisited*, arXiv 2505.23971.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.questions.limits import joined_notes
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBranchRow:
    """One row per checkpoint with branches."""

    at: str = column("The checkpoint.")
    factor: float = column("k*.")
    batch: float | None = column("Critical batch, k* times that of the checkpoint.", default=None)
    low: float | None = column("Lower limit of the 95% interval of k*, if the noise is known.", default=None)
    high: float | None = column("Upper limit; null if the largest k is within the interval.", default=None)
    least_loss: float = column("Minimum loss of the branches.")
    note: str | None = column(
        "Whether the critical batch may exceed the largest batch in the data.", default=None
    )


ROW = CriticalBranchRow


@dataclass(frozen=True)
class CriticalFactor:
    """k* of one checkpoint.

    Attributes
    ----------
    low, high
        Its interval; None if the noise is not known, ``high`` also where the largest k is within it.
    is_largest
        Whether it is the largest k, so that it is a lower bound.
    least_loss
        The minimum loss of the branches.
    """

    value: float
    low: float | None
    high: float | None
    is_largest: bool
    least_loss: float


def critical_factor(factors: Array, losses: Array, noise: Array, epsilon: float) -> CriticalFactor | None:
    """k* of the branches of one checkpoint; None if that of the smallest k diverged.

    Parameters
    ----------
    factors
        (n,) k of each branch; branches of the same k count by their mean.
    losses
        (n,) their smoothed losses; not finite if the branch diverged.
    noise
        (n,) standard deviations of the losses; NaN if not known.
    epsilon
        Tolerance for differences of losses.

    Examples
    --------
    >>> factor = critical_factor(np.array([1, 2, 4]), np.array([3.0, 2.995, np.nan]), np.full(3, np.nan), 0.01)
    >>> factor.value, factor.low, factor.is_largest
    (2.0, None, False)
    """
    diverged = ~np.isfinite(losses)
    losses = np.where(diverged, np.inf, losses)
    noise = np.where(diverged, 0.0, noise)  # infinite losses have no noise
    levels, mean, spread = mean_by_factor(factors, losses, noise)
    if not np.isfinite(mean[0]):
        return None
    known = bool(np.isfinite(spread).all())
    low, high = factor_limits(levels, mean, spread, epsilon) if known else (None, None)
    best = largest_factor(levels, mean, epsilon)
    return CriticalFactor(best, low, high, bool(best == levels[-1]), float(mean.min()))


def mean_by_factor(factors: Array, losses: Array, noise: Array) -> tuple[Array, Array, Array]:
    """Every factor (k,), ascending; the mean loss of its branches, and the standard deviation of that mean.

    ``factors``, ``losses`` and ``noise``, their standard deviations, are (n,), one per branch.
    """
    levels = np.unique(factors)
    branches = [factors == k for k in levels]
    spread = [np.sqrt(np.square(noise[branch]).sum()) / branch.sum() for branch in branches]
    return levels, np.array([losses[branch].mean() for branch in branches]), np.array(spread)


def largest_factor(factors: Array, losses: Array, epsilon: float) -> float:
    """k*: the largest of ascending factors (k,) whose loss is at most ``epsilon`` above that of every smaller one.

    Examples
    --------
    >>> largest_factor(np.array([1.0, 2, 4]), np.array([3.0, 2.995, 3.006]), 0.01)
    2.0
    """
    smaller = np.minimum.accumulate([np.inf, *losses[:-1]])
    return float(factors[~(losses > smaller + epsilon)].max())


def factor_limits(factors: Array, losses: Array, noise: Array, epsilon: float) -> tuple[float, float | None]:
    """The 95% interval of k* for independent normal noise of the losses; no upper limit at the largest factor.

    The lower limit is the largest factor whose loss is significantly at most ε above that of every smaller factor, the
    upper limit the largest whose loss is not significantly more than ε above that of any smaller one. Two losses are
    compared by a one-sided z-test at (1 − level) / 2 divided by the number of larger factors (Bonferroni). k* is always
    between the limits.

    Parameters
    ----------
    factors
        (k,) ascending.
    losses, noise
        (k,) the smoothed losses and their standard deviations; a branch that diverged has an infinite loss.
    epsilon
        Tolerance for differences of losses.

    Notes
    -----
    Branches read the same tokens, so part of their noise is common, and the interval is somewhat too wide.

    Examples
    --------
    >>> factors, losses = np.array([1.0, 2, 4, 8]), np.array([3.0, 3.0, 3.005, 3.1])
    >>> factor_limits(factors, losses, np.full(4, 0.002), 0.01)
    (2.0, 4.0)
    """
    from scipy.special import ndtri

    z = -ndtri((1 - LEVEL) / 2 / max(len(factors) - 1, 1))
    with np.errstate(invalid="ignore"):  # two branches that diverged have equal losses
        above = losses[:, None] - losses - epsilon
    tolerance = z * np.hypot(noise[:, None], noise)
    smaller = np.tri(len(factors), k=-1, dtype=bool)
    accepted = ~(smaller & ~(above <= -tolerance)).any(axis=1)
    possible = ~(smaller & (above > tolerance)).any(axis=1)
    low, high = factors[accepted].max(), factors[possible].max()
    return float(low), float(high) if high < factors[-1] else None


def rows(
    table: Columns,
    *,
    factor: str,
    y: str,
    noise: str = "",
    at: str = "",
    batch: float = 0.0,
    epsilon: float = 0.01,
) -> Iterator[CriticalBranchRow]:
    """The critical batch at every checkpoint.

    Parameters
    ----------
    factor
        Column of k, the batch of a branch relative to that of the checkpoint.
    y
        Column of the smoothed loss at the end of a branch; a branch without one diverged.
    noise
        Column of the loss's standard deviation, for the interval of k*.
    at
        Column of the checkpoint.
    batch
        Batch of the checkpoints, in any unit; the critical batch is in the same unit.
    epsilon
        Tolerance for differences of losses.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, epsilon or a noise is negative, or a checkpoint has no branch with its own
        batch.
    """
    if not epsilon >= 0:
        raise RelscaleError(f"epsilon: {epsilon:g} is negative")
    table = table.without_blanks((factor,), (at,))
    factors, losses, labels = table.positive(factor), table.numbers(y), table.labels(at)
    spread = table.numbers(noise) if noise else np.full(len(losses), np.nan)
    if (spread < 0).any():
        raise RelscaleError(f"column {noise}: {np.nanmin(spread):g} is negative, so not a standard deviation")
    for name in dict.fromkeys(labels):
        selected = (labels == name) & np.isfinite(factors)
        critical = None
        if factors[selected].min(initial=np.inf) == 1:
            critical = critical_factor(factors[selected], losses[selected], spread[selected], epsilon)
        if critical is None:
            raise RelscaleError(
                f"{name}: no branch with {factor} 1, the batch of the checkpoint, or it diverged"
            )
        yield CriticalBranchRow(
            at=str(name),
            factor=critical.value,
            low=critical.low,
            high=critical.high,
            batch=critical.value * batch if batch > 0 else None,
            least_loss=critical.least_loss,
            note=joined_notes(
                f"a lower bound: no larger {factor} in the data" if critical.is_largest else "",
                "" if at else _means(factors[selected], factor),
            ),
        )


def _means(factors: Array, name: str) -> str:
    """A note on branches of one factor, which may be of several checkpoints."""
    if len(np.unique(factors)) == len(factors):
        return ""
    return f"rows of one {name} are averaged; if they are of several checkpoints, name that column under at"
