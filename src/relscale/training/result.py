"""The result of a training: its record, curve, weights and intermediate checkpoints."""

import importlib.metadata
import json
import math
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from torch import Tensor

import relscale
from relscale.design.architecture import training_flops_per_token
from relscale.design.run import Run
from relscale.errors import Damaged
from relscale.storage.atomic import link, remove
from relscale.storage.checksums import add_to_seal, check_digests, is_whole, sealed_folder
from relscale.storage.rows import column, schema_of, table_of
from relscale.storage.tables import write_table
from relscale.training.branch_row import BranchRow
from relscale.training.branches import BRANCHES
from relscale.training.checkpoint import export
from relscale.training.history import History
from relscale.training.noise_scale import TESTS, GradientMoments, noise_scale, smoothed
from relscale.training.options import NoiseScale
from relscale.training.precision import Products
from relscale.training.record import RECORD, TrainingRecord
from relscale.training.schedule import learning_rate
from relscale.training.state import CHECKPOINTS
from relscale.training.validation import bits_per_byte
from relscale.training.vocabulary import Vocabulary

RECENT = 0.05  # share of the steps whose mean is the training loss of the record


@dataclass(frozen=True)
class RecordContext:
    """Facts about a run for its record and checkpoints.

    Attributes
    ----------
    run, key
        The run, and its key in the store.
    products
        Type of its matrix products, and what makes them.
    validation_tokens
        Token ids of the validation text.
    vocabulary, end_of_text
        Vocabulary, and id of the end-of-text token.
    noise_scale
        Measurement of the gradient noise scale, if any.
    unique_tokens
        Number of distinct tokens among a number of training tokens.
    """

    run: Run
    key: str
    products: Products
    validation_tokens: np.ndarray
    vocabulary: Vocabulary
    end_of_text: int
    unique_tokens: Callable[[int], int]
    noise_scale: NoiseScale | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRow:
    """One row per training step."""

    step: int = column("Number of updates done.")
    tokens: int = column("Training tokens seen.")
    batch_tokens: int = column("Tokens in the batch.")
    learning_rate: float = column("Learning rate of the update.")
    train_loss: float = column("Loss of the batch before the update.", "nats per token")
    validation_loss: float | None = column(
        "Loss on the validation text after the update.", "nats per token", default=None
    )
    grad_norm: float = column("Norm of the gradient before clipping.")
    gradient_norm_squared: float | None = column(
        "Squared norm of the true gradient, before clipping: running mean of the measurements.", default=None
    )
    gradient_variance: float | None = column(
        "Trace of the covariance of the gradient of one sequence: running mean of the measurements.",
        default=None,
    )
    gradient_variance_along: float | None = column(
        "Part of gradient_variance along the gradient of the batch, for the inner-product test.",
        default=None,
    )
    noise_scale_tokens: float | None = column(
        "Gradient noise scale: gradient_variance / gradient_norm_squared.", "tokens", default=None
    )
    norm_test_tokens: float | None = column(
        "Batch size by the norm test of AdAdaGrad.", "tokens", default=None
    )
    inner_product_test_tokens: float | None = column(
        "Batch size by its inner-product test.", "tokens", default=None
    )


def write_checkpoint(
    unfinished: Path, step: int, weights: Mapping[str, Tensor], context: RecordContext
) -> None:
    """Save the weights after ``step`` updates beside the training state."""
    with sealed_folder(unfinished / CHECKPOINTS / checkpoint_name(step)) as partial:
        _export(weights, context, partial)


def write_result(
    folder: Path,
    unfinished: Path,
    weights: Mapping[str, Tensor],
    history: History,
    context: RecordContext,
    still_owned: Callable[[], None],
    branches: Sequence[BranchRow] | None = None,
) -> TrainingRecord:
    """Write a run's folder atomically, and to disk before the training state is deleted.

    Parameters
    ----------
    folder
        Output folder.
    unfinished
        Folder of the training state, with the intermediate checkpoints.
    weights
        Final weights.
    history, context
        Content of the record.
    still_owned
        Called before the folder is published; may raise.
    branches
        The branches of the run, if it has any.
    """
    record = training_record(context, history, history.done)
    with sealed_folder(folder) as partial:
        write_table(curve(history, context.noise_scale), partial / "curve.parquet", durable=False)
        if branches is not None:
            write_table(table_of(BranchRow, branches), partial / BRANCHES, durable=False)
        if history.diverged is None:
            _export(weights, context, partial)
        for checkpoint in sorted((unfinished / CHECKPOINTS).glob("step-*")):
            step = int(checkpoint.name.removeprefix("step-"))
            target = partial / CHECKPOINTS / checkpoint.name
            _check_checkpoint(checkpoint)
            shutil.copytree(checkpoint, target, copy_function=link)
            _write_json(training_record(context, history, step), target / RECORD)
            add_to_seal(target, RECORD)
        _write_json(record, partial / RECORD)
        still_owned()
    return record


