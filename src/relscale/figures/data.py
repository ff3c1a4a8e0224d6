"""The data of figures: measurements, fits and the manifests of suites and token stores, read when needed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Unpack

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.figures.as_text import as_text, shown
from relscale.figures.chart.numbers import number
from relscale.figures.options import OneSuite, SeveralSuites
from relscale.figures.row_filter import OfSeries, OfSuite, RowFilter
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow, GapRow
from relscale.fitting.fits import ROWS, read_fit_table
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CurveKey, SeriesKey
from relscale.fitting.report.untrusted_runs import left_out
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.measurements.metric import VALIDATION, Metric
from relscale.measurements.reading import read_measurements
from relscale.storage.rows import column, fields_of, names_of, rows_of
from relscale.storage.tables import read_table
from relscale.storage.yaml_text import load

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
SERIES = names_of(SeriesKey)
CURVE = names_of(CurveKey)

MOST_STYLED = (
    12  # groups that colour, symbol and dash can distinguish; more are drawn alike, by their verdict
)
MOST_NOTES = 4  # on what was left out
GROUP = "group"  # the contrast between groups
Quantity = Literal["error", "ratio"]  # E(F), or G(F)
LAWS: dict[Quantity, str] = {"error": "power", "ratio": "relative"}  # the law that is drawn through it


@dataclass(frozen=True)
class Suite:
    """Presentation of a suite; what its manifest does not define follows from the tables.

    Attributes
    ----------
    labels
        Labels by group, in the order of the legend.
    chance
        Chance accuracy, or None.
    """

    name: str
    title: str
    labels: dict[str, str]
    baseline: str | None
    metric: str
    prompt: str | None
    chance: float | None

    @property
    def is_crowded(self) -> bool:
        """Whether it has more groups than can be distinguished by colour, symbol and dash."""
        return len(self.labels) > MOST_STYLED

    @property
    def metric_title(self) -> str:
        """The title of the error's axis, its unit included."""
        return Metric.parse(self.metric).title

    @property
    def baseline_label(self) -> str:
        """The baseline in words."""
        name = "the mean of the other groups" if self.baseline == MEAN else self.baseline or "baseline"
        return self.labels.get(self.baseline or "", name)

    @property
    def key(self) -> OfSuite:
        """The filter of this suite's rows."""
        return {"suite": self.name, "metric": self.metric, "prompt": self.prompt}


@dataclass(frozen=True)
class Series:
    """The models that share a frontier: one corpus, one optimizer."""

    corpus: str | None
    optimizer: str | None
    label: str

    @property
    def key(self) -> OfSeries:
        """The filter of this series' rows."""
        return {"corpus": self.corpus, "optimizer": self.optimizer}


class CurvePoint(NamedTuple):
    """A point of a curve over compute."""

    flops: float
    value: float


