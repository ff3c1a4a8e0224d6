"""Paths of all files of an experiment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from relscale.experiments.experiment import Experiment
from relscale.storage.file_name import file_name

CHANGES_NO_NUMBER = "names of files"


class Wildcard(str):
    """A wildcard in a path, such as Snakemake's ``{corpus}``, which is kept unchanged."""


@dataclass(frozen=True)
class Results:
    """The files of an experiment.

    Names of corpora, suites and the like become file names (`relscale.storage.file_name`); a job is a file name
    already.

    Attributes
    ----------
    folder
        ``results/<experiment>`` in the folder that the workflow runs in.
    """

    folder: Path

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """The results of an experiment."""
        return cls(Path("results") / file_name(experiment.name))

    @property
    def config(self) -> Path:
        """The resolved config, which the commands of the workflow read."""
        return self.folder / "config.yaml"

    def documents(self, source: str) -> Path:
        """The documents of a source of text."""
        return self.folder / "corpora" / _part(source) / "documents.parquet"

    def documents_manifest(self, source: str) -> Path:
        """The manifest of these documents."""
        return self.documents(source).with_name("manifest.json")

    @property
    def vocabulary(self) -> Path:
        """The tokenizer."""
        return self.folder / "vocabulary" / "tokenizer.json"

    @property
    def token_stores(self) -> Path:
        """The folder of all token stores."""
        return self.folder / "tokens"

    def tokens(self, corpus: str) -> Path:
        """The manifest of a corpus's token store."""
        return self.token_stores / _part(corpus) / "manifest.json"

    def runs(self, corpus: str, job: str) -> Path:
        """The manifest of a training job."""
        return self.folder / "runs" / _part(corpus) / f"{job}.json"

    def suite(self, suite: str) -> Path:
        """The manifest of a prepared suite, in its folder."""
        return self.folder / "suites" / _part(suite) / "suite.yaml"

    def scores(self, corpus: str, job: str) -> Path:
        """The manifest of a scoring job."""
        return self.folder / "scores" / _part(corpus) / f"{job}.json"

    @property
    def branches(self) -> Path:
        """The branches of the runs."""
        return self.folder / "branches.parquet"

    @property
    def critical_batches(self) -> Path:
        """The critical batch sizes at the checkpoints from which branches start."""
        return self.folder / "critical_batches.parquet"

    @property
    def measurements(self) -> Path:
        """The table of measurements."""
        return self.folder / "measurements.parquet"

    @property
    def replicates(self) -> Path:
        """Bootstrap replicates of the measurements over items."""
        return self.folder / "replicates.parquet"

    @property
    def responses(self) -> Path:
        """Whether each model answers each question right."""
        return self.folder / "responses.parquet"

    @property
    def fits(self) -> Path:
        """The folder of the tables of fits."""
        return self.folder / "fits"

    def fit(self, table: str) -> Path:
        """A table of fits."""
        return self.fits / f"{table}.parquet"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.folder / "figures"

    def figure(self, figure: str, format: str = "html") -> Path:
        """A figure."""
        return self.figures / f"{_part(figure)}.{format}"

    @property
    def report(self) -> Path:
        """The report: verdicts, curves, forecasts, figures and provenance on one page."""
        return self.folder / "report.html"

    @property
    def provenance_page(self) -> Path:
        """Snakemake's own page: every job with its parameters and software."""
        return self.folder / "provenance.html"

    def log(self, rule: str, *names: str) -> Path:
        """The log of a job of the workflow."""
        return self._job_file("logs", ".log", rule, *names)

    def benchmark(self, rule: str, *names: str) -> Path:
        """The time and memory that a job of the workflow took."""
        return self._job_file("benchmarks", ".tsv", rule, *names)

    def _job_file(self, folder: str, ending: str, rule: str, *names: str) -> Path:
        path = self.folder.joinpath(folder, rule, *names)
        return path.with_name(path.name + ending)


def _part(name: str) -> str:
    return name if isinstance(name, Wildcard) else file_name(name)
