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
from relscale.fitting.analyses.statistical_power import PowerRow
from relscale.fitting.curves.point_rows import GapRow
from relscale.fitting.fits import ROWS, Fits, read
from relscale.fitting.keys import CurveKey, Key, key_of
from relscale.fitting.report.frontier_advice import Widths
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import Names
from relscale.report.provenance import Fact, experiment_facts
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import PublishedSuite
from relscale.storage.rows import rows_of

R = TypeVar("R")


@dataclass(frozen=True)
class SuiteWords:
    """The title, description, note and group labels of a suite."""

    name: str
    title: str
    description: str = ""
    note: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportFigure:
    """A figure in plotly's JSON, with its caption."""

    name: str
    drawn: Mapping[str, Any]
    caption: str


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows.

    Attributes
    ----------
    title
        Name of the experiment or table.
    suites
        The suites in the order to show them; suites that are only in the tables follow.
    config
        The resolved config, in YAML.
    x
        Unit of compute, or name of the column that is the predictor instead.
    widths
        Widths of the planned runs at each budget.
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
        """The titles of suites and labels of groups."""
        return suite_names(self.suites, self.x)

    @cached_property
    def _optimizers(self) -> set[str | None]:
        return {row.optimizer for row in self.verdicts}

    def series_name(self, row: CurveKey) -> str:
        """The corpus of a curve's models, and their optimizer if there are several."""
        names = (row.corpus, row.optimizer if len(self._optimizers) > 1 else None)
        return ", ".join(name for name in names if name) or "all"

    def suite(self, name: str) -> SuiteWords:
        """The words of a suite; its name is the title if it is only in the tables."""
        for suite in self.suites:
            if suite.name == name:
                return suite
        return SuiteWords(name, name)

    def rows(self, table: str, row: type[R], **equal: str) -> list[R]:
        """The rows of a table of the fit, of the row type ``row``, whose columns have the given values."""
        if ROWS[table] is not row:
            raise TypeError(f"the rows of {table} are {ROWS[table].__name__}, not {row.__name__}")
        key = (table, *equal.items())
        if key not in self._rows:
            read = self.fits[table]
            for column, value in equal.items():
                read = read.filter(pc.equal(read[column], value))
            self._rows[key] = rows_of(row, read)
        return self._rows[key]

    @cached_property
    def powers(self) -> dict[Key, list[PowerRow]]:
        """The rows of the table ``power``, by the key of the curve."""
        powers: dict[Key, list[PowerRow]] = {}
        for row in self.rows("power", PowerRow):
            powers.setdefault(key_of(row), []).append(row)
        return powers

    def ratios(self, suite: str | None) -> dict[Key, list[tuple[float, float]]]:
        """The measured points of a suite's gaps, compute and ratio, by the key of the curve."""
        points: dict[Key, list[tuple[float, float]]] = {}
        for gap in self.rows("gaps", GapRow, suite=suite or "", status="ok"):
            if gap.ratio and gap.training_flops:
                points.setdefault(key_of(gap), []).append((gap.training_flops, gap.ratio))
        return points

    @cached_property
    def _rows(self) -> dict[tuple[Any, ...], list[Any]]:
        return {}


def experiment_data(experiment: Experiment, results: Results | None = None) -> ReportData:
    """The data for the report of a fitted experiment.

    Parameters
    ----------
    results
        Its files; by default those in the working folder.

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
        facts=tuple(experiment_facts(experiment, results)),
        widths=experiment.planned_widths,
    )


def experiment_names(experiment: Experiment, results: Results | None = None) -> Names:
    """The titles of an experiment's suites and the labels of their groups."""
    return suite_names(_suites(experiment, results or Results.of(experiment)))


def suite_names(suites: Sequence[SuiteWords], x: str = "FLOPs") -> Names:
    """The titles of suites and labels of their groups, for a predictor or unit ``x``."""
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
