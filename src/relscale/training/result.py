"""What a training leaves: its record, its curve, its weights, and those it had on the way."""

import importlib.metadata
import json
import platform
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import relscale
from relscale.atomic import link, remove
from relscale.checksums import add_to_seal, check_digests, is_whole, sealed_folder
from relscale.design.run import Run, run_to_dict
from relscale.errors import Damaged
from relscale.tables import write_table
from relscale.training.checkpoint import export
from relscale.training.history import History
from relscale.training.loop import learning_rate
from relscale.training.state import CHECKPOINTS, RECORD
from relscale.training.validation import bits_per_byte
from relscale.training.vocabulary import Vocabulary

RECENT = 0.05  # share of the steps whose mean is the training loss of the record


@dataclass(frozen=True)
class Told:
    """What a record says beside the losses: the run's key, the type it multiplied in, the text it was validated on."""

    key: str
    precision: str
    held_out: np.ndarray
    words: Vocabulary


def checkpoint_name(step: int) -> str:
    """The folder of the checkpoint after so many updates."""
    return f"step-{step}"


def write_checkpoint(
    folder: Path, step: int, weights: dict[str, Any], run: Run, words: Vocabulary, end_of_text: int
) -> None:
    """Keep the weights after ``step`` updates beside a training's state."""
    with sealed_folder(folder / CHECKPOINTS / checkpoint_name(step)) as partial:
        export(weights, run.architecture, end_of_text, words.files, partial)


def write_result(
    folder: Path,
    unfinished: Path,
    weights: dict[str, Any],
    run: Run,
    history: History,
    told: Told,
    end_of_text: int,
    still_owned: Callable[[], None],
) -> dict[str, Any]:
    """Write a run's folder, whole or not at all, and on disk before the training's state goes; the record of the run.

    Parameters
    ----------
    folder
        Where it goes.
    unfinished
        The folder of the training's state, where the checkpoints on the way are.
    weights
        At the end.
    run, history, told, end_of_text
        What the record says.
    still_owned
        Called before the folder appears; may raise.
    """
    record = _record(run, history, history.done, told)
    with sealed_folder(folder) as partial:
        write_table(curve(run, history), partial / "curve.parquet", durable=False)
        if history.diverged is None:
            export(weights, run.architecture, end_of_text, told.words.files, partial)
        for kept in sorted((unfinished / CHECKPOINTS).glob("step-*")):
            step = int(kept.name.removeprefix("step-"))
            target = partial / CHECKPOINTS / kept.name
            _check_kept(kept)
            shutil.copytree(kept, target, copy_function=link)
            _write_json(_record(run, history, step, told), target / RECORD)
            add_to_seal(target, RECORD)
        _write_json(record, partial / RECORD)
        still_owned()
    return record


def _check_kept(checkpoint: Path) -> None:
    """Hold a checkpoint on the way against its digests; a damaged one goes, and with it what was trained after it."""
    try:
        check_digests(checkpoint)
    except Damaged as error:
        remove(checkpoint)
        raise Damaged(error.path, error.what, "the same command trains the run anew") from None


def kept_whole(unfinished: Path, steps: Iterable[int]) -> bool:
    """Whether the checkpoints after these steps are beside a training's state."""
    return all(is_whole(unfinished / CHECKPOINTS / checkpoint_name(step)) for step in steps)


def _write_json(record: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def curve(run: Run, history: History) -> pa.Table:
    """A row a step: tokens, learning rate, losses in nats a token, gradient norm before clipping."""
    steps = range(1, history.done + 1)
    batch_tokens = run.batch_size * run.architecture.sequence_length
    return pa.table(
        {
            "step": pa.array(steps, pa.int64()),
            "tokens": pa.array([step * batch_tokens for step in steps], pa.int64()),
            "learning_rate": pa.array([learning_rate(run, step - 1) for step in steps], pa.float64()),
            "train_loss": pa.array(history.losses[: history.done].tolist(), pa.float64()),
            "validation_loss": pa.array(
                [history.validation_losses.get(step) for step in steps], pa.float64()
            ),
            "grad_norm": pa.array(history.gradient_norms[: history.done].tolist(), pa.float64()),
        }
    )


def _record(run: Run, history: History, step: int, told: Told) -> dict[str, Any]:
    """The record of a run, or of the checkpoint that it had after ``step`` of its updates."""
    last = step == history.done
    lost = last and history.diverged is not None
    losses = history.losses[: history.diverged if lost else step].cpu()
    # Of a run that diverged, the last loss that is a number.
    recent = losses[losses.isfinite()][-1:] if lost else losses[-max(1, round(RECENT * step)) :]
    status = "ok" if history.diverged is None else f"diverged at step {history.diverged}"
    validation_loss = None if lost else history.validation_losses[step]
    return {
        "key": told.key if last else f"{told.key}-{checkpoint_name(step)}",
        "name": run.name if last else f"{run.name}-{checkpoint_name(step)}",
        "training": run.name,
        "run": run_to_dict(run),
        "status": status,
        "step": history.diverged if lost else step,
        "learning_rate": learning_rate(run, step - 1),
        "train_loss": recent.double().mean().item() if len(recent) else None,
        "validation_loss": validation_loss,
        "validation_bits_per_byte": None
        if validation_loss is None
        else bits_per_byte(validation_loss, told.held_out, told.words.bytes),
        "validation_tokens": len(told.held_out) - 1,
        "seconds": history.seconds,
        "precision": told.precision,
        "params": run.params,
        "tokens": step * run.batch_size * run.architecture.sequence_length,
        "training_flops": run.training_flops * step // run.train_steps,
        "versions": {
            "relscale": relscale.__version__,
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
        },
    }