def checkpoints_complete(unfinished: Path, steps: Iterable[int]) -> bool:
    """Whether the checkpoints after these steps are intact beside the training state."""
    return all(is_whole(unfinished / CHECKPOINTS / checkpoint_name(step)) for step in steps)


def checkpoint_name(step: int) -> str:
    """Folder of the checkpoint after ``step`` updates."""
    return f"step-{step}"


def curve(history: History, measured: NoiseScale | None = None) -> pa.Table:
    """The curve of a training: one row per step."""
    run = history.run
    steps = range(1, history.done + 1)
    length = run.architecture.sequence_length
    columns = {
        "step": steps,
        "tokens": [run.sequences_before(step) * length for step in steps],
        "batch_tokens": [run.batch_at(step - 1) * length for step in steps],
        "learning_rate": [learning_rate(run, step - 1) for step in steps],
        "train_loss": history.losses[: history.done].tolist(),
        "validation_loss": [history.validation_losses.get(step) for step in steps],
        "grad_norm": history.gradient_norms[: history.done].tolist(),
        **_noise_columns(history, measured or NoiseScale()),
    }
    return pa.table(columns, schema=schema_of(CurveRow))


def _noise_columns(history: History, measured: NoiseScale) -> dict[str, list[float | None]]:
    """Columns of the gradient noise scale; null if not measured."""
    run = history.run
    series = [smoothed(moment[: history.done].tolist(), measured.memory) for moment in history.moments]
    moments = [GradientMoments(*values) for values in zip(*series, strict=True)]
    sizes = [run.batch_at(step) for step in range(history.done)]
    length = run.architecture.sequence_length
    names = ("gradient_norm_squared", "gradient_variance", "gradient_variance_along")
    columns = {
        **dict(zip(names, series, strict=True)),
        "noise_scale_tokens": [length * noise_scale(moment) for moment in moments],
        **{
            f"{name.replace('-', '_')}_test_tokens": [
                length * test(moment, size, measured.eta) for moment, size in zip(moments, sizes, strict=True)
            ]
            for name, test in TESTS.items()
        },
    }
    return {
        name: [value if math.isfinite(value) else None for value in values]
        for name, values in columns.items()
    }


def training_record(context: RecordContext, history: History, step: int) -> TrainingRecord:
    """The record of a run, or of its checkpoint after ``step`` updates."""
    run = history.run
    last = step == history.done
    lost = last and history.diverged is not None
    losses = history.losses[: history.diverged if lost else step].cpu()
    # For a diverged run, the last finite loss.
    recent = losses[losses.isfinite()][-1:] if lost else losses[-max(1, round(RECENT * step)) :]
    validation_loss = None if lost else history.validation_losses[step]
    tokens = run.sequences_before(step) * run.architecture.sequence_length
    return TrainingRecord(
        key=context.key if last else f"{context.key}-{checkpoint_name(step)}",
        name=run.name if last else f"{run.name}-{checkpoint_name(step)}",
        training=run.name,
        run=run,
        status="ok" if history.diverged is None else f"diverged at step {history.diverged}",
        step=history.diverged if lost and history.diverged is not None else step,
        learning_rate=learning_rate(run, step - 1),
        train_loss=recent.double().mean().item() if len(recent) else None,
        validation_loss=validation_loss,
        validation_bits_per_byte=None
        if validation_loss is None
        else bits_per_byte(validation_loss, context.validation_tokens, context.vocabulary.bytes),
        validation_tokens=len(context.validation_tokens) - 1,
        seconds=history.seconds,
        precision=context.products,
        params=run.params,
        tokens=tokens,
        unique_tokens=context.unique_tokens(tokens),
        training_flops=tokens * training_flops_per_token(run.architecture),
        versions={
            "relscale": relscale.__version__,
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
        },
    )


def _export(weights: Mapping[str, Tensor], context: RecordContext, folder: Path) -> None:
    export(weights, context.run.architecture, context.end_of_text, context.vocabulary.files, folder)


def _check_checkpoint(checkpoint: Path) -> None:
    """Compare a checkpoint with its digests; a damaged one is deleted, together with the later state."""
    try:
        check_digests(checkpoint)
    except Damaged as error:
        remove(checkpoint)
        raise Damaged(error.path, error.reason, "the same command trains the run again") from None


def _write_json(record: TrainingRecord, path: Path) -> None:
    path.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
