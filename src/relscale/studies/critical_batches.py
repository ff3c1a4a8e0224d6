"""Critical batch sizes at the checkpoints from which branches of training runs start."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from relscale.experiments.experiment import Experiment, TrainingExperiment
from relscale.experiments.results import Results
from relscale.questions.critical_branch import CriticalFactor, critical_factor
from relscale.storage.rows import column
from relscale.training.branch_row import BranchRow

FEWEST_STEPS = 4  # after which the smoothed loss hardly depends on the first step


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBatchRow:
    """One row per run and checkpoint."""

    run: str = column("Name of the run.")
    corpus: str = column("Corpus of the run.")
    params: int = column("Parameters.")
    from_tokens: int = column("Training tokens of the checkpoint.", "tokens")
    batch_tokens: int = column("Batch of the run at the checkpoint.", "tokens")
    factor: int | None = column(
        "k*: the largest batch, relative to that of the run, whose smoothed loss is at most epsilon above that of all "
        "smaller ones; null if the branch with the batch of the run diverged.",
        default=None,
    )
    critical_batch_tokens: int | None = column(
        "Critical batch: k* times the batch of the run.", "tokens", default=None
    )
    low: int | None = column(
        "Lower limit of its 95% interval, by the noise of the smoothed losses; null if that is not known.",
        "tokens",
        default=None,
    )
    high: int | None = column(
        "Upper limit; null if the noise is not known, or the largest batch tried is within the interval.",
        "tokens",
        default=None,
    )
    epsilon: float = column("Tolerance for differences of smoothed losses.", "nats per token")
    note: str | None = column("Caveats, such as noise above epsilon, or no larger batch tried.", default=None)


def branch_tables(experiment: Experiment, results: Results) -> dict[type, Path]:
    """The tables of branches of an experiment, by the types of their rows; none without ``training.branches``."""
    if not isinstance(experiment, TrainingExperiment) or experiment.training.branches is None:
        return {}
    return {BranchRow: results.branches, CriticalBatchRow: results.critical_batches}


def critical_batches(rows: Sequence[BranchRow], epsilon: float) -> Iterator[CriticalBatchRow]:
    """The critical batch of each checkpoint, whose branches are consecutive rows.

    Parameters
    ----------
    rows
        Branches of any runs.
    epsilon
        Tolerance for differences of smoothed losses, in nats per token.
    """
    for _, group in groupby(rows, key=lambda row: (row.run, row.from_tokens)):
        branches = sorted(group, key=lambda row: row.factor)
        factors, losses, noise = (  # (k,) each; None becomes NaN
            np.array([getattr(row, name) for row in branches], dtype=float)
            for name in ("factor", "loss", "loss_noise")
        )
        critical = critical_factor(factors, losses, noise, epsilon)
        batch = branches[0].from_batch_tokens
        limits = (critical.value, critical.low, critical.high) if critical else (None, None, None)
        factor, low, high = (None if limit is None else int(limit) for limit in limits)
        yield CriticalBatchRow(
            run=branches[0].run,
            corpus=branches[0].corpus,
            params=branches[0].params,
            from_tokens=branches[0].from_tokens,
            batch_tokens=batch,
            factor=factor,
            critical_batch_tokens=factor and factor * batch,
            low=low and low * batch,
            high=high and high * batch,
            epsilon=epsilon,
            note="; ".join(_notes(branches, critical, epsilon)) or None,
        )


def _notes(branches: Sequence[BranchRow], critical: CriticalFactor | None, epsilon: float) -> Iterator[str]:
    if critical is None:
        yield "the branch with the batch of the run diverged"
    elif critical.is_largest:
        yield "lower bound: no larger batch was tested"
    noise = max((row.loss_noise or 0 for row in branches), default=0.0)
    if noise > epsilon:
        yield f"the smoothed losses vary by {noise:.2g}, more than epsilon"
    short = [row.factor for row in branches if row.steps < FEWEST_STEPS]
    if short:
        yield f"fewer than {FEWEST_STEPS} steps with {', '.join(map(str, short))} times the batch"
