"""An experiment's models into folders for the hub, with a table of checkpoints that an experiment reads back."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.experiments.experiment import TrainingExperiment
from relscale.measurements.mixture_shares import with_mixture_shares
from relscale.measurements.runs import Trained, read_trained
from relscale.release.model_card import ScoreRow, model_card
from relscale.scoring.checkpoint_table import COLUMNS, TABLE, Checkpoint
from relscale.storage.atomic import atomic_path, link, write_text
from relscale.storage.checksums import check_digests_if_listed
from relscale.storage.file_name import file_name
from relscale.storage.rows import table_of
from relscale.storage.tables import write_table

CARD = "README.md"
ACCURACY = ("accuracy", "accuracy_micro")
NOT_EXPORTED = ("checkpoints",)  # of a run's folder: those on the way have folders of their own


@dataclass(frozen=True)
class Exported:
    """The files of an export: its table, the folders of models, and the runs that diverged and have none."""

    table: Path
    models: tuple[Path, ...]
    without: tuple[str, ...]


def export(
    experiment: TrainingExperiment,
    manifests: Sequence[Path],
    measurements: Sequence[ScoreRow],
    metrics: Mapping[str, str],
    suites: Mapping[str, Path],
    folder: Path,
) -> Exported:
    """Write ``folder``: one for each model, ``checkpoints.csv``, and ``suites/``.

    A model's folder has weights, configuration, tokenizer, curve, record and card. Weights are second names of the
    store's files where the file system has such, else copies. What is there already is replaced model by model.

    Parameters
    ----------
    experiment
        Whose models they are.
    manifests
        Of its training jobs.
    measurements
        Its rows, for the cards; empty where nothing is scored yet.
    metrics
        Of each suite the metric that it is shown by; a card has that, and accuracy.
    suites
        Prepared suites that cannot be made again without the corpora, by name.
    folder
        Where all goes.

    Raises
    ------
    RelscaleError
        A manifest or a run's record is missing or not what it should be.
    """
    by_run: dict[str, list[ScoreRow]] = {}
    for row in measurements:
        if row.metric in (metrics.get(row.suite), *ACCURACY) and row.suite in metrics:
            by_run.setdefault(row.run, []).append(row)
    rows, models, without = [], [], []
    for trained in read_trained(manifests):
        name = trained.model.run
        if trained.record.status == "ok":
            card = model_card(
                trained.record,
                corpus_data(experiment, trained.model.corpus),
                by_run.get(name, []),
                experiment.name,
                experiment.export.licence,
            )
            models.append(_model(trained.folder, card, folder / file_name(name)))
        else:
            without.append(name)
        rows.append(_row(trained))
    for name, prepared in suites.items():
        with atomic_path(folder / "suites" / file_name(name)) as partial:
            shutil.copytree(prepared, partial)
    table = folder / TABLE
    shares = {name: corpus.shares for name, corpus in experiment.corpora.items()}
    write_table(with_mixture_shares(table_of(Checkpoint, rows).drop_columns("samples"), shares), table)
    return Exported(table, tuple(models), tuple(without))


def corpus_data(experiment: TrainingExperiment, corpus: str) -> list[dict[str, object]]:
    """The parts of a corpus with their weights, and all that the config states about their sources."""
    parts = experiment.corpora[corpus].mixture
    return [{**experiment.sources[part.source].values(), **part.values()} for part in parts]


def _model(source: Path, card: str, target: Path) -> Path:
    if not (source / "config.json").is_file():
        raise RelscaleError(f"{source}: no model in it; train it again")
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
