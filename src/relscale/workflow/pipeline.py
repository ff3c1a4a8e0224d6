"""The inputs of the workflow's rules and their dependencies: files, jobs, resources, and the digests behind them.

The parameters of a rule are its dependencies besides input files: the digest of its part of the config,
the digest of the code that computes it, and the state of the user's files. Parameters are shown in
Snakemake's report, so they are digests and numbers.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relscale.design.placement import GPU_PROCESS_BYTES, Placement, place, place_together
from relscale.design.run import Run, run_to_dict
from relscale.experiments.experiment import (
    CheckpointExperiment,
    Experiment,
    MeasurementExperiment,
    TrainingExperiment,
)
from relscale.experiments.results import Results
from relscale.figures.browser import static_formats
from relscale.figures.caption import Caption, as_rst
from relscale.figures.registry import all_figures, figure_suite, find_figure
from relscale.fitting.fits import ROWS
from relscale.laws.catalogue import law_names
from relscale.measurements.published import source_module
from relscale.provenance import code_digest, digest, file_digest, files_state
from relscale.scoring.checkpoint_table import checkpoint_files
from relscale.scoring.lm_eval_log import log_files
from relscale.scoring.options import PublishedSuite, Suite
from relscale.scoring.safetensors_header import weight_files, weights_bytes
from relscale.scoring.suite_description import needs_documents, suite_digest, suite_inputs, suite_title
from relscale.storage.file_name import file_name
from relscale.studies.critical_batches import branch_tables
from relscale.training.branches import branch_cost
from relscale.training.optimizers import optimizer_module
from relscale.workflow.jobs import job_name, scoring_jobs, training_jobs

SPECIAL = re.compile(r"[{}<>\n]|^\w+:")  # paths with a special meaning to Snakemake or its report
COMPARED_BYTES = 100_000  # of a file whose content, not its time, shows whether it changed; as in Snakemake
START_MINUTES = 15  # start-up time of a job, besides training
FACTS = (
    "baseline",
    "metric",
    "prompt",
    "chance",
)  # keys of a suite that fits depend on; others are for figures


def as_inputs(paths: Iterable[str | Path]) -> list[str]:
    """The user's files as inputs, except those whose names have a special meaning to Snakemake."""
    return [path for path in map(str, paths) if not SPECIAL.search(path)]


def file_states(paths: Iterable[str | Path]) -> list[str | None]:
    """The state of the user's files, as a parameter: Snakemake does not notice a file that is replaced by an older one.

    Small files are known by their content, as to Snakemake, so that one that is only touched changes nothing.
    """
    return [
        file_digest(path) if path.is_file() and path.stat().st_size < COMPARED_BYTES else files_state(path)
        for path in map(Path, paths)
    ]


