"""The data of figures: measurements, fits and the manifests of suites and token stores, read when needed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Unpack

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.figures.as_text import as_text, visible_text
from relscale.figures.chart.numbers import number
from relscale.figures.options import OneSuite, SeveralSuites
from relscale.figures.row_filter import RowFilter, SeriesFilter
from relscale.figures.suite import (
    Suite,
    group_labels,
    shown_metric,
    stated_suite,
    suite_title,
)
from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow, GapRow
from relscale.fitting.fits import ROWS, read_fit_table
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import ERROR_KEY, CurveKey, SeriesKey, key_of
from relscale.fitting.report.untrusted_runs import left_out
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.measurements.metric import VALIDATION
from relscale.measurements.prompt_form import shown_form
from relscale.measurements.reading import read_measurements
from relscale.scoring.options import PublishedSuite
from relscale.storage.rows import column, fields_of, names_of, rows_of
from relscale.storage.tables import read_table

R = TypeVar("R")
S = TypeVar("S", bound=SeriesKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun(SeriesKey):
    """The columns of the measurement table that figures read: one row per run, suite, prompt, group and metric."""

    run: str = column("Name of the model.")
    seed: int | None = column("Seed of the training.")
    budget: float | None = column("Nominal compute budget.", "FLOPs")
    training_flops: float | None = column("Compute spent.", "FLOPs")
    params: float | None = column("Parameters.")
    tokens: float | None = column("Training tokens.", "tokens")
    value: float | None = column("Value of the metric.")
    status: str = column("ok, or the reason to exclude the row.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedParameter(ParameterRow):
    """A row of the table ``fits`` with the verdict on its gap."""

    verdict: Verdict | None = column("Verdict on the gap; null for an error, or without an interval.")


TABLES = {kind: table for table, kind in ROWS.items()}

MOST_NOTES = 4  # notes on excluded runs
GROUP = "group"  # the contrast between groups
Quantity = Literal["error", "ratio"]  # E(F), or G(F)
LAWS: dict[Quantity, str] = {"error": "power", "ratio": "relative"}  # the law that figures draw for each


@dataclass(frozen=True)
class Series:
    """The models that share a frontier: those of one corpus and one optimizer."""

    corpus: str | None
    optimizer: str | None
    label: str

    @property
    def key(self) -> SeriesFilter:
        """The filter of this series' rows."""
        return {"corpus": self.corpus, "optimizer": self.optimizer}


class CurvePoint(NamedTuple):
    """A point of a curve over compute."""

    flops: float
    value: float