@dataclass(frozen=True)
class FigureData:
    """The tables behind figures; every table is read once, and only if needed.

    What is read comes as plotly shows it unchanged (``relscale.figures.as_text``); so are the names that its methods
    take and give.

    Attributes
    ----------
    measurements
        The measurement table.
    fits
        The folder with ``frontier``, ``errors``, ``gaps``, ``fits`` and the other tables of a fit, parquet each.
    suites
        Name to ``suite.yaml``, or to what one would say, in the order to draw them; read are ``title``, ``groups``
        (their ``label``), ``baseline``, ``metric``, ``chance`` and ``options.choices``. Suites that are only in the
        tables follow those that are named here.
    tokens
        Corpus to the ``manifest.json`` of its token store.
    corpora
        In the order to draw them; by default that of ``tokens``.
    other_tables
        Tables that are not of the fit, by the type of their rows.
    """

    measurements: Path
    fits: Path
    suites: Mapping[str, Path | Mapping[str, Any]] = field(default_factory=dict)
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
        """The rows of the table of that type whose columns have these values.

        Parameters
        ----------
        kind
            The row type of a table of the fit, ``FittedParameter``, ``MeasuredRun``, or one with more of its columns;
            or of one of the ``other_tables``, which has no rows where it is not there.
        equal
            Columns and their values (`RowFilter`): misspelt ones are found by mypy.

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
        if "suite" in equal and "group" in equal:  # most calls are for one group of a table that has many
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
        return {_curve(row): row.verdict for row in self.rows(VerdictRow)}

    def verdict(self, row: CurveKey) -> Verdict | None:
        """The verdict on the gap that a row is about, by the p-value adjusted over all gaps of its suite."""
        return self._verdicts.get(_curve(row))

    def gaps(self, **equal: Unpack[RowFilter]) -> list[GapRow]:
        """Rows of ``gaps`` between groups, or of another ``contrast``."""
        columns: RowFilter = {"contrast": GROUP, **equal}
        return self.rows(GapRow, **columns)

    def points(self, quantity: Quantity, /, **equal: Unpack[RowFilter]) -> list[CurvePoint]:
        """The points of a group's curve: E(F), or G(F) against a group or another ``contrast``."""
        if quantity == "error":
            errors = [row for row in self.rows(ErrorRow, **equal) if row.status == "ok"]
            return [CurvePoint(number(row.training_flops), number(row.value)) for row in errors]
        gaps = [row for row in self.gaps(**equal) if row.status == "ok"]
        return [CurvePoint(number(row.training_flops), number(row.ratio)) for row in gaps]

    def law_rows(self, contrast: str = GROUP, /, **equal: Unpack[RowFilter]) -> list[FittedParameter]:
        """Rows of ``fits``, one for each parameter and estimand: the interval of the last stage.

        Where points share trainings, that of the block bootstrap by training comes first. Laws that the config adds
        (column ``fit``) and partially pooled estimates are left out; so are contrasts other than ``contrast``, and what
        the intervals would be were items in clusters independent.
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
        """Notes on the runs excluded from a suite's figure, with their status."""
        table = _table_as_text(read_measurements(self.measurements, names_of(MeasuredRun)))
        lines = left_out(table, {"suite": suite.name, **equal})
        more = [f"And {len(lines) - MOST_NOTES} more such lines."] if len(lines) > MOST_NOTES else []
        return [f"{line[0].upper()}{line[1:]}." for line in lines[:MOST_NOTES]] + more

    def pooled_rows(self, **equal: Unpack[RowFilter]) -> list[FittedParameter]:
        """Partially pooled rows of ``fits``."""
        return [row for row in self.rows(FittedParameter, **equal) if row.method == Method.PARTIAL_POOLING]

    @cached_property
    def series(self) -> list[Series]:
        """Corpora in the config's order, and their optimizers; named by the corpus alone where one optimizer is."""
        rows = [*self.rows(FrontierRow), *self.rows(ErrorRow)]
        pairs = distinct((row.corpus, row.optimizer) for row in rows)
        order = {as_text(corpus): position for position, corpus in enumerate(self.corpora or self.tokens)}
        pairs.sort(key=lambda pair: (order.get(pair[0], len(order)), str(pair[0]), str(pair[1])))
        alone = len({optimizer for _, optimizer in pairs}) < 2
        return [
            Series(corpus, optimizer, str(corpus) if alone else f"{corpus}, {optimizer}")
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
        """The suites in the config's order, then those that are in the tables only."""
        return self._suite_names

    def required_suite(self, figure: str, options: OneSuite) -> Suite:
        """The suite that the options name, for a figure that is drawn per suite.

        Raises
        ------
        RelscaleError
            No suite is named, or there is none of that name.
        """
        if not options.suite:
            figures = ", ".join(f"{figure}-{shown(name)}" for name in self.suite_names())
            raise RelscaleError(f"{figure}: is drawn per suite; there are {figures}")
        return self.suite(options.suite, options.metric, options.prompt)

    def shown_suites(self, options: OneSuite | SeveralSuites) -> list[Suite]:
        """The suites that the options name, else all."""
        names = options.names or self.suite_names()
        return [self.suite(name, options.metric, options.prompt) for name in names]

    def suite(self, name: str, metric: str | None = None, prompt: str | None = None) -> Suite:
        """How to show a suite, from its manifest and its rows: by this metric and prompt form where it has them.

        Raises
        ------
        RelscaleError
            There is no suite of that name, or its manifest cannot be read.
        """
        if name not in self.suite_names():
            known = ", ".join(map(shown, self.suite_names())) or "none"
            raise RelscaleError(f"no suite {shown(name)!r}; this experiment has {known}")
        manifest = _manifest({as_text(suite): source for suite, source in self.suites.items()}.get(name, {}))
        errors = self.rows(ErrorRow, suite=name)
        present = {str(row.metric) for row in errors}
        stated = metric or as_text(manifest.get("metric")) or "none"
        best = min(present, key=lambda name: Metric.parse(name).preference, default=stated)
        metric = stated if stated in present else best
        prompts = distinct(row.prompt for row in errors if row.metric == metric)
        prompt = prompt or as_text(manifest.get("prompt"))
        if prompt not in prompts:
            prompt = min(prompts, key=str) if prompts else None
        gaps = self.gaps(suite=name, metric=metric, prompt=prompt)
        groups = {str(row.group) for row in errors if row.metric == metric and row.prompt == prompt}
        listed = {as_text(group): entry for group, entry in (manifest.get("groups") or {}).items()}
        labels = {
            group: as_text(entry.get("label")) or group for group, entry in listed.items() if group in groups
        }
        labels |= {group: group.replace("_", " ") for group in sorted(groups - set(labels))}
        return Suite(
            name=name,
            title=as_text(manifest.get("title")) or name.replace("-", " ").replace("_", " ").capitalize(),
            labels=labels,
            baseline=gaps[0].baseline if gaps else as_text(manifest.get("baseline")),
            metric=metric,
            prompt=prompt,
            chance=self._chance(name, manifest),
        )

    def _chance(self, suite: str, manifest: Mapping[str, Any]) -> float | None:
        """The floor that sigmoids were fitted with, else one over the suite's choices."""
        floors = self.rows(ParameterRow, suite=suite, law="sigmoid", parameter="floor")
        choices = (manifest.get("options") or {}).get("choices")
        stated = manifest.get("chance") or (1 / choices if choices else None)
        return floors[0].value if floors else stated

    def training_shares(self, corpus: str | None) -> dict[str, float]:
        """Share of each group in the tokens that training draws; empty where the corpus has no token store.

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
    """Each value once, in the order of its first appearance."""
    return list(dict.fromkeys(values))


def series_key(row: SeriesKey) -> tuple[str | None, ...]:
    """The key of a row's series: experiment, corpus, optimizer, suite, prompt, metric and group."""
    return tuple(getattr(row, name) for name in SERIES)


def of_same_series(row: SeriesKey, runs: Iterable[S]) -> list[S]:
    """The runs that agree with a row in every part of its series key that is not null."""
    key = {name: part for name, part in zip(SERIES, series_key(row), strict=True) if part is not None}
    return [run for run in runs if all(getattr(run, name) == part for name, part in key.items())]


def _curve(row: CurveKey) -> tuple[str | None, ...]:
    return tuple(getattr(row, name) for name in CURVE)


def _manifest(source: Path | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    path = Path(source)
    if not path.is_file():
        raise RelscaleError(f"{path}: no such suite manifest; run `relscale suite` first")
    manifest = load(path)
    return manifest if isinstance(manifest, dict) else {}


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
