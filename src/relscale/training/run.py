"""Train one run: from a plan's row and a token store to a checkpoint, its curve and its record."""

import importlib.metadata
import json
import logging
import math
import platform
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pyarrow as pa
import torch

import relscale
from relscale.atomic import atomic_path, write_text
from relscale.design.run import Run, run_to_dict
from relscale.errors import RelscaleError
from relscale.tables import write_table
from relscale.tokens.store import TokenStore
from relscale.training.checkpoint import export
from relscale.training.heap import keep_freed_memory
from relscale.training.key import run_key, tokens_digest
from relscale.training.model import Decoder
from relscale.training.module import TrainingModule
from relscale.training.precision import choose_precision
from relscale.training.validation import bits_per_byte, mean_loss, windows
from relscale.training.vocabulary import read_vocabulary

RECENT = 0.05  # share of the steps whose mean is the training loss of the record


def train_run(
    run: Run, tokens: Path, vocabulary: Path, folder: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """Train a run and write its folder, whole or not at all.

    The folder has ``run.json`` (the record that is returned), ``curve.parquet`` (a row a step) and, unless the run
    diverged, a checkpoint with its tokenizer. On one CPU with one compiler the same run, tokens, options and number of
    threads give the same weights, bit for bit.

    Parameters
    ----------
    run
        What to train.
    tokens
        Folder of the token store.
    vocabulary
        Folder of the tokenizer.
    folder
        Where the result goes.
    options
        The config's section ``training``: ``threads``, ``precision``, ``validation_tokens`` (how many tokens of the
        validation split are scored), ``validation_points`` (how often, evenly spaced, the last time at the end) and
        ``compile`` (a tenth faster at most, after half a minute; it needs a C++ compiler).

    Returns
    -------
    dict
        The record: losses in nats a token, ``status`` "ok" or "diverged at step N". ``train_loss`` is the mean over the
        last 5% of the steps, or the last finite loss of a run that diverged, whose validation losses are null.

    Raises
    ------
    RelscaleError
        The store's vocabulary is not the run's, or it has no text to validate on.
    """
    torch.set_num_threads(options.get("threads", 1))
    keep_freed_memory()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

    a = run.architecture
    store, words = TokenStore.open(tokens), read_vocabulary(vocabulary)
    if len(words.bytes) != a.vocabulary_size:
        raise RelscaleError(
            f"{vocabulary}: {len(words.bytes)} tokens, where {run.name} has a vocabulary of {a.vocabulary_size}"
        )
    held_out = store.tokens("validation")[: options.get("validation_tokens", 65536)]
    if len(held_out) < 2:
        raise RelscaleError(f"{tokens}: the validation split has no text; give it a larger share")

    torch.manual_seed(run.seed)
    model = Decoder(a)
    if options.get("compile", False):
        # All but the output layer, whose fused loss is as fast as it gets.
        model.hidden = torch.compile(model.hidden)  # type: ignore[method-assign]
    points = options.get("validation_points", 1)
    validation_steps = {math.ceil(run.train_steps * (i + 1) / points) for i in range(points)}
    module = TrainingModule(run, model, mean_loss(windows(held_out, a.sequence_length)), validation_steps)
    precision = choose_precision(options.get("precision", "auto"), a.hidden_size)
    trainer = lightning.Trainer(
        max_steps=run.train_steps,
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    started = time.perf_counter()
    trainer.fit(module, train_dataloaders=Batches(store, run))
    seconds = time.perf_counter() - started

    record = {
        "key": run_key(run, tokens_digest(tokens), options),
        "name": run.name,
        "run": run_to_dict(run),
        **_outcome(module, held_out, words.bytes),
        "seconds": seconds,
        "precision": precision,
        "params": run.params,
        "tokens": module.done * run.batch_size * a.sequence_length,
        "training_flops": run.training_flops * module.done // run.train_steps,
        "versions": {
            "relscale": relscale.__version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "lightning")},
        },
    }
    with atomic_path(folder) as partial:
        partial.mkdir()
        write_table(_curve(module), partial / "curve.parquet")
        if module.diverged is None:
            export(module.model, a, store.manifest["end_of_text"], words.files, partial)
        write_text(partial / "run.json", json.dumps(record, indent=2) + "\n")
    return record


class Batches:
    """The run's batches, ``[B, T + 1]`` each, in the store's order for the run's seed."""

    def __init__(self, store: TokenStore, run: Run) -> None:
        self.store = store
        self.run = run

    def __len__(self) -> int:
        return self.run.train_steps

    def __iter__(self) -> Any:
        run = self.run
        for step in range(run.train_steps):
            batch = self.store.batch(
                step, run.batch_size, run.architecture.sequence_length, split="train", seed=run.seed
            )
            yield torch.from_numpy(batch)


def _outcome(module: TrainingModule, held_out: np.ndarray, token_bytes: np.ndarray) -> dict[str, Any]:
    losses = module.losses[: module.done].cpu()
    if module.diverged is None:
        validation_loss = module.validation_losses[module.run.train_steps]
        recent = losses[-max(1, round(RECENT * len(losses))) :]
        return {
            "status": "ok",
            "step": module.done,
            "train_loss": recent.double().mean().item(),
            "validation_loss": validation_loss,
            "validation_bits_per_byte": bits_per_byte(validation_loss, held_out, token_bytes),
            "validation_tokens": len(held_out) - 1,
        }
    finite = losses[: module.diverged].isfinite()
    return {
        "status": f"diverged at step {module.diverged}",
        "step": module.diverged,
        "train_loss": losses[: module.diverged][finite][-1].item() if finite.any() else None,
        "validation_loss": None,
        "validation_bits_per_byte": None,
        "validation_tokens": len(held_out) - 1,
    }


def _curve(module: TrainingModule) -> pa.Table:
    run, steps = module.run, range(1, module.done + 1)
    batch_tokens = run.batch_size * run.architecture.sequence_length
    return pa.table(
        {
            "step": pa.array(steps, pa.int64()),
            "tokens": pa.array([step * batch_tokens for step in steps], pa.int64()),
            "learning_rate": pa.array([module.learning_rate(step - 1) for step in steps], pa.float64()),
            "train_loss": pa.array(module.losses[: module.done].tolist(), pa.float64()),
            "validation_loss": pa.array([module.validation_losses.get(step) for step in steps], pa.float64()),
            "grad_norm": pa.array(module.gradient_norms[: module.done].tolist(), pa.float64()),
        }
    )
