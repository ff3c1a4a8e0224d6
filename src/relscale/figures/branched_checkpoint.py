"""Checkpoints with the branches that start from them, for the figure ``critical-batch``."""

from typing import NamedTuple

from relscale.figures.data import FigureData
from relscale.studies.critical_batches import CriticalBatchRow
from relscale.training.branch_row import BranchRow

OPEN_END = 1.5  # end of an interval without an upper limit, as a multiple of the largest batch tried


class BranchedCheckpoint(NamedTuple):
    """The branches of a checkpoint, by k, and its critical batch."""

    label: str
    branches: list[BranchRow]
    critical: CriticalBatchRow

    @property
    def excess(self) -> list[float | None]:
        """Loss of each branch above that of the branch with the run's own batch; None if either diverged."""
        reference = self.branches[0].loss
        return [
            None if row.loss is None or reference is None else row.loss - reference for row in self.branches
        ]

    @property
    def open_end(self) -> float:
        """End of an interval without an upper limit, above the largest batch tried, in tokens."""
        return OPEN_END * self.branches[-1].factor * self.critical.batch_tokens


def branched_checkpoints(data: FigureData) -> list[BranchedCheckpoint]:
    """All checkpoints, by run and tokens, with distinct labels."""
    critical = data.rows(CriticalBatchRow)
    several_corpora = len({row.corpus for row in critical}) > 1
    checkpoints = []
    for row in critical:
        branches = [
            branch for branch in data.rows(BranchRow, run=row.run) if branch.from_tokens == row.from_tokens
        ]
        size = f"{row.params:,} parameters, {row.from_tokens:,} tokens"
        label = f"{row.corpus}: {size}" if several_corpora else size
        checkpoints.append(BranchedCheckpoint(label, sorted(branches, key=lambda branch: branch.factor), row))
    labels = [checkpoint.label for checkpoint in checkpoints]
    return [
        checkpoint._replace(label=f"{checkpoint.label}, {checkpoint.critical.run}")
        if labels.count(checkpoint.label) > 1
        else checkpoint
        for checkpoint in checkpoints
    ]
