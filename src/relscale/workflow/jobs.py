"""Training and scoring jobs, each with its runs or checkpoints."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from relscale.design.run import Run, budget_label
from relscale.errors import RelscaleError
from relscale.experiments.experiment import CheckpointExperiment, Experiment, TrainingExperiment
from relscale.scoring.checkpoint_table import Checkpoint
from relscale.storage.file_name import file_name

CHANGES_NO_NUMBER = "groups runs into jobs; results digest their runs"

Unit = Literal["corpus", "budget", "run"]
Job = tuple[str, str]
"""A corpus, and the name of one of its jobs."""

T = TypeVar("T")
MOST_LISTED = 5  # jobs in a message


def job_name(run: Run, unit: Unit) -> str:
    """The name of a run's job, by unit: the ``corpus``, its ``budget``, or the single ``run``. It is a file name."""
    return {"corpus": "all", "budget": budget_label(run.budget), "run": file_name(run.name)}[unit]


def runs_by_job(experiment: TrainingExperiment, unit: Unit) -> dict[Job, list[Run]]:
    """The runs of every job, by corpus and job, in the order of the plan."""
    return _grouped(((run.corpus, job_name(run, unit)), run) for run in experiment.planned_runs)


def training_jobs(experiment: Experiment) -> dict[Job, list[Run]]:
    """The runs of every training job; empty if nothing is trained."""
    if not isinstance(experiment, TrainingExperiment):
        return {}
    return runs_by_job(experiment, experiment.training.job)


def scoring_jobs(experiment: Experiment) -> dict[Job, list[Run]] | dict[Job, list[Checkpoint]]:
    """The runs or the checkpoints of every scoring job, by corpus and job.

    Raises
    ------
    RelscaleError
        The table of checkpoints cannot be read, or jobs are budgets and it has none.
    """
    if isinstance(experiment, TrainingExperiment):
        return runs_by_job(experiment, experiment.scoring.job)
    return checkpoints_by_job(experiment) if isinstance(experiment, CheckpointExperiment) else {}


def checkpoints_by_job(experiment: CheckpointExperiment) -> dict[Job, list[Checkpoint]]:
    """The checkpoints of every scoring job, by corpus and job, in the order of their table.

    Raises
    ------
    RelscaleError
        The table cannot be read, or jobs are budgets and it has none.
    """
    unit = experiment.scoring.job
    return _grouped(
        ((checkpoint.corpus, _scoring_job(checkpoint, unit)), checkpoint)
        for checkpoint in experiment.checkpoints
        if checkpoint.model is not None
    )


def job_names(jobs: Iterable[Job], corpus: str) -> list[str]:
    """The names of the jobs of a corpus."""
    return [name for job_corpus, name in jobs if job_corpus == corpus]


def members(jobs: dict[Job, list[T]], corpus: str, job: str) -> list[T]:
    """The runs or checkpoints of a job, which may also be named as the run that it consists of.

    Raises
    ------
    RelscaleError
        There is no such job.
    """
    runs = jobs.get((corpus, job)) or jobs.get((corpus, file_name(job)))
    if not runs:
        raise RelscaleError(f"no job {job!r} for corpus {corpus!r}; {_listed(job_names(jobs, corpus))}")
    return runs


def _grouped(pairs: Iterable[tuple[Job, T]]) -> dict[Job, list[T]]:
    jobs: dict[Job, list[T]] = {}
    for job, member in pairs:
        jobs.setdefault(job, []).append(member)
    return jobs


def _scoring_job(checkpoint: Checkpoint, unit: Unit) -> str:
    if unit != "budget":
        return {"corpus": "all", "run": file_name(checkpoint.run)}[unit]
    if checkpoint.budget is None:
        raise RelscaleError(
            f"scoring.job: the table has no budget for {checkpoint.run}; set scoring.job to corpus or run"
        )
    return budget_label(checkpoint.budget)


def _listed(jobs: Sequence[str]) -> str:
    more = f" and {len(jobs) - MOST_LISTED} more" if len(jobs) > MOST_LISTED else ""
    return f"jobs: {', '.join(jobs[:MOST_LISTED]) or 'none'}{more}"
