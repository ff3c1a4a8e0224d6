"""Export of an experiment's models to folders for the hub, with a table of checkpoints that experiments can read."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.experiments.experiment import TrainingExperiment
from relscale.measurements.mixture_shares import with_mixture_shares
from relscale.measurements.runs import Trained, read_trained
from relscale.release.model_card import ScoreRow, TrainingText, model_card
from relscale.scoring.checkpoint_table import COLUMNS, TABLE, Checkpoint
from relscale.storage.atomic import atomic_path, link, write_text
from relscale.storage.checksums import check_digests_if_listed
from relscale.storage.file_name import file_name
from relscale.storage.rows import table_of
from relscale.storage.tables import write_table

CARD = "README.md"
ACCURACY = ("accuracy", "accuracy_micro")
NOT_EXPORTED = ("checkpoints",)  # in a run's folder: intermediate checkpoints have their own folders


@dataclass(frozen=True)
class Exported:
    """The files of an export: its table, the models' folders, and the names of diverged runs, which have no folder."""

    table: Path
    models: tuple[Path, ...]
    diverged: tuple[str, ...]


def export(
    experiment: TrainingExperiment,
    manifests: Sequence[Path],
    measurements: Sequence[ScoreRow],
    metrics: Mapping[str, str],
    suites: Mapping[str, Path],
    folder: Path,
) -> Exported:
    """Export an experiment's models: one folder per model, ``checkpoints.csv``, and ``suites/``.

    A model's folder has weights, configuration, tokenizer, curve, record and card. Weights are hard links to the store
    if the file system supports them, else copies. Existing folders are replaced model by model.

    Parameters
    ----------
    experiment
        The experiment that trained the models.
    manifests
        The manifests of its training jobs.
    measurements
        Its measurements, for the cards; empty if nothing is scored yet.
    metrics
        The headline metric of each suite; a card has this metric and accuracy.
    suites
        Folders of prepared suites that need the corpora to be prepared again, by name.
    folder
        The output folder.

    Raises
    ------
    RelscaleError
        A manifest or a run's record is missing or invalid.
    """
    by_run: dict[str, list[ScoreRow]] = {}
    for row in measurements:
        if row.metric in (metrics.get(row.suite), *ACCURACY) and row.suite in metrics:
            by_run.setdefault(row.run, []).append(row)
    rows, models, diverged = [], [], []
    for trained in read_trained(manifests):
        name = trained.model.run
        if trained.record.status == "ok":
            card = model_card(
                trained.record,
                training_text(experiment, trained.model.corpus),
                by_run.get(name, []),
                experiment.name,
                experiment.export.licence,
            )
            models.append(_model(trained.folder, card, folder / file_name(name)))
        else:
            diverged.append(name)
        rows.append(_row(trained))
    for name, prepared in suites.items():
        with atomic_path(folder / "suites" / file_name(name)) as partial:
            shutil.copytree(prepared, partial)
    table = folder / TABLE
    shares = {name: corpus.shares for name, corpus in experiment.corpora.items()}
    write_table(with_mixture_shares(table_of(Checkpoint, rows).drop_columns("samples"), shares), table)
    return Exported(table, tuple(models), tuple(diverged))


def training_text(experiment: TrainingExperiment, corpus: str) -> list[TrainingText]:
    """The parts of a corpus with their sources."""
    return [
        TrainingText(experiment.sources[part.source], part) for part in experiment.corpora[corpus].mixture
    ]


def _model(source: Path, card: str, target: Path) -> Path:
    if not (source / "config.json").is_file():
        raise RelscaleError(f"{source}: the folder has no model; train it again")
    check_digests_if_listed(source)
    with atomic_path(target) as partial:
        shutil.copytree(
            source, partial, copy_function=link, ignore=shutil.ignore_patterns(*NOT_EXPORTED, CARD)
        )
        write_text(partial / CARD, card)
    return target


def _row(trained: Trained) -> Checkpoint:
    model, record = trained.model, trained.record
    return Checkpoint(
        **{name: getattr(model, name) for name in COLUMNS},
        model=file_name(model.run) if record.status == "ok" else None,
        revision=None,
        samples=None,
        status=record.status,
        validation_loss=record.validation_loss,
        validation_bits_per_byte=record.validation_bits_per_byte,
    )
