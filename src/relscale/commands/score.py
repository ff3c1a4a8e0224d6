"""``relscale score``: the models of one job, on every suite."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.commands.inputs import (
    add_config,
    add_files,
    add_threads,
    files,
    scored_experiment,
    suite_files,
)
from relscale.commands.outputs import output_file
from relscale.errors import RelscaleError
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    from relscale.experiments.experiment import ScoredExperiment
    from relscale.training.manifest import TrainedModel

HELP = "score the models of one job on every suite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --corpus, --job, --runs, --suites, --threads and --output."""
    add_config(parser)
    parser.add_argument(
        "--corpus", required=True, help="A key of the config's section 'corpora', or a corpus of the table."
    )
    parser.add_argument(
        "--job",
        required=True,
        help="Name of the job: 'all', a budget such as 1e12, or a run; see scoring.job.",
    )
    add_files(parser, "--runs", "The manifests of the training jobs of these runs")
    add_files(parser, "--suites", "The suite.yaml of each suite, in the order of the config")
    add_threads(parser, "Processor threads")
    parser.add_argument("--output", type=output_file, required=True, help="Output manifest (.json).")


def run(options: argparse.Namespace) -> None:
    """Score the models of one job on every suite of the experiment."""
    from relscale.experiments.results import Results
    from relscale.scoring.job import score_job
    from relscale.scoring.suite_code import trust_suite_code
    from relscale.scoring.task_metrics_job import add_task_metrics
    from relscale.storage.atomic import atomic_path
    from relscale.storage.file_name import named

    experiment = scored_experiment(options.config)
    trust_suite_code(experiment.scoring.trust_suite_code)
    corpora = experiment.scored_corpora
    corpus = named(corpora, options.corpus)
    if corpus not in corpora:
        raise RelscaleError(f"--corpus: no corpus {options.corpus!r}; {suggestion(options.corpus, corpora)}")
    suites = suite_files(experiment.suites, options.suites, Results.of(experiment))
    folders = [manifest.parent for manifest in suites.values()]
    store = Path(experiment.store)
    with atomic_path(options.output) as manifest:
        score_job(
            models(experiment, corpus, options.job, options.runs),
            folders,
            store,
            experiment.scoring.model_copy(update={"threads": options.threads}),
            manifest,
        )
        add_task_metrics(manifest, folders, store)


def models(
    experiment: "ScoredExperiment",
    corpus: str,
    job: str,
    manifests: Sequence[Path] | None,
) -> list["TrainedModel"]:
    """The models of a scoring job."""
    from relscale.experiments.experiment import CheckpointExperiment
    from relscale.experiments.results import Results
    from relscale.scoring.checkpoint_table import resolve
    from relscale.storage.entries import read_all
    from relscale.training.manifest import TrainedModel
    from relscale.workflow.jobs import checkpoints_by_job, job_name, members, runs_by_job

    if isinstance(experiment, CheckpointExperiment):
        jobs = checkpoints_by_job(experiment)
        return [
            resolve(checkpoint, experiment.scoring.use_safetensors)
            for checkpoint in members(jobs, corpus, job)
        ]
    runs = members(runs_by_job(experiment, experiment.scoring.job), corpus, job)
    training_jobs = dict.fromkeys(job_name(run, experiment.training.job) for run in runs)
    results = Results.of(experiment)
    manifests = files(manifests, (results.runs(corpus, name) for name in training_jobs))
    trained: dict[str, list[TrainedModel]] = {}  # a run, and its checkpoints during training
    for model in read_all(manifests, TrainedModel):
        trained.setdefault(model.run, []).append(model)
    missing = [run.name for run in runs if run.name not in trained]
    if missing:
        folder = results.runs(corpus, job).parent
        raise RelscaleError(f"{folder}: no manifest lists the planned run {missing[0]}; train it first")
    return [model for run in runs for model in trained[run.name]]
