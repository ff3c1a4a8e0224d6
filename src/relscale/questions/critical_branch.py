"""How large may a batch be? From trainings that branch off one checkpoint with k times its batch.

    k* = the largest k whose loss is at most ε above the loss of every smaller k,      critical batch = k* · B

B is the batch of the checkpoint. The branches read as many tokens, with the learning rate times the root of k for Adam
(``design.batch_schedule`` does), and their losses are smoothed: ε has to be above what noise is left in them. Where the
largest k of all is k*, the critical batch is at least that.

Source: *Critical Batch Size Revisited*, arXiv 2505.23971.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.column_arrays import Columns
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBranchRow:
    """One row per checkpoint that branches start from."""

    at: str = column("The checkpoint.")
    factor: float = column("k*.")
    batch: float | None = column("Critical batch, k* times that of the checkpoint.", default=None)
    least_loss: float = column("The least loss of the branches.")
    note: str | None = column(
        "Whether the critical batch may be larger than the largest tried.", default=None
    )


ROW = CriticalBranchRow


def mean_by_factor(factors: Array, losses: Array) -> tuple[Array, Array]:
    """Every factor, ascending, and the mean loss of its branches."""
    levels = np.unique(factors)
    return levels, np.array([losses[factors == k].mean() for k in levels])


def largest_factor(factors: Array, losses: Array, epsilon: float) -> float:
    """k*: the largest of ascending factors whose loss is at most ``epsilon`` above that of every smaller one."""
    before = np.concatenate([[np.inf], np.minimum.accumulate(losses)[:-1]])
    return float(factors[losses <= before + epsilon].max())


def rows(
    table: Columns, *, factor: str, y: str, at: str = "", batch: float = 0.0, epsilon: float = 0.01
) -> Iterator[CriticalBranchRow]:
    """The critical batch at every checkpoint.

    Parameters
    ----------
    factor
        Column of k, the batch of a branch by that of the checkpoint.
    y
        Column of the smoothed loss at the end of a branch.
    at
        Column of the checkpoint.
    batch
        The batch of the checkpoints, in any unit, for the critical batch in it.
    epsilon
        The difference of losses that does not count.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, epsilon is negative, or a checkpoint has no branch of its own batch.
    """
    if not epsilon >= 0:
        raise RelscaleError(f"epsilon: {epsilon:g} is negative")
    factors, losses, labels = table.positive(factor), table.numbers(y), table.labels(at)
    for name in dict.fromkeys(labels):
        selected = (labels == name) & np.isfinite(factors) & np.isfinite(losses)
        if not selected.any() or factors[selected].min() != 1:
            raise RelscaleError(f"{name}: no branch with {factor} 1, the batch of the checkpoint")
        levels, mean = mean_by_factor(factors[selected], losses[selected])
        best = largest_factor(levels, mean, epsilon)
        yield CriticalBranchRow(
            at=str(name),
            factor=best,
            batch=best * batch if batch > 0 else None,
            least_loss=float(mean.min()),
            note=f"at least this: no larger {factor} was tried" if best == levels[-1] else None,
        )
