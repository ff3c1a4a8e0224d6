"""The measured models, from any source, and the location of their items."""

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.measurements.measurement import MODEL_COLUMNS, Model
from relscale.measurements.metric import VALIDATION_METRICS
from relscale.measurements.samples import Place, read_samples
from relscale.measurements.status import Status
from relscale.scoring.checkpoint_table import Checkpoint
from relscale.scoring.manifest import Manifest
from relscale.scoring.scores import Score
from relscale.storage.checksums import check_digests_if_listed
from relscale.storage.entries import read_all
from relscale.training.manifest import TrainedModel
from relscale.training.precision import counted
from relscale.training.record import RECORD, TrainingRecord, record_in

LOSSES = (
    "validation_loss",
    "validation_bits_per_byte",
)  # in a training's record; as metrics VALIDATION_METRICS


MAX_NAMED = 5  # maximum number of runs without items in a message


@dataclass(frozen=True)
class Loss:
    """A validation loss of a run: its metric, its value (None if there is none) and its status."""

    metric: str
    value: float | None
    status: str


@dataclass(frozen=True)
class Measured:
    """One model.

    Attributes
    ----------
    model
        The model's key, compute, parameters and tokens.
    losses
        Validation losses measured in training.
    items
        Tables of items, or files of them.
    task_metrics
        Tables of lm-eval's own metrics per document, or files of them.
    flags
        Problems of a suite's prompt and group as a whole.
    prepared
        Whether its items are scores of a prepared suite's requests rather than logged samples.
    listed
        Whether it is a row of a user's table, in which two rows may be the same model by mistake.
    status
        Status of the model: ``ok``, or the reason that none of its numbers can be used.
    """

    model: Model
    losses: tuple[Loss, ...]
    items: tuple[str | pa.Table, ...]
    task_metrics: tuple[str | pa.Table, ...] = ()
    flags: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    prepared: bool = True
    listed: bool = False
    status: str = Status.OK


@dataclass(frozen=True)
class Trained:
    """One model that was trained here: its key in the store, its folder, and the record of its training."""

    key: str
    folder: Path
    record: TrainingRecord
    model: Model


def trained_runs(
    run_manifests: Sequence[str | Path],
    score_manifests: Sequence[str | Path],
    planned: Collection[str] = (),
    suites: Collection[str] = (),
) -> list[Measured]:
    """The runs of training jobs, and their intermediate checkpoints.

    A checkpoint is a separate model, named ``<run>-step-<n>``; ``block`` names its run, and it has no budget,
    so that it is not part of an IsoFLOP parabola. Its FLOPs and tokens are those up to its step. If the schedule
    decays only at the end (wsd), an earlier checkpoint is at the peak learning rate: its errors are
    above those of a run planned to end there.

    Parameters
    ----------
    run_manifests
        Manifests of training (`relscale.training.manifest.TrainedModel`), with ``run.json`` under each path.
    score_manifests
        Manifests of scoring (`relscale.scoring.scores.Score`).
    planned, suites
        Names of the required runs, and of the suites that each must have been scored on, unless it diverged.

    Raises
    ------
    RelscaleError
        A manifest or a run's record is missing or invalid, or a run is missing, or its items are.
    """
    scored, reported = _scored(score_manifests)
    trained_models = read_trained(run_manifests)
    named = {trained.model.run for trained in trained_models}
    _refuse([name for name in planned if name not in named])
    precisions = [trained.record.precision for trained in trained_models]
    if len(set(precisions)) > 1:
        print(
            f"runs differ in their matrix products: {counted(precisions)}; set training.precision: float32 for the "
            "same products at all widths and on all machines",
            file=sys.stderr,
        )
    finished = {
        trained.key: trained.model.run for trained in trained_models if trained.record.status == Status.OK
    }
    _check_complete(score_manifests, "run_key", finished, suites)
    return [
        Measured(
            trained.model,
            tuple(_losses(trained.record.status, *(getattr(trained.record, name) for name in LOSSES))),
            scored.get(trained.key, ()),
            reported.get(trained.key, ()),
        )
        for trained in trained_models
    ]


def _check_complete(
    manifests: Sequence[str | Path], by: str, models: Mapping[str, str], suites: Collection[str]
) -> None:
    """Check that every model (names by manifest field ``by``) was scored on every suite."""
    if not suites:
        return
    present = {
        (getattr(entry, by), entry.suite) for entry in read_all(manifests, Score) if entry.items is not None
    }
    _refuse(
        [
            f"{name} on {suite}"
            for key, name in models.items()
            for suite in suites
            if (key, suite) not in present
        ]
    )


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        listed = ", ".join(missing[:MAX_NAMED])
        raise RelscaleError(f"no measurements of {listed}{more}; run snakemake again, or the previous stage")


