"""Train the branches of a run (``relscale.training.branches``) from its saved states."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from relscale.design.run import Run
from relscale.errors import Damaged
from relscale.storage.atomic import remove, write_text
from relscale.training.branch_row import BranchRow
from relscale.training.branches import Branch, branches_of, steps_of_branches
from relscale.training.distributed_model import DistributedModel
from relscale.training.history import History
from relscale.training.noise_scale import smoothed
from relscale.training.observers import Observer, SavedState, write_whole_state
from relscale.training.options import Branches
from relscale.training.state import read_state

FOLDER = "branches"  # in the folder of a training's state
MEMORY = 0.5  # of the smoothed loss, per step


@dataclass
class BranchPoints:
    """An observer (``relscale.training.observers``) that saves the state at the checkpoints of branches."""

    model: DistributedModel
    unfinished: Path
    shares: Sequence[float]
    still_owned: Callable[[], None]

    def after_step(self, history: History) -> None:
        """Save the state if it is due."""
        if history.over or history.done not in steps_of_branches(self.shares, history.run):
            return
        folder = point_folder(self.unfinished, history.done)
        write_whole_state(self.model, history, folder, self.still_owned)


def point_folder(unfinished: Path, step: int) -> Path:
    """Folder of the state after ``step`` updates, saved for branches beside that of the unfinished training."""
    return unfinished / FOLDER / f"step-{step}"


def train_branches(
    model: DistributedModel,
    trunk: History,
    unfinished: Path,
    options: Branches,
    save_every: float,
    still_owned: Callable[[], None],
    train: Callable[[History, Callable[[Run, int], float], Sequence[Observer]], None],
) -> list[BranchRow] | None:
    """Train the branches of a finished run; None if they were interrupted.

    An interrupted branch resumes from its saved state, and a finished branch is not trained again.

    Parameters
    ----------
    model
        The model, which has the weights of the last branch afterwards.
    trunk
        The finished training.
    unfinished
        The folder of its state, with those of its checkpoints.
    options
        The config's section ``training.branches``.
    save_every
        Seconds between saves of a branch's state.
    still_owned
        Called before every write; may raise.
    train
        Trains a history to its end, with a learning rate by run and step, or until a stop is requested.

    Raises
    ------
    Damaged
        The state of a checkpoint cannot be read; the training starts again when it is repeated.
    """
    rows = []
    for branch in branches_of(trunk.run, options):
        point = point_folder(unfinished, branch.step)
        folder = point / f"times-{branch.factor}"
        result = folder / "branch.json"
        if result.is_file():
            rows.append(BranchRow(**json.loads(result.read_text(encoding="utf-8"))))
            continue
        state = read_state(folder) or read_state(point)
        if state is None:
            remove(unfinished / FOLDER)
            raise Damaged(point, "the state is damaged", "the same command trains the run again")
        history = History.of(branch.run, trunk.warmup, model.fabric.device)
        history.load_state_dict({**state["history"], **_schedule(branch.run)})
        model.load_state_dict(state)
        saved = SavedState(model, folder, save_every, still_owned)
        train(history, branch.rate, [saved])
        if not history.over:
            return None
        row = branch_row(branch, trunk.run, history)
        if model.fabric.is_global_zero:
            still_owned()
            write_text(result, json.dumps(asdict(row)) + "\n")
        rows.append(row)
    return rows


def branch_row(branch: Branch, trunk: Run, history: History) -> BranchRow:
    """The row of a finished branch."""
    losses = history.losses[branch.step : history.done].double().cpu().numpy()
    diverged = history.diverged is not None
    # Differences of independent losses have twice their variance; weights m^age of sum 1 scale it by (1 − m) / (1 + m).
    spread = (
        float(np.square(np.diff(losses)).mean()) / 2 * (1 - MEMORY) / (1 + MEMORY)
        if len(losses) > 2
        else None
    )
    length = trunk.architecture.sequence_length
    before = branch.tokens_before
    return BranchRow(
        run=trunk.name,
        corpus=trunk.corpus,
        params=trunk.params,
        from_tokens=before,
        from_batch_tokens=branch.run.batch_at(branch.step) // branch.factor * length,
        factor=branch.factor,
        tokens=branch.run.tokens - before,
        steps=branch.run.train_steps - branch.step,
        learning_rate=branch.learning_rate,
        loss=None if diverged else smoothed(losses.tolist(), MEMORY)[-1],
        loss_noise=None if diverged or spread is None else math.sqrt(spread),
        validation_loss=None if diverged else history.validation_losses[branch.run.train_steps],
    )


def _schedule(run: Run) -> dict[str, object]:
    return {
        "batch_schedule": [(change.tokens, change.factor) for change in run.batch_schedule],
        "train_steps": run.train_steps,
    }
