"""The record of a training, ``run.json``: what was trained, for how long, and how it ended."""

import json
from dataclasses import dataclass
from pathlib import Path

from relscale.checksums import is_whole, listed
from relscale.design.run import Run, run_from_dict
from relscale.errors import RelscaleError
from relscale.rows import column

RECORD = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """The record of a run, or of a checkpoint that it kept on the way."""

    key: str = column("The folder's name in the store; of a checkpoint, with its step.")
    name: str = column("Name of the model.")
    training: str = column("Name of the run.")
    run: Run = column("The run as it was planned.")
    status: str = column('"ok", or "diverged at step N".')
    step: int = column("Updates done.")
    learning_rate: float = column("Learning rate of the last update.")
    train_loss: float | None = column(
        "Mean over the last 5% of the steps, or the last finite loss of a run that diverged.",
        "nats per token",
    )
    validation_loss: float | None = column("Null if the run diverged.", "nats per token")
    validation_bits_per_byte: float | None = column("The same per byte of text.", "bits per byte")
    validation_tokens: int = column("Tokens that were predicted for it.")
    seconds: float = column("Time spent in steps, summed over interruptions.", "seconds")
    precision: str = column("Type of the matrix products.")
    params: int = column("Parameters.")
    tokens: int = column("Training tokens.")
    unique_tokens: int = column("Distinct tokens among them.")
    training_flops: int = column("Forward and backward compute.", "FLOPs")
    versions: dict[str, str] = column("Versions of relscale, Python and torch.")


def read_records(folder: Path) -> dict[Path, TrainingRecord] | None:
    """The records of a finished run and of the checkpoints that it kept, by step, each with its folder.

    None if there is no such run, or files of it or of a checkpoint are missing or of another size: a run without one
    of its checkpoints is not the run that was trained.
    """
    if not is_whole(folder, RECORD):
        return None
    kept = [
        folder / name.removesuffix(f"/{RECORD}") for name in listed(folder) if name.endswith(f"/{RECORD}")
    ]
    if not all(is_whole(each, RECORD) for each in kept):
        return None
    by_step = sorted(((each, record_in(each)) for each in kept), key=lambda pair: pair[1].step)
    return {folder: record_in(folder), **dict(by_step)}


def record_in(folder: Path) -> TrainingRecord:
    """The record of a run as it stands, whether its other files are whole or not.

    Raises
    ------
    RelscaleError
        There is none, or it is not what a training writes.
    """
    path = folder / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return TrainingRecord(**{**values, "run": run_from_dict(values["run"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelscaleError(f"{path}: no readable record of a run; train it again") from error