def read_trained(manifests: Sequence[str | Path]) -> list[Trained]:
    """The models that the manifests of training jobs list.

    Raises
    ------
    RelscaleError
        A manifest or a run's record is missing or invalid.
    """
    models = []
    for entry in read_all(manifests, TrainedModel):
        folder = Path(entry.path)
        check_digests_if_listed(folder, [RECORD])
        record = record_in(folder)
        models.append(Trained(entry.key, folder, record, _model(record)))
    return models


def listed_runs(
    checkpoints: Sequence[Checkpoint],
    score_manifests: Sequence[str | Path],
    suites: Mapping[str, Manifest],
    reported: Collection[str] = (),
) -> list[Measured]:
    """The checkpoints of a table: those that were scored, and those with samples logged by lm-eval.

    Validation losses in the table are measurements too. For the suites ``reported``, lm-eval's own metrics are
    read from logs as well.

    Raises
    ------
    RelscaleError
        A manifest is missing, a model was not scored on all suites, or samples cannot be read.
    """
    scored, task_metrics = _scored(score_manifests, by="name")
    to_score = {
        checkpoint.run: checkpoint.run
        for checkpoint in checkpoints
        if checkpoint.model and not checkpoint.samples and checkpoint.status == "ok"
    }
    _check_complete(score_manifests, "name", to_score, suites)
    return [
        _logged(checkpoint, suites, reported)
        if checkpoint.samples
        else Measured(
            _model_of_checkpoint(checkpoint),
            _checkpoint_losses(checkpoint),
            scored.get(checkpoint.run, ()),
            task_metrics.get(checkpoint.run, ()),
            listed=True,
            status=checkpoint.status,
        )
        for checkpoint in checkpoints
    ]


def _logged(checkpoint: Checkpoint, suites: Mapping[str, Manifest], reported: Collection[str]) -> Measured:
    samples = read_samples(str(checkpoint.samples), suites, (checkpoint.run,), reported)
    return Measured(
        _model_of_checkpoint(checkpoint),
        _checkpoint_losses(checkpoint),
        (samples.items,),
        (samples.task_metrics,),
        flags=samples.flags,
        prepared=False,
        listed=True,
        status=checkpoint.status,
    )


def _model_of_checkpoint(checkpoint: Checkpoint) -> Model:
    known = [name for name in MODEL_COLUMNS if name != "experiment"]
    return Model(**{name: getattr(checkpoint, name) for name in known})


def _checkpoint_losses(checkpoint: Checkpoint) -> tuple[Loss, ...]:
    if not checkpoint.validated:
        return ()
    losses = (getattr(checkpoint, name) for name in LOSSES)
    return tuple(_losses(checkpoint.status, *losses))


def _scored(
    manifests: Sequence[str | Path], by: str = "run_key"
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The files of items of each run, and of lm-eval's own metrics of its documents."""
    groups: dict[str, tuple[str, ...]] = {}
    reported: dict[str, tuple[str, ...]] = {}
    for entry in read_all(manifests, Score):
        model: str = getattr(entry, by)
        if entry.items is not None:
            groups[model] = (*groups.get(model, ()), entry.items)
        if entry.task_metrics is not None:
            reported[model] = (*reported.get(model, ()), entry.task_metrics)
    return groups, reported


def _losses(status: str, *values: float | None) -> Iterator[Loss]:
    """The losses of a run, in the order of ``LOSSES``, without values if it diverged."""
    for metric, value in zip(VALIDATION_METRICS, values, strict=True):
        known = value if status == Status.OK else None
        if known is not None and not math.isfinite(known):
            yield Loss(metric, None, str(Status.NO_NUMBER))
        else:
            yield Loss(metric, known, status)


def _model(record: TrainingRecord) -> Model:
    run = record.run
    model = Model(
        corpus=run.corpus,
        optimizer=run.hyperparameters.optimizer,
        run=run.name,
        seed=run.seed,
        step=record.step,
        block=run.name,
        budget=run.budget,
        training_flops=float(run.training_flops),
        params=run.params,
        tokens=run.tokens,
        batch_tokens=run.batch_at(max(0, record.step - 1)) * run.architecture.sequence_length,
        unique_tokens=record.unique_tokens,
    )
    if record.name == run.name:
        return model
    # An intermediate checkpoint.
    return replace(
        model, run=record.name, budget=None, tokens=record.tokens, training_flops=float(record.training_flops)
    )
