"""The workflow of one experiment: its stages, with the inputs of their rules and what these depend on.

The parameters of a rule are its dependencies besides input files: the digest of its part of the config,
the digest of the code that computes it, and the state of the user's files. Parameters are shown in
Snakemake's report, so they are digests and numbers.
"""

from pathlib import Path

from relscale.experiments.experiment import Experiment, MeasurementExperiment, TrainingExperiment
from relscale.experiments.results import Results
from relscale.workflow.stages.analysis import AnalysisStage
from relscale.workflow.stages.figures import FigureStage
from relscale.workflow.stages.scoring import ScoringStage
from relscale.workflow.stages.text import TextStage
from relscale.workflow.stages.training import TrainingStage


class Pipeline:
    """The stages of the workflow of one experiment, those that it has, and the files that pass between them.

    Everything that can fail is computed at construction. If an input function of a rule fails, Snakemake uses the
    files of an earlier run, continues with those, and deletes the results that depend on them.

    Parameters
    ----------
    experiment
        The experiment, as returned by ``relscale.experiments.config.load_configs``.

    Attributes
    ----------
    text, training
        None if nothing is trained.
    scoring
        None if nothing is scored.
    token_stores, runs, branch_tables, suites, scores
        The outputs of these stages that later ones read; empty without them.

    Raises
    ------
    RelscaleError
        A table, suite, law, figure or optimizer does not exist.
    OSError
        A file cannot be read.
    """

    def __init__(self, experiment: Experiment):
        self.results = Results.of(experiment)
        self.text: TextStage | None = None
        self.training: TrainingStage | None = None
        self.scoring: ScoringStage | None = None
        self.token_stores: list[Path] = []
        self.runs: list[Path] = []
        self.branch_tables: list[Path] = []
        self.suites: list[Path] = []
        self.scores: list[Path] = []
        if isinstance(experiment, TrainingExperiment):
            self.text = TextStage(experiment, self.results)
            self.training = TrainingStage(experiment, self.results)
            self.token_stores = self.text.token_stores()
            self.runs, self.branch_tables = self.training.manifests(), self.training.branch_tables()
        if not isinstance(experiment, MeasurementExperiment):
            self.scoring = ScoringStage(experiment, self.results)
            self.suites, self.scores = self.scoring.suites(), self.scoring.manifests()
        self.analysis = AnalysisStage(experiment, self.results)
        self.figures = FigureStage(experiment, self.results)

    def all_results(self) -> list[Path]:
        """All declared outputs of rules, so that missing ones are recomputed."""
        return [
            *(self.text.outputs() if self.text else ()),
            *self.runs,
            *self.branch_tables,
            *self.suites,
            *self.scores,
            *self.analysis.outputs(),
            *self.figures.outputs(),
        ]

    def seconds_by_rule(self) -> dict[str, float]:
        """Expected total time of the jobs of a rule in sequence."""
        return {"train": self.training.total_seconds()} if self.training else {}
