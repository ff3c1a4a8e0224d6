"""The trained models of an experiment, from the manifests of its training jobs."""

from collections.abc import Iterable
from pathlib import Path

from relscale.experiments.experiment import TrainingExperiment
from relscale.experiments.results import Results
from relscale.storage.entries import read_all
from relscale.training.manifest import TrainedModel
from relscale.workflow.jobs import training_jobs


def trained_models(
    experiment: TrainingExperiment, manifests: Iterable[Path] | None = None
) -> list[TrainedModel]:
    """The models of all training jobs, including checkpoints during training.

    Parameters
    ----------
    manifests
        Manifests of the jobs (default: those of the results).

    Raises
    ------
    RelscaleError
        A manifest is missing, because its job has not run.
    """
    if manifests is None:
        results = Results.of(experiment)
        manifests = [results.runs(*job) for job in training_jobs(experiment)]
    return read_all(manifests, TrainedModel)
