"""The rules ``train`` and ``branches``: the training jobs and the resources that each needs."""

import math
from pathlib import Path

from relscale.design.placement import Placement, place, place_together
from relscale.design.run import Run, run_to_dict
from relscale.experiments.experiment import TrainingExperiment
from relscale.experiments.results import Results
from relscale.provenance import code_digest, digest
from relscale.storage.file_name import by_file_name, file_name
from relscale.studies.critical_batches import branch_tables
from relscale.training.branches import branch_cost
from relscale.training.optimizers import optimizer_module
from relscale.workflow.jobs import runs_by_job

START_MINUTES = 15  # start-up time of a job, besides training


class TrainingStage:
    """The training jobs of an experiment, each named by the file name of its corpus and by itself."""

    def __init__(self, experiment: TrainingExperiment, results: Results):
        self.experiment, self.results = experiment, results
        self._corpus = by_file_name(experiment.corpora)
        # Computed once for all rules, because there may be thousands.
        self._jobs = runs_by_job(experiment, experiment.training.job)
        self._placements: dict[tuple[str, str], list[Placement]] = {}

    def runs(self, corpus: str, job: str) -> list[Run]:
        """The runs of a job."""
        return self._jobs[self._corpus[corpus], job]

    def runs_digest(self, corpus: str, job: str) -> str:
        """The digest of the runs of a job."""
        return digest([run_to_dict(run) for run in self.runs(corpus, job)])

    def placements(self, corpus: str, job: str) -> list[Placement]:
        """The placement of each run of a job: strategy, devices, memory and time."""
        if (corpus, job) not in self._placements:
            self._placements[corpus, job] = [
                place(run, self.experiment.hardware, self.experiment.training)
                for run in self.runs(corpus, job)
            ]
        return self._placements[corpus, job]

    def expected_seconds(self, corpus: str, job: str) -> float:
        """Expected time of a job, including branches."""
        branching = self.experiment.training.branches
        return sum(
            placement.seconds * (1 + branch_cost(run, branching).share)
            for run, placement in zip(self.runs(corpus, job), self.placements(corpus, job), strict=True)
        )

    def total_seconds(self) -> float:
        """Expected time of all runs in sequence."""
        return sum(self.expected_seconds(file_name(corpus), job) for corpus, job in self._jobs)

    def minutes(self, corpus: str, job: str, attempt: int) -> int:
        """The time limit of a job: start-up and twice the expected time, more in each attempt."""
        return attempt * (START_MINUTES + math.ceil(2 * self.expected_seconds(corpus, job) / 60))

    def devices(self, corpus: str, job: str) -> int:
        """The devices on one node that the runs of a job need, one run after another."""
        together = place_together(self.runs(corpus, job), self.experiment.hardware, self.experiment.training)
        return together.devices // together.nodes

    def memory_mb(self, corpus: str, job: str) -> int:
        """The memory of the host that a job needs, MB."""
        return max(placement.host_bytes for placement in self.placements(corpus, job)) // 10**6

    def code(self) -> str:
        """The digest of the code of trainings, with the optimizers that are used."""
        return code_digest("relscale.training.job", *map(optimizer_module, self.experiment.design.optimizers))

    def manifests(self) -> list[Path]:
        """The manifests of all jobs."""
        return [self.results.runs(*job) for job in self._jobs]

    def branch_tables(self) -> list[Path]:
        """The tables of the runs' branches; empty if the config has no branches."""
        return list(branch_tables(self.experiment, self.results).values())
