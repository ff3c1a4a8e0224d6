"""The critical batch of every checkpoint that branches of trainings start from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from relscale.questions.critical_branch import largest_factor
from relscale.rows import column
from relscale.training.branches import BranchRow

SHORTEST = 4  # steps whose smoothed loss has forgotten the first one


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBatchRow:
    """One row per run and checkpoint."""

    run: str = column("Name of the run.")
    corpus: str = column("Corpus of the run.")
    params: int = column("Parameters.")
    from_tokens: int = column("Training tokens of the checkpoint.", "tokens")
    batch_tokens: int = column("Batch of the run at the checkpoint.", "tokens")
    factor: int | None = column(
        "k*: the largest batch, by that of the run, whose smoothed loss is at most epsilon above that of all smaller "
        "ones; null if the branch with the batch of the run diverged.",
        default=None,
    )
    critical_batch_tokens: int | None = column(
        "Critical batch: k* times the batch of the run.", "tokens", default=None
    )
    epsilon: float = column("Difference of losses that does not count.", "nats per token")
    note: str | None = column("Why it may be another.", default=None)


def critical_batches(rows: Sequence[BranchRow], epsilon: float) -> Iterator[CriticalBatchRow]:
    """The critical batch of each checkpoint; its branches stand one after another.

    Parameters
    ----------
    rows
        Branches of any runs.
    epsilon
        Difference of smoothed losses that does not count, in nats per token.
    """
    for _, group in groupby(rows, key=lambda row: (row.run, row.from_tokens)):
        branches = sorted(group, key=lambda row: row.factor)
        losses = np.array([np.inf if row.loss is None else row.loss for row in branches])
        factors = np.array([row.factor for row in branches])
        first = branches[0]
        usable = bool(np.isfinite(losses[0]))
        factor = round(largest_factor(factors, losses, epsilon)) if usable else None
        yield CriticalBatchRow(
            run=first.run,
            corpus=first.corpus,
            params=first.params,
            from_tokens=first.from_tokens,
            batch_tokens=first.from_batch_tokens,
            factor=factor,
            critical_batch_tokens=factor * first.from_batch_tokens if factor else None,
            epsilon=epsilon,
            note="; ".join(_notes(branches, factor, epsilon)) or None,
        )


def _notes(branches: Sequence[BranchRow], factor: int | None, epsilon: float) -> Iterator[str]:
    if factor is None:
        yield "the branch with the batch of the run diverged"
    elif factor == branches[-1].factor:
        yield "at least this: no larger batch was tried"
    noise = max((row.loss_noise or 0 for row in branches), default=0.0)
    if noise > epsilon:
        yield f"the smoothed losses vary by {noise:.2g}, more than epsilon"
    short = [row.factor for row in branches if row.steps < SHORTEST]
    if short:
        yield f"fewer than {SHORTEST} steps with {', '.join(map(str, short))} times the batch"
