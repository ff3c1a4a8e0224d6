"""Branches of a run: training continued from a checkpoint on the same tokens with k times the batch size.

At some shares of a run's tokens its complete state is saved: weights, optimizer moments and number of sequences read.
When the run is finished, each branch starts from such a checkpoint and reads the following sequences, the same number
for every k, at the checkpoint's learning rate times √k. Its losses are smoothed: the mean of the branch's losses with
weights that halve from step to step. The largest k whose loss is not above that of the smaller ones is the critical
batch (``relscale.questions.critical_branch``).

Source: *Critical Batch Size Revisited*, arXiv 2505.23971.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from relscale.design.run import BatchChange, Run
from relscale.training.options import Branches
from relscale.training.schedule import learning_rate, steps_of

BRANCHES = "branches.parquet"  # the table of a run's branches, in its folder


@dataclass(frozen=True)
class Branch:
    """A branch of a run.

    Attributes
    ----------
    run
        The run up to the checkpoint, followed by the branch.
    step
        Number of updates before the branch.
    factor
        k, the batch of the branch relative to the run's at the checkpoint.
    learning_rate
        Learning rate of all its updates.
    """

    run: Run
    step: int
    factor: int
    learning_rate: float

    def rate(self, run: Run, step: int) -> float:
        """The learning rate of any step."""
        return self.learning_rate

    @property
    def tokens_before(self) -> int:
        """Training tokens of the checkpoint."""
        return self.run.sequences_before(self.step) * self.run.architecture.sequence_length


def branches_of(run: Run, options: Branches) -> list[Branch]:
    """The branches of a finished run, by checkpoint and factor.

    All branches of a checkpoint read the same number of sequences: the requested number, rounded to whole batches of
    each.
    """
    return [
        branch
        for step in steps_of_branches(options.shares, run)
        for branch in _branches_at(run, step, options)
    ]


def steps_of_branches(shares: Iterable[float], run: Run) -> list[int]:
    """Numbers of updates after which a run branches, ascending, except shares reached only at the end."""
    return sorted(step for step in steps_of(shares, run) if step < run.train_steps)


def _branches_at(run: Run, step: int, options: Branches) -> list[Branch]:
    length, batch, before = run.architecture.sequence_length, run.batch_at(step), run.sequences_before(step)
    multiple = math.lcm(*options.factors) * batch
    sequences = max(1, round(options.tokens / length / multiple)) * multiple
    earlier_changes = [
        change
        for change, stage in zip(run.batch_schedule, run.stages[1:], strict=True)
        if stage.first_step <= step
    ]
    rate = learning_rate(run, step)
    return [
        Branch(
            replace(
                run,
                batch_schedule=(
                    *earlier_changes,
                    BatchChange(float(before * length), factor * batch // run.batch_size),
                ),
                train_steps=step + sequences // (factor * batch),
            ),
            step,
            factor,
            rate * math.sqrt(factor),
        )
        for factor in sorted(options.factors)
    ]


@dataclass(frozen=True)
class BranchCost:
    """Cost of all branches of a run.

    Attributes
    ----------
    branches
        Number of branches.
    tokens
        Total number of tokens that they read.
    share
        Ratio of these tokens to those of the run; the run takes this share of compute and time more.
    """

    branches: int = 0
    tokens: int = 0
    share: float = 0.0


def branch_cost(run: Run, options: Branches | None) -> BranchCost:
    """Cost of the branches of a run; zero without options."""
    branches = branches_of(run, options) if options else []
    tokens = sum(branch.run.tokens - branch.tokens_before for branch in branches)
    return BranchCost(len(branches), tokens, tokens / run.tokens)


def furthest_token(run: Run, options: Branches | None) -> int:
    """Index of the last training token of a run or one of its branches."""
    return max(
        [run.tokens, *(branch.run.tokens for branch in (branches_of(run, options) if options else []))]
    )
