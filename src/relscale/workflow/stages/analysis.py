"""The rules ``collect`` and ``fit``: measurements, and the laws that are fitted to them."""

from pathlib import Path

from relscale.experiments.experiment import (
    CheckpointExperiment,
    Experiment,
    MeasurementExperiment,
    TrainingExperiment,
)
from relscale.experiments.results import Results
from relscale.fitting.fits import ROWS
from relscale.laws.catalogue import law_names
from relscale.measurements.published import source_module
from relscale.provenance import code_digest, digest
from relscale.scoring.lm_eval_log import log_files

FACTS = (
    "baseline",
    "metric",
    "prompt",
    "chance",
)  # keys of a suite that fits depend on; others are for figures


class AnalysisStage:
    """The measurements and fits of an experiment.

    Attributes
    ----------
    tables
        The published tables of measurements.
    checkpoint_table
        The table of an experiment on checkpoints.
    samples
        The logs of items scored by lm-eval.
    answers
        The table of published numbers to compare fits with.
    """

    def __init__(self, experiment: Experiment, results: Results):
        self.experiment, self.results = experiment, results
        self._tables = experiment.runs.tables if isinstance(experiment, MeasurementExperiment) else ()
        self.tables = [table.path for table in self._tables]
        self.checkpoint_table: list[str] = []
        self.samples: list[Path] = []
        if isinstance(experiment, CheckpointExperiment):
            self.checkpoint_table = [experiment.runs.table]
            logged = [checkpoint.samples for checkpoint in experiment.checkpoints if checkpoint.samples]
            self.samples = [file for folder in logged for file in log_files(folder)]
        self.answers = [experiment.fit.answers] if experiment.fit.answers else []
        self._loaders = [source_module(table.loader).__name__ for table in self._tables if table.loader]

    def shares_digest(self) -> str:
        """The digest of the shares of each corpus's parts, which measurements include."""
        corpora = self.experiment.corpora if isinstance(self.experiment, TrainingExperiment) else {}
        return digest({name: corpus.shares for name, corpus in corpora.items()})

    def tables_digest(self) -> str:
        """The digest of the options with which the published tables are read."""
        return digest([table.values() for table in self._tables])

    def collect_code(self) -> str:
        """The digest of the code that computes measurements, with the loaders of published tables."""
        read = ["relscale.storage.tables"] if self.tables or self.checkpoint_table else []
        return code_digest("relscale.commands.collect:run", *self._loaders, *read)

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
        read = ["relscale.storage.tables"] if self.answers else []
        return code_digest("relscale.commands.fit:fit_measurements", *laws, *read)

    def outputs(self) -> list[Path]:
        """All outputs of the rules."""
        return [self.results.measurements, self.results.replicates, self.results.responses, *self.fits()]