@dataclass(frozen=True)
class FigureData:
    """The tables behind figures; every table is read once, and only if needed.

    All text is escaped for plotly (``relscale.figures.as_text``), also the names that methods take and return.

    Attributes
    ----------
    fits
        The folder with ``frontier``, ``errors``, ``gaps``, ``fits`` and the other tables of a fit, as parquet files.
    suites
        The file ``suite.yaml`` of each suite, or its section of the config, in the order to draw them. Suites that are
        only in the tables follow.
    tokens
        The ``manifest.json`` of each corpus' token store.
    corpora
        The corpora in the order to draw them; by default that of ``tokens``.
    other_tables
        Tables outside of ``fits``, by the type of their rows.
    """

    measurements: Path
    fits: Path
    suites: Mapping[str, Path | PublishedSuite] = field(default_factory=dict)
    tokens: Mapping[str, Path] = field(default_factory=dict)
    corpora: Sequence[str] = ()
    other_tables: Mapping[type, Path] = field(default_factory=dict)

    @cached_property
    def _tables(self) -> dict[type, list[Any]]:
        return {}

    @cached_property
    def _groups(self) -> dict[tuple[Any, ...], list[Any]]:
        return {}

    def rows(self, kind: type[R], **equal: Unpack[RowFilter]) -> list[R]:
        """The rows of a table whose columns have these values.

        Parameters
        ----------
        kind
            The row type of a table of the fit or of ``other_tables``, ``FittedParameter``, or a ``MeasuredRun``.
            A type without a table has no rows.

        Raises
        ------
        RelscaleError
            The table is missing, or lacks a column.
        """
        if kind not in self._tables:
            self._tables[kind] = self._read(kind)
            for row in self._tables[kind]:
                key = (kind, getattr(row, "suite", None), getattr(row, "group", None))
                self._groups.setdefault(key, []).append(row)
        if "suite" in equal and "group" in equal:  # indexed, because most calls ask for one of many groups
            rows: list[R] = self._groups.get((kind, equal["suite"], equal["group"]), [])
        else:
            rows = self._tables[kind]
        return [row for row in rows if all(getattr(row, name) == value for name, value in equal.items())]

    def _read(self, kind: type[R]) -> list[Any]:
        if kind is FittedParameter:
            rows = self.rows(ParameterRow)
            return [FittedParameter(**fields_of(row), verdict=self.verdict(row)) for row in rows]
        if issubclass(kind, MeasuredRun):
            table = read_measurements(self.measurements, names_of(kind))
        elif kind in TABLES:
            table = read_fit_table(self.fits, TABLES[kind])
        elif kind in self.other_tables:
            table = read_table(self.other_tables[kind], names_of(kind))
        else:
            return []
        return rows_of(kind, _table_as_text(table.select(names_of(kind))))

    @cached_property
    def _verdicts(self) -> dict[tuple[str | None, ...], Verdict | None]:
        return {key_of(row): row.verdict for row in self.rows(VerdictRow)}

    def verdict(self, row: CurveKey) -> Verdict | None:
        """The verdict on the gap of a row, by the p-value adjusted over all gaps of its suite."""
        return self._verdicts.get(key_of(row))

    def gaps(self, **equal: Unpack[RowFilter]) -> list[GapRow]:
        """The rows of ``gaps`` between groups, or of another ``contrast``."""
        columns: RowFilter = {"contrast": GROUP, **equal}
        return self.rows(GapRow, **columns)

    def points(self, quantity: Quantity, /, **equal: Unpack[RowFilter]) -> list[CurvePoint]:
        """The points of a group's curve: E(F), or G(F) between groups or of another ``contrast``."""
        if quantity == "error":
            errors = [row for row in self.rows(ErrorRow, **equal) if row.status == "ok"]
            return [CurvePoint(number(row.training_flops), number(row.value)) for row in errors]
        gaps = [row for row in self.gaps(**equal) if row.status == "ok"]
        return [CurvePoint(number(row.training_flops), number(row.ratio)) for row in gaps]

    def law_rows(self, contrast: str = GROUP, /, **equal: Unpack[RowFilter]) -> list[FittedParameter]:
        """The rows of ``fits``, one for each parameter and estimand.

        The block bootstrap by training comes before other intervals. Excluded are laws that the config adds (column
        ``fit``), partially pooled estimates, other contrasts, and intervals that take clustered items as independent.
        """
        rows = [row for row in self.rows(FittedParameter, **equal) if row.contrast in (None, contrast)]
        rows = [row for row in rows if row.estimand != Estimand.INDEPENDENT_ITEMS]
        rows = [row for row in rows if row.fit is None and row.method != Method.PARTIAL_POOLING]
        rows.sort(key=lambda row: row.method != Method.BLOCK_BOOTSTRAP)
        first: dict[tuple[Any, ...], FittedParameter] = {}
        for row in rows:
            parameter = (row.baseline, row.law, row.parameter, row.predictor, row.estimand)
            first.setdefault((*series_key(row), *parameter), row)
        return list(first.values())

    def exclusion_notes(self, suite: Suite, /, **equal: Unpack[RowFilter]) -> list[str]:
        """Notes on the runs excluded from a suite's figure, with the reasons."""
        table = _table_as_text(read_measurements(self.measurements, names_of(MeasuredRun)))
        lines = left_out(table, {"suite": suite.name, **equal})
        more = [f"And {len(lines) - MOST_NOTES} more such notes."] if len(lines) > MOST_NOTES else []
        return [f"{line[0].upper()}{line[1:]}." for line in lines[:MOST_NOTES]] + more

    def pooled_rows(self, **equal: Unpack[RowFilter]) -> list[FittedParameter]:
        """The partially pooled rows of ``fits``."""
        return [row for row in self.rows(FittedParameter, **equal) if row.method == Method.PARTIAL_POOLING]

    @cached_property
    def series(self) -> list[Series]:
        """The series in the config's order of corpora, labelled by the corpus, and by the optimizer if several."""
        rows = [*self.rows(FrontierRow), *self.rows(ErrorRow)]
        pairs = distinct((row.corpus, row.optimizer) for row in rows)
        order = {as_text(corpus): position for position, corpus in enumerate(self.corpora or self.tokens)}
        pairs.sort(key=lambda pair: (order.get(pair[0], len(order)), str(pair[0]), str(pair[1])))
        one_optimizer = len({optimizer for _, optimizer in pairs}) < 2
        return [
            Series(corpus, optimizer, str(corpus) if one_optimizer else f"{corpus}, {optimizer}")
            for corpus, optimizer in pairs
        ]

    def series_of(self, suite: Suite) -> list[Series]:
        """The series that the suite was measured on."""
        measured = {(row.corpus, row.optimizer) for row in self.rows(ErrorRow, **suite.key)}
        return [series for series in self.series if (series.corpus, series.optimizer) in measured]

    @cached_property
    def _suite_names(self) -> list[str]:
        return distinct(
            [
                *map(as_text, self.suites),
                *sorted({str(row.suite) for row in self.rows(ErrorRow)} - {VALIDATION.suite}),
            ]
        )

    def suite_names(self) -> list[str]:
        """The suites in the config's order, then those that are only in the tables."""
        return self._suite_names

    def required_suite(self, figure: str, options: OneSuite) -> Suite:
        """The suite that the options name, for a figure that is drawn per suite.

        Raises
        ------
        RelscaleError
            No suite is named, or there is none of this name.
        """
        if not options.suite:
            figures = ", ".join(f"{figure}-{visible_text(name)}" for name in self.suite_names())
            raise RelscaleError(f"{figure} is drawn per suite; choose one of {figures}")
        return self.suite(options.suite, options.metric, options.prompt)

    def shown_suites(self, options: OneSuite | SeveralSuites) -> list[Suite]:
        """The suites that the options name; all if they name none."""
        names = options.names or self.suite_names()
        return [self.suite(name, options.metric, options.prompt) for name in names]

    def suite(self, name: str, metric: str | None = None, prompt: str | None = None) -> Suite:
        """The presentation of a suite, from its manifest and rows, under this metric and prompt form if measured.

        Raises
        ------
        RelscaleError
            There is no suite of this name, or its manifest cannot be read.
        """
        if name not in self.suite_names():
            known = ", ".join(map(visible_text, self.suite_names())) or "none"
            raise RelscaleError(f"no suite {visible_text(name)!r}; this experiment has {known}")
        sources = {as_text(suite): source for suite, source in self.suites.items()}
        stated = stated_suite(sources.get(name, PublishedSuite()))
        errors = self.rows(ErrorRow, suite=name)
        metric = shown_metric(stated, errors, metric)
        errors = [row for row in errors if row.metric == metric]
        prompt = shown_form(prompt or as_text(stated.prompt), distinct(row.prompt for row in errors))
        gaps = self.gaps(suite=name, metric=metric, prompt=prompt)
        floors = self.rows(ParameterRow, suite=name, law="sigmoid", parameter="floor")
        return Suite(
            name=name,
            title=suite_title(stated, name),
            labels=group_labels(stated, {str(row.group) for row in errors if row.prompt == prompt}),
            baseline=gaps[0].baseline if gaps else as_text(stated.baseline),
            metric=metric,
            prompt=prompt,
            chance=floors[0].value if floors else stated.chance,
        )

    def training_shares(self, corpus: str | None) -> dict[str, float]:
        """The share of each group in the training tokens; empty if the corpus has no token store.

        Raises
        ------
        RelscaleError
            The token store has no manifest.
        """
        stores = {as_text(name): path for name, path in self.tokens.items()}
        if corpus is None or corpus not in stores:
            return {}
        path = Path(stores[corpus])
        if not path.is_file():
            raise RelscaleError(f"{path}: no such file; build the store with `relscale tokenize`")
        groups = json.loads(path.read_text(encoding="utf-8"))["groups"]
        return {as_text(group): groups[group]["share"] for group in sorted(groups)}


def distinct(values: Iterable[R]) -> list[R]:
    """The distinct values, in the order of first appearance."""
    return list(dict.fromkeys(values))


def series_key(row: SeriesKey) -> tuple[str | None, ...]:
    """The key of a row's series: experiment, corpus, optimizer, suite, prompt, metric and group."""
    return key_of(row, ERROR_KEY)


def runs_of_series(row: SeriesKey, runs: Iterable[S]) -> list[S]:
    """The runs of a row's series: those equal to it in every part of the series key that is not null."""
    key = {name: part for name, part in zip(ERROR_KEY, series_key(row), strict=True) if part is not None}
    return [run for run in runs if all(getattr(run, name) == part for name, part in key.items())]


def _table_as_text(table: pa.Table) -> pa.Table:
    """A table with the text of its columns escaped."""
    for position, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            continue
        escaped = {value: as_text(value) for value in column.unique().to_pylist()}
        if any(value != text for value, text in escaped.items()):
            table = table.set_column(
                position, name, pa.array([escaped[value] for value in column.to_pylist()], pa.string())
            )
    return table
