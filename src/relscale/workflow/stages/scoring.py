"""The rules ``suite`` and ``score``: the suites, and the jobs that score models on them."""

from pathlib import Path
from typing import Any

from relscale.design.placement import GPU_PROCESS_BYTES
from relscale.experiments.experiment import CheckpointExperiment, ScoredExperiment
from relscale.experiments.results import Results
from relscale.provenance import digest
from relscale.scoring.checkpoint_table import checkpoint_files
from relscale.scoring.safetensors_header import weight_files, weights_bytes
from relscale.scoring.suite_description import needs_documents, suite_digest, suite_inputs
from relscale.storage.file_name import by_file_name
from relscale.workflow.jobs import Job, job_name, scoring_jobs


class ScoringStage:
    """The suites and the scoring jobs of an experiment; suites and corpora are named by their file names."""

    def __init__(self, experiment: ScoredExperiment, results: Results):
        self.experiment, self.results = experiment, results
        self._corpus, self._suite = by_file_name(experiment.scored_corpora), by_file_name(experiment.suites)
        # Computed once for all rules, because there may be thousands.
        self._jobs: dict[Job, list[Any]] = {**scoring_jobs(experiment)}
        self._digests = {name: suite_digest(name, suite) for name, suite in experiment.suites.items()}
        self._files = {name: suite_inputs(suite) for name, suite in experiment.suites.items()}
        self._reads_documents = {
            name: needs_documents(name, suite) for name, suite in experiment.suites.items()
        }
        self._table = [experiment.runs.table] if isinstance(experiment, CheckpointExperiment) else []
        checkpoints = experiment.checkpoints if isinstance(experiment, CheckpointExperiment) else ()
        local = {checkpoint.model for checkpoint in checkpoints if checkpoint.local and checkpoint.model}
        self._weights = {model: weights_bytes(model) for model in local if weight_files(model)}
        self._model_files = {model: checkpoint_files(model) for model in local}

    def suites(self) -> list[Path]:
        """The manifests of all prepared suites, in the order of the config."""
        return list(map(self.results.suite, self.experiment.suites))

    def suite_documents(self, suite: str) -> list[Path]:
        """The documents from which a suite is built."""
        sources = self.experiment.corpus_sources if self._reads_documents[self._suite[suite]] else ()
        return list(map(self.results.documents, sources))

    def suite_files(self, suite: str) -> list[Path]:
        """The user's files from which a suite is read."""
        return self._files[self._suite[suite]]

    def suite_state(self, suite: str) -> tuple[str, str]:
        """The dependencies of a suite: the digests of its options, and of its description and shipped data."""
        name = self._suite[suite]
        return digest(self.experiment.suites[name].given()), self._digests[name]

    def runs(self, corpus: str, job: str) -> list[Path]:
        """The manifests of the training jobs whose runs a job scores; empty if nothing is trained."""
        if isinstance(self.experiment, CheckpointExperiment):
            return []
        name, unit = self._corpus[corpus], self.experiment.training.job
        jobs = dict.fromkeys(job_name(run, unit) for run in self._jobs[name, job])
        return [self.results.runs(name, training_job) for training_job in jobs]

    def checkpoints(self, corpus: str, job: str) -> list[str | Path]:
        """The files of the checkpoints that a job scores, and their table; empty if they are trained."""
        scored = self._jobs[self._corpus[corpus], job] if self._table else []
        files = (file for checkpoint in scored for file in self._model_files.get(checkpoint.model, ()))
        return [*self._table, *files]

    def memory_mb(self, corpus: str, job: str) -> int:
        """The memory that a job needs, MB: its largest model as float32, beside the libraries."""
        scored = self._jobs[self._corpus[corpus], job]
        weights = [4 * (checkpoint.params or 0) for checkpoint in scored]
        if self._table:
            weights += [self._weights.get(checkpoint.model, 0) for checkpoint in scored]
        device = GPU_PROCESS_BYTES if self.experiment.hardware.gpus_per_node else 0
        return 2000 + (2 * max(weights, default=0) + device) // 10**6

    def manifests(self) -> list[Path]:
        """The manifests of all jobs, in the order of the corpora."""
        corpora = self.experiment.scored_corpora
        return [
            self.results.scores(*job) for job in sorted(self._jobs, key=lambda job: corpora.index(job[0]))
        ]
