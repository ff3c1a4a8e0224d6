"""Records as trainings leave them, for tests that need none of the rest."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from relscale.design.run import Run
from relscale.training.record import RECORD, TrainingRecord


def write_record(folder: Path, run: Run, **cells: Any) -> TrainingRecord:
    """Write ``run.json`` of a run that finished, but for what ``cells`` say."""
    usual: dict[str, Any] = {
        "key": folder.name,
        "name": run.name,
        "training": run.name,
        "run": run,
        "status": "ok",
        "step": run.train_steps,
        "learning_rate": 0.0,
        "train_loss": 3.25,
        "validation_loss": 3.0,
        "validation_bits_per_byte": 1.1,
        "validation_tokens": 100,
        "seconds": 1.0,
        "precision": "float32",
        "params": run.params,
        "tokens": run.tokens,
        "unique_tokens": run.tokens,
        "training_flops": run.training_flops,
        "versions": {},
    }
    record = TrainingRecord(**usual | cells)
    (folder / RECORD).write_text(json.dumps(asdict(record)))
    return record
