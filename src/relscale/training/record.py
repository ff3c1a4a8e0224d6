"""The record of a run, ``run.json``."""

import json
from dataclasses import dataclass
from pathlib import Path

from relscale.design.run import Run, run_from_dict
from relscale.errors import RelscaleError
from relscale.storage.checksums import is_whole, listed
from relscale.storage.rows import column

RECORD = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """The record of a run, or of an intermediate checkpoint."""

    key: str = column("Folder name in the store; for a checkpoint, with its step.")
    name: str = column("Name of the model.")
    training: str = column("Name of the run.")
    run: Run = column("The planned run.")
    status: str = column('"ok", or "diverged at step N".')
    step: int = column("Number of updates done.")
    learning_rate: float = column("Learning rate of the last update.")
    train_loss: float | None = column(
        "Mean over the last 5% of the steps, or the last finite loss of a diverged run.",
        "nats per token",
    )
    validation_loss: float | None = column("Null if the run diverged.", "nats per token")
    validation_bits_per_byte: float | None = column("The same per byte of text.", "bits per byte")
    validation_tokens: int = column("Number of predicted validation tokens.")
    seconds: float = column("Time spent in training steps, summed over interruptions.", "seconds")
    precision: str = column("Matrix products: float32, bf16 kernels or bf16 autocast.")
    params: int = column("Parameters.")
    tokens: int = column("Training tokens.")
    unique_tokens: int = column("Number of distinct training tokens.")
    training_flops: int = column("Forward and backward compute.", "FLOPs")
    versions: dict[str, str] = column("Versions of relscale, Python and torch.")


def read_records(folder: Path) -> dict[Path, TrainingRecord] | None:
    """Records of a finished run and of its checkpoints, by step, each with its folder.

    None if there is no such run, or if files of it or of a checkpoint are missing or have the wrong size.
    """
    if not is_whole(folder, RECORD):
        return None
    checkpoints = [
        folder / name.removesuffix(f"/{RECORD}") for name in listed(folder) if name.endswith(f"/{RECORD}")
    ]
    if not all(is_whole(checkpoint, RECORD) for checkpoint in checkpoints):
        return None
    by_step = sorted(
        ((checkpoint, record_in(checkpoint)) for checkpoint in checkpoints), key=lambda pair: pair[1].step
    )
    return {folder: record_in(folder), **dict(by_step)}


def record_in(folder: Path) -> TrainingRecord:
    """The record of a run, without checking its other files.

    Raises
    ------
    RelscaleError
        There is no record, or it is not valid.
    """
    path = folder / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return TrainingRecord(**{**values, "run": run_from_dict(values["run"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelscaleError(f"{path}: no readable record of a run; train it again") from error
