"""The data of a report: the tables of a fit, names of suites and groups, figures and provenance."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pyarrow.compute as pc

from relscale.experiments.experiment import Experiment
from relscale.experiments.results import Results
from relscale.figures.registry import all_figures, find_figure
from relscale.fitting.fits import ROWS, Fits, read
from relscale.fitting.keys import CurveKey
from relscale.fitting.report.frontier_advice import Widths
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import Names
from relscale.report.provenance import Fact, facts_of_experiment
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import PublishedSuite
from relscale.storage.rows import rows_of

R = TypeVar("R")


@dataclass(frozen=True)
class SuiteWords:
    """How a suite is called, and what it says of itself."""

    name: str
    title: str
    description: str = ""
    note: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportFigure:
    """A figure that was drawn, as plotly's JSON, and what it shows."""

    name: str
    drawn: Mapping[str, Any]
    caption: str


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows.

    Attributes
    ----------
    title
        Of the experiment, or of the table.
    fits
        The tables of the fit.
    suites
        In the order to show them; suites that are only in the tables follow.
    figures
        Those that were drawn.
    config
        The config as it was resolved, in YAML.
    facts
        The provenance.
    x
        What compute is measured in, or the column that stands for it.
    widths
        Of the runs that were planned at each budget.
    """

    title: str
    fits: Fits
    suites: tuple[SuiteWords, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    config: str | None = None
    facts: tuple[Fact, ...] = ()
    x: str = "FLOPs"
    widths: Widths = field(default_factory=dict)

    @cached_property
    def verdicts(self) -> list[VerdictRow]:
        """All rows of the table ``verdicts``."""
        return rows_of(VerdictRow, self.fits.verdicts)

    @cached_property
    def names(self) -> Names:
        """Words that stand for suites and groups."""
        return names_of_suites(self.suites, self.x)

    @cached_property
    def _optimizers(self) -> set[str | None]:
        return {row.optimizer for row in self.verdicts}

    def series_name(self, row: CurveKey) -> str:
        """The corpus of a curve's models, and their optimizer where there are several."""
        names = (row.corpus, row.optimizer if len(self._optimizers) > 1 else None)
        return ", ".join(name for name in names if name) or "all"

    def suite(self, name: str) -> SuiteWords:
        """How a suite is called."""
        for suite in self.suites:
            if suite.name == name:
                return suite
        return SuiteWords(name, name)

    def rows(self, table: str, row: type[R], **equal: str) -> list[R]:
        """The rows of a table of the fit whose columns equal what is given; its row type is ``row``."""
        if ROWS[table] is not row:
            raise TypeError(f"the rows of {table} are {ROWS[table].__name__}, not {row.__name__}")
        key = (table, *equal.items())
        if key not in self._read:
            read = self.fits.tables[table]
            for column, value in equal.items():
                read = read.filter(pc.equal(read[column], value))
            self._read[key] = rows_of(row, read)
        return self._read[key]

    @cached_property
    def _read(self) -> dict[tuple[Any, ...], list[Any]]:
        return {}


def experiment_data(experiment: Experiment, results: Results | None = None) -> ReportData:
    """The report of an experiment whose fits there are.

    Parameters
    ----------
    experiment
        Its config.
    results
        Its files, where they are not those of the working folder.

    Raises
    ------
    RelscaleError
        A table is missing.
    """
    results = results or Results.of(experiment)
    figures = [
        ReportFigure(name, json.loads(path.read_bytes()), find_figure(name).description)
        for name in all_figures(experiment.figures, experiment.suites)
        if (path := results.figure(name, "json")).is_file()
    ]
    return ReportData(
        title=experiment.name,
        fits=read(results.fits),
        suites=tuple(_suites(experiment, results)),
        figures=tuple(figures),
        config=results.config.read_text(encoding="utf-8") if results.config.is_file() else None,
        facts=tuple(facts_of_experiment(experiment, results)),
        widths=experiment.planned_widths,
    )


def experiment_names(experiment: Experiment, results: Results | None = None) -> Names:
    """Words that stand for the suites and groups of an experiment."""
    return names_of_suites(_suites(experiment, results or Results.of(experiment)))


def names_of_suites(suites: Sequence[SuiteWords], x: str = "FLOPs") -> Names:
    """Words that stand for suites and groups."""
    titles = {suite.name: suite.title for suite in suites}
    labels = {(suite.name, group): label for suite in suites for group, label in suite.groups.items()}
    return Names(titles, labels, x)


def _suites(experiment: Experiment, results: Results) -> list[SuiteWords]:
    suites = []
    for name, suite in experiment.suites.items():
        path = results.suite(name)
        title, description, note = "", "", ""
        groups: dict[str, str | None] = {}
        if isinstance(suite, PublishedSuite):
            title, description, note = suite.title or "", suite.description or "", suite.note or ""
            groups = {group: entry.label for group, entry in (suite.groups or {}).items()}
        elif path.is_file():
            manifest = read_manifest(path.parent)
            title, description, note = manifest.title, manifest.description, manifest.note
            groups = {group: entry.label for group, entry in manifest.groups.items()}
        labels = {group: label for group, label in groups.items() if label}
        suites.append(SuiteWords(name, title or name, description, note, labels))
    return suites