class Pipeline:
    """The workflow of one experiment.

    Everything that can fail is computed at construction. If an input function of a rule fails, Snakemake uses the
    files of an earlier run, continues with those, and deletes the results that depend on them.

    Parameters
    ----------
    experiment
        The experiment, as returned by ``relscale.experiments.config.load_configs``.

    Raises
    ------
    RelscaleError
        A table, suite, law, figure or optimizer does not exist.
    OSError
        A file cannot be read.
    """

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.results = Results.of(experiment)
        self.trains = isinstance(experiment, TrainingExperiment)
        self.scores = not isinstance(experiment, MeasurementExperiment)
        # Wildcards are file names, so that special characters reach neither a shell nor Snakemake's patterns.
        self.corpus = {file_name(name): name for name in experiment.scored_corpora}
        self.source = {file_name(name): name for name in self._sources}
        self.suite = {file_name(name): name for name in experiment.suites}
        figures = all_figures(experiment.figures, experiment.suites)
        self.figure = {file_name(name): name for name in figures}
        # Jobs by corpus and name, computed once for all rules, because there may be thousands.
        self.training_jobs = training_jobs(experiment)
        self.scoring_jobs: dict[tuple[str, str], list[Any]] = {**scoring_jobs(experiment)}
        corpora = experiment.scored_corpora
        self.score_jobs = sorted(self.scoring_jobs, key=lambda job: corpora.index(job[0]))
        self._suites: dict[str, Suite] = {
            name: suite for name, suite in experiment.suites.items() if isinstance(suite, Suite)
        }
        self._suite_digests = {name: suite_digest(name, entry) for name, entry in self._suites.items()}
        self._suite_files = {name: suite_inputs(entry) for name, entry in self._suites.items()}
        self._reads_documents = {name: needs_documents(name, entry) for name, entry in self._suites.items()}
        self._titles = {name: suite_title(name, entry) for name, entry in self._suites.items()}
        self._checkpoints = experiment.checkpoints if isinstance(experiment, CheckpointExperiment) else ()
        local = {
            checkpoint.model for checkpoint in self._checkpoints if checkpoint.local and checkpoint.model
        }
        self._weights = {model: weights_bytes(model) for model in local if weight_files(model)}
        self._model_files = {model: checkpoint_files(model) for model in local}
        self._samples = [
            file
            for checkpoint in self._checkpoints
            if checkpoint.samples
            for file in log_files(checkpoint.samples)
        ]
        # The user's text and tokenizers, which may have too many files for separate inputs.
        self._source_files = {
            name: files_state(path)
            for name, source in self._sources.items()
            if (path := getattr(source, "path", None)) is not None
        }
        self.tokenizer_files = files_state(experiment.vocabulary.tokenizer or "")
        self._placements: dict[tuple[str, str], list[Placement]] = {}

    @property
    def _sources(self) -> dict[str, Any]:
        return (
            {} if isinstance(self.experiment, MeasurementExperiment) else dict(self.experiment.sources or {})
        )

    @property
    def _training(self) -> TrainingExperiment:
        assert isinstance(self.experiment, TrainingExperiment), "only experiments that train have these rules"
        return self.experiment

    # --- corpora, vocabulary, tokens ---

    def source_state(self, source: str) -> tuple[str, str | None]:
        """The dependencies of a source: the digest of its options, and the state of its files."""
        name = self.source[source]
        return digest(self._sources[name].values()), self._source_files.get(name)

    def all_documents(self) -> list[Path]:
        """The documents of every source of training text; empty if nothing is trained."""
        return list(map(self.results.documents, self.experiment.corpus_sources)) if self.trains else []

    def documents(self, corpus: str) -> list[Path]:
        """The documents of each source of a corpus; for a source on the hub, the held-out ones."""
        return list(map(self.results.documents, self._training.sources_of(self.corpus[corpus])))

    def decontamination_suites(self, corpus: str) -> list[Path]:
        """The manifests of the suites from which a corpus is decontaminated."""
        decontaminate = self._training.corpora[self.corpus[corpus]].decontaminate
        return list(map(self.results.suite, decontaminate.suites)) if decontaminate else []

    def corpora_digest(self) -> str:
        """The digest of the section ``corpora``."""
        return digest({name: corpus.values() for name, corpus in self._training.corpora.items()})

    def reference_runs(self, corpus: str) -> list[Path]:
        """The manifest of the training job whose run scores a corpus's documents, if they are pruned by loss."""
        run = self._training.reference_run(self.corpus[corpus])
        return [self.results.runs(run.corpus, job_name(run, self._training.training.job))] if run else []

    def pruning_code(self, corpus: str) -> str | None:
        """The digest of the code that scores a corpus's documents, if they are pruned by loss."""
        return code_digest("relscale.training.document_loss") if self.reference_runs(corpus) else None

    def shares_digest(self) -> str:
        """The digest of the shares of each corpus's parts, which measurements include."""
        return digest(
            {name: corpus.shares for name, corpus in self._training.corpora.items()} if self.trains else {}
        )

    def is_streamed(self, corpus: str) -> bool:
        """Whether a part of a corpus is read as a stream."""
        return self._training.is_streamed(self.corpus[corpus])

    def corpus_state(self, corpus: str) -> tuple[str, tuple[float, ...] | None, list[str | None]]:
        """A corpus's dependencies: digest of its options, its parts' needed tokens if streamed, state of its sources'
        files.
        """
        name = self.corpus[corpus]
        options = self._training.corpora[name]
        tokens = self._training.tokens_needed(name) if self._training.is_streamed(name) else None
        files = [self._source_files.get(part.source) for part in options.mixture]
        return digest(options.values()), tokens, files

    # --- training ---

    def runs(self, corpus: str, job: str) -> list[Run]:
        """The runs of a training job."""
        return self.training_jobs[self.corpus[corpus], job]

    def runs_digest(self, corpus: str, job: str) -> str:
        """The digest of the runs of a training job."""
        return digest([run_to_dict(run) for run in self.runs(corpus, job)])

    def placements(self, corpus: str, job: str) -> list[Placement]:
        """The placement of each run of a training job: strategy, devices, memory and time."""
        if (corpus, job) not in self._placements:
            self._placements[corpus, job] = [
                place(run, self.experiment.hardware, self.experiment.training)
                for run in self.runs(corpus, job)
            ]
        return self._placements[corpus, job]

    def expected_seconds(self, corpus: str, job: str) -> float:
        """Expected time of a training job, including branches."""
        branching = self._training.training.branches
        return sum(
            placement.seconds * (1 + branch_cost(run, branching).share)
            for run, placement in zip(self.runs(corpus, job), self.placements(corpus, job), strict=True)
        )

    def seconds_by_rule(self) -> dict[str, float]:
        """Expected total time of all training runs in sequence."""
        if not self.trains:
            return {}
        return {
            "train": sum(self.expected_seconds(file_name(corpus), job) for corpus, job in self.training_jobs)
        }

    def minutes(self, corpus: str, job: str, attempt: int) -> int:
        """The time limit of a training job: start-up and twice the expected time, more in each attempt."""
        return attempt * (START_MINUTES + math.ceil(2 * self.expected_seconds(corpus, job) / 60))

    def devices(self, corpus: str, job: str) -> int:
        """The devices on one node that the runs of a training job need, one run after another."""
        together = place_together(self.runs(corpus, job), self.experiment.hardware, self.experiment.training)
        return together.devices // together.nodes

    def training_mb(self, corpus: str, job: str) -> int:
        """The memory of the host that a training job needs, MB."""
        return max(placement.host_bytes for placement in self.placements(corpus, job)) // 10**6

    def training_code(self) -> str:
        """The digest of the code of trainings, with the optimizers that are used."""
        return code_digest("relscale.training.job", *map(optimizer_module, self._training.design.optimizers))

    def branch_tables(self) -> list[Path]:
        """The tables of the runs' branches; empty if the config has no branches."""
        return list(branch_tables(self.experiment, self.results).values())

    # --- suites and scores ---

    def suites(self) -> list[Path]:
        """The manifests of all prepared suites, in the order of the config."""
        return list(map(self.results.suite, self._suites))

    def suite_documents(self, suite: str) -> list[Path]:
        """The documents from which a suite is built."""
        return self.all_documents() if self._reads_documents[self.suite[suite]] else []

    def suite_files(self, suite: str) -> list[Path]:
        """The user's files from which a suite is read."""
        return self._suite_files[self.suite[suite]]

    def suite_state(self, suite: str) -> tuple[str, str]:
        """The dependencies of a suite: the digests of its options, and of its description and shipped data."""
        name = self.suite[suite]
        return digest(self._suites[name].given()), self._suite_digests[name]

    def scored_runs(self, corpus: str, job: str) -> list[Path]:
        """The manifests of the training jobs whose runs a scoring job scores."""
        if not self.trains:
            return []
        runs = self.scoring_jobs[self.corpus[corpus], job]
        jobs = dict.fromkeys(job_name(run, self.experiment.training.job) for run in runs)
        return [self.results.runs(self.corpus[corpus], name) for name in jobs]

    def scored_checkpoints(self, corpus: str, job: str) -> list[str | Path]:
        """The files of the checkpoints that a scoring job scores, and their table."""
        if self.trains:
            return []
        scored = self.scoring_jobs[self.corpus[corpus], job]
        return [
            *self.checkpoint_table(),
            *(file for checkpoint in scored for file in self._model_files.get(checkpoint.model, ())),
        ]

    def scoring_mb(self, corpus: str, job: str) -> int:
        """The memory that a scoring job needs, MB: its largest model as float32, beside the libraries."""
        scored = self.scoring_jobs[self.corpus[corpus], job]
        weights = [4 * (checkpoint.params or 0) for checkpoint in scored]
        if not self.trains:
            weights += [self._weights.get(checkpoint.model, 0) for checkpoint in scored]
        device = GPU_PROCESS_BYTES if self.experiment.hardware.gpus_per_node else 0
        return 2000 + (2 * max(weights, default=0) + device) // 10**6

    # --- measurements and fits ---

    def checkpoint_table(self) -> list[str]:
        """The table of an experiment on checkpoints."""
        return [self.experiment.runs.table] if isinstance(self.experiment, CheckpointExperiment) else []

    def tables(self) -> list[str]:
        """The published tables of measurements."""
        if not isinstance(self.experiment, MeasurementExperiment):
            return []
        return [table.path for table in self.experiment.runs.tables]

    def tables_digest(self) -> str:
        """The digest of the options with which these tables are read."""
        tables = self.experiment.runs.tables if isinstance(self.experiment, MeasurementExperiment) else ()
        return digest([table.values() for table in tables])

    def samples(self) -> list[Path]:
        """The logs of items scored by lm-eval."""
        return self._samples

    def collect_code(self) -> str:
        """The digest of the code that computes measurements, with the loaders of published tables."""
        tables = self.experiment.runs.tables if isinstance(self.experiment, MeasurementExperiment) else ()
        loaders = [source_module(table.loader).__name__ for table in tables if table.loader]
        read = ["relscale.storage.tables"] if self.tables() or self.checkpoint_table() else []
        return code_digest("relscale.commands.collect:run", *loaders, *read)

    def answers(self) -> list[str]:
        """The table of published numbers to compare fits with."""
        return [self.experiment.fit.answers] if self.experiment.fit.answers else []

    def fits(self) -> list[Path]:
        """All tables of a fit."""
        return list(map(self.results.fit, ROWS))

    def suite_facts_digest(self) -> str:
        """The digest of the suites' options that fits depend on; the others, such as titles, are for figures."""
        return digest(
            {
                name: {key: value for key, value in suite.given().items() if key in FACTS}
                for name, suite in self.experiment.suites.items()
            }
        )

    def fit_code(self) -> str:
        """The digest of the code of fits, with all laws, because they are found by name."""
        laws = [f"relscale.laws.{name}" for name in law_names()]
        read = ["relscale.storage.tables"] if self.answers() else []
        return code_digest("relscale.commands.fit:fit_measurements", *laws, *read)

    # --- figures ---

    def token_stores(self) -> list[Path]:
        """The manifests of the token stores, in the order of the config."""
        return list(map(self.results.tokens, self.corpus.values())) if self.trains else []

    def figures(self) -> list[Path]:
        """Every figure, as HTML and as JSON."""
        return [
            self.results.figure(figure, format)
            for figure in self.figure.values()
            for format in ("html", "json")
        ]

    def suites_digest(self) -> str:
        """The digest of the section ``suites``."""
        return digest({name: suite.given() for name, suite in self.experiment.suites.items()})

    def figure_code(self, figure: str) -> str:
        """The digest of the code of a figure."""
        return code_digest("relscale.commands.plot:run", find_figure(self.figure[figure]).module)

    def report_code(self) -> str:
        """The digest of the code of the report."""
        return code_digest("relscale.commands.report:run")

    def formats(self) -> list[str]:
        """The formats besides HTML and JSON that this machine can draw."""
        return list(static_formats())

    def caption(self, figure: str, folder: Path) -> Caption:
        """The caption of a figure in the report, with the description of its suite, if it has one.

        Parameters
        ----------
        figure
            File name of the figure.
        folder
            Folder of the captions, one per kind of figure; the default is the first sentence of its module's docstring.
        """
        name = self.figure[figure]
        kind = find_figure(name)
        written = folder / f"{kind.name}.rst"
        text = written.read_text(encoding="utf-8") if written.is_file() else as_rst(kind.description)
        suite = figure_suite(name)
        if suite is None:
            return Caption(text)
        if self.scores:
            return Caption(text, self._titles.get(suite, (suite, "", "")))
        shown = self.experiment.suites.get(suite)
        if not isinstance(shown, PublishedSuite):
            return Caption(text, (suite, "", ""))
        return Caption(text, (shown.title or suite, shown.description or "", shown.note or ""))

    def all_results(self) -> list[Path]:
        """All declared outputs of rules, so that missing ones are recomputed."""
        results, files = self.results, []
        if self.trains:
            sources = self.experiment.corpus_sources
            files += [*self.all_documents(), *map(results.documents_manifest, sources)]
            files += [results.vocabulary, *self.token_stores()]
            files += [results.runs(*job) for job in self.training_jobs]
            files += self.branch_tables()
        if self.scores:
            files += [*self.suites(), *(results.scores(*job) for job in self.score_jobs)]
        tables = [results.measurements, results.replicates, *self.fits()]
        return [*files, *tables, *self.figures(), results.report]
