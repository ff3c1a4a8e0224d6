"""Items into the measurement table, and the same measurements under resampled items."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.checked_parquet import read_parquet
from relscale.error_metrics import RESAMPLED
from relscale.errors import RelscaleError
from relscale.measurements.comparable import (
    Difference,
    GroupRequests,
    differences,
    group_requests,
    number_digests,
    same_numbers,
)
from relscale.measurements.draws import Draws
from relscale.measurements.measurement import (
    MEASUREMENTS,
    MODEL_COLUMNS,
    REPLICATES,
    Measurement,
    Model,
    Unit,
    measurement,
)
from relscale.measurements.metric import VALIDATION
from relscale.measurements.metrics import UNUSABLE, ratio_terms, replicate_values, values
from relscale.measurements.options import Collect
from relscale.measurements.runs import Loss, Measured
from relscale.measurements.samples import Place
from relscale.measurements.sanity import flag_impossible
from relscale.measurements.status import Status, of_items, together
from relscale.measurements.task_metrics import task_metrics
from relscale.rows import table_of
from relscale.scoring.items import ItemStatus
from relscale.scoring.task_metrics import PREFIX, read_task_metrics

ORDER = ["corpus", "optimizer", "budget", "run", "suite", "prompt", "group", "metric"]
PIECE = 2**20  # rows of replicates that are made at once
SUBJECTS = "_subjects"  # ends the name of the suite that has a suite's subjects as groups
REPORTED = 20  # lines about items that were flagged or left out
OF_TARGETS = (
    ItemStatus.UNLABELLED,
    ItemStatus.OUTSIDE,
    ItemStatus.DISPUTED,
)  # flags of what the items call right
WORDS = {
    ItemStatus.NO_NUMBER: "items have no log-probability that is a number of 0 or below",
    ItemStatus.TOO_SHORT: "documents are too short",
    ItemStatus.REPEATED: "items stand there more than once",
    ItemStatus.UNLABELLED: "items have no label",
    ItemStatus.OUTSIDE: "items have a label outside their choices",
    ItemStatus.DISPUTED: "items have a label that does not give the accuracy that was logged",
    ItemStatus.CUT: "items had their context cut",
}


@dataclass(frozen=True)
class Independent:
    """The replicates of clustered items as if they were independent, for comparison."""

    stderrs: np.ndarray
    replicates: np.ndarray  # [draws, metrics]


@dataclass(frozen=True)
class Cell:
    """The metrics of one model on one group under one prompt, with a replicate of each metric for every draw."""

    suite: str
    prompt: str
    group: str
    metrics: tuple[str, ...]
    values: np.ndarray
    stderrs: np.ndarray
    replicates: np.ndarray  # [draws, metrics]
    independent: Independent | None
    items: int
    clusters: int | None
    units: Mapping[str, str]  # what is drawn for each document, where that is not the document itself
    bytes: int
    flagged: Counter[ItemStatus]
    empty: int
    requests: GroupRequests

    @property
    def place(self) -> Place:
        """Its suite, prompt and group."""
        return self.suite, self.prompt, self.group


@dataclass(frozen=True)
class ModelCell:
    """A cell of one model.

    Attributes
    ----------
    source
        The suite, prompt and group of the items: those of the cell, or of the group that has the cell's subject.
    flags
        Statuses of the cell as a whole.
    accepted
        Statuses that the experiment accepts.
    """

    model: Model
    source: Place
    cell: Cell
    flags: list[str]
    accepted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """What models have in common, kept once: draws by names of documents or clusters, and what groups were asked by its
    digest."""

    draws: Draws
    requests: dict[bytes, GroupRequests]


def collect(
    runs: Iterable[Measured],
    experiment: str,
    options: Collect,
    seed: int,
    prepared: Mapping[str, Path] | None = None,
) -> tuple[pa.Table, Iterator[pa.Table]]:
    """Measurements and replicates of all runs.

    Parameters
    ----------
    runs
        Models, with their items.
    experiment
        Its name.
    options
        The config's section ``collect``.
    seed
        Of the bootstrap draws.
    prepared
        Folders of prepared suites by name; lm-eval's tasks in them state how their own metrics are aggregated.

    Returns
    -------
    measurements
        `relscale.measurements.measurement.Measurement` rows, those of the validation loss included. A run that
        diverged has these alone, with null values and its status.
    replicates
        `relscale.measurements.measurement.Replicate` rows: ``options.replicates`` for every error that comes from
        items. They are tens of millions in a large experiment, and therefore come in pieces, made on demand.

    Raises
    ------
    RelscaleError
        Items are missing.
    """
    shared = Shared(Draws(options.replicates, seed), {})
    rows: list[Measurement] = []
    cells: list[ModelCell] = []
    scored: list[Model] = []
    numbers: list[tuple[str, str, bytes]] = []
    for run in runs:
        model = replace(run.model, experiment=experiment)
        rows += [_validation(model, loss) for loss in run.losses]
        scored += [model] if run.items else []
        reported = _Reported(run.task_metrics, prepared or {}, shared.draws)
        for items in map(_table, run.items):
            for source, cells_of_source in _cells(items, run.prepared, options, shared):
                cell = reported.added(
                    cells_of_source,
                    source[2],
                    cells_of_source.group if cells_of_source.suite != source[0] else None,
                )
                cells.append(ModelCell(model, source, cell, [run.status, *run.flags.get(source, ())]))
            if run.listed:
                digests = number_digests(items)
                numbers += [(model.run, suite, digest) for suite, digest in digests.items()]
    copies = same_numbers(numbers)
    for each, differing in zip(cells, _differences([each.cell for each in cells]), strict=True):
        each.flags.extend(copies.get((each.model.run, each.source[0]), ()))
        for difference in differing:
            is_accepted = options.prompts == "any" and difference.status is Status.OTHER_PROMPT
            (each.accepted if is_accepted else each.flags).append(str(difference))
        rows += _rows(each, options.cut)
    missing = list(_missing(cells, scored))
    _report(cells, missing)
    table = flag_impossible(table_of(Measurement, rows + missing).cast(MEASUREMENTS))
    return table.sort_by([(column, "ascending") for column in ORDER]), _replicates(cells, options.replicates)


def _validation(model: Model, loss: Loss) -> Measurement:
    return measurement(
        model,
        suite=VALIDATION.suite,
        prompt="default",
        group=VALIDATION.group,
        metric=loss.metric,
        value=loss.value,
        status=loss.status,
    )


def _missing(cells: Sequence[ModelCell], scored: Sequence[Model]) -> Iterator[Measurement]:
    """Rows without a value of the models that lack a group which others have."""
    groups: dict[Place, Cell] = {}
    for each in cells:
        groups.setdefault(each.cell.place, each.cell)
    present = {(each.model, each.cell.place) for each in cells}
    for model in scored:
        for place, cell in groups.items():
            for metric in cell.metrics if (model, place) not in present else ():
                yield measurement(
                    model,
                    suite=cell.suite,
                    prompt=cell.prompt,
                    group=cell.group,
                    metric=metric,
                    value=None,
                    items=0,
                    bytes=0,
                    status=of_items(Status.INCOMPLETE, 0, cell.items),
                )


def _differences(cells: Sequence[Cell]) -> list[tuple[Difference, ...]]:
    """The differences of each cell's items from those of the other models on the same group."""
    positions: dict[Place, list[int]] = defaultdict(list)
    for position, cell in enumerate(cells):
        positions[cell.place].append(position)
    result: list[tuple[Difference, ...]] = [()] * len(cells)
    for of_place in positions.values():
        differing = differences([cells[position].requests for position in of_place])
        for position, problem in zip(of_place, differing, strict=True):
            result[position] = problem
    return result


def _table(items: str | pa.Table) -> pa.Table:
    if isinstance(items, pa.Table):
        return items
    if not Path(items).is_file():
        raise RelscaleError(f"{items}: these items are listed but gone; score again")
    return read_parquet(items)


def _cells(items: pa.Table, prepared: bool, options: Collect, shared: Shared) -> Iterator[tuple[Place, Cell]]:
    """A cell for every prompt and group of items, and for every subject of the suites that ask for subjects."""
    groups = items.group_by(["suite", "prompt", "group"], use_threads=False).aggregate([]).to_pylist()
    for row in groups:
        suite, prompt, group = place = row["suite"], row["prompt"], row["group"]
        part = items.filter(
            (pc.field("suite") == suite) & (pc.field("prompt") == prompt) & (pc.field("group") == group)
        )
        yield place, _cell(part, place, prepared, shared)
        if suite in options.subjects:
            for subject in part["subject"].drop_null().unique().to_pylist():
                of_subject = _without_subjects(part.filter(pc.field("subject") == subject))
                own = suite + SUBJECTS, prompt, subject
                yield place, _cell(of_subject, own, prepared, shared)


def _without_subjects(table: pa.Table) -> pa.Table:
    """The rows of one subject as if they had none: a group of its own has no subjects to average over."""
    index = table.column_names.index("subject")
    return table.set_column(index, "subject", pa.nulls(table.num_rows, pa.string()))


def _cell(part: pa.Table, place: Place, prepared: bool, shared: Shared) -> Cell:
    group = ratio_terms(part)
    value, stderr = values(group)
    independent = None
    if group.clusters is not None:
        alone = group.independent
        drawn = replicate_values(alone, shared.draws.of(alone.units))
        independent = Independent(values(alone)[1], drawn)
    content = group_requests(part, prepared)
    return Cell(
        *place,
        group.metrics,
        value,
        stderr,
        replicate_values(group, shared.draws.of(group.units)),
        independent,
        len(group.doc_ids),
        group.cluster_count,
        {} if group.clusters is None else dict(zip(group.doc_ids, group.units, strict=True)),
        group.bytes,
        group.flagged,
        group.empty,
        shared.requests.setdefault(content.digest, content),
    )


class _Reported:
    """The metrics that lm-eval's tasks report of one model, to be added to those of its groups."""

    def __init__(self, tables: Sequence[str | pa.Table], prepared: Mapping[str, Path], draws: Draws):
        read = [table if isinstance(table, pa.Table) else read_task_metrics(table) for table in tables]
        self.values = pa.concat_tables(read) if read else None
        self.prepared, self.draws = prepared, draws

    def added(self, cell: Cell, group: str, subject: str | None = None) -> Cell:
        """The cell with lm-eval's metrics of it, and without its own where its items' targets mean nothing."""
        if self.values is None:
            return cell
        suite = cell.suite if subject is None else cell.suite.removesuffix(SUBJECTS)
        where = (
            (pc.field("suite") == suite) & (pc.field("prompt") == cell.prompt) & (pc.field("group") == group)
        )
        reported = self.values.filter(where if subject is None else where & (pc.field("subject") == subject))
        if not reported.num_rows:
            return cell
        if subject is not None:
            reported = _without_subjects(reported)
        if not pc.all(reported["targets"]).as_py():
            none = np.empty((cell.replicates.shape[0], 0))
            flagged = Counter(
                {status: count for status, count in cell.flagged.items() if status not in OF_TARGETS}
            )
            cell = replace(
                cell,
                metrics=(),
                values=np.empty(0),
                stderrs=np.empty(0),
                replicates=none,
                independent=cell.independent and Independent(np.empty(0), none),
                flagged=flagged,
            )
        folder = self.prepared.get(suite)
        added = task_metrics(reported, folder, self.draws.by(cell.units))
        alone = cell.independent
        if alone is not None:
            metrics = task_metrics(reported, folder, self.draws)
            alone = Independent(
                np.append(alone.stderrs, [metric.stderr for metric in metrics]),
                np.column_stack([alone.replicates, *(metric.replicates for metric in metrics)]),
            )
        if cell.flagged[ItemStatus.NO_NUMBER]:
            nothing = np.full(self.draws.count, np.nan)
            added = [replace(metric, value=np.nan, stderr=np.nan, replicates=nothing) for metric in added]
        return replace(
            cell,
            metrics=cell.metrics + tuple(metric.name for metric in added),
            values=np.append(cell.values, [metric.value for metric in added]),
            stderrs=np.append(cell.stderrs, [metric.stderr for metric in added]),
            replicates=np.column_stack([cell.replicates, *(metric.replicates for metric in added)]),
            independent=alone,
        )


def _rows(model_cell: ModelCell, cut: float) -> Iterator[Measurement]:
    cell = model_cell.cell
    of_group = [*_statuses(cell, cut), *model_cell.flags]
    alone = np.full(len(cell.values), np.nan) if cell.independent is None else cell.independent.stderrs
    columns = cell.values.tolist(), cell.stderrs.tolist(), alone.tolist()
    for metric, value, stderr, stderr_items in zip(cell.metrics, *columns, strict=True):
        known = np.isfinite(value)
        yield measurement(
            model_cell.model,
            suite=cell.suite,
            prompt=cell.prompt,
            group=cell.group,
            metric=metric,
            value=value if known else None,
            stderr=stderr,
            stderr_items=stderr_items,
            items=cell.items,
            clusters=cell.clusters,
            bytes=cell.bytes,
            status=together(of_group if known else [*of_group, *_without_value(cell)]),
        )


def _statuses(cell: Cell, cut: float) -> Iterator[str]:
    """The problem of a group as a whole."""
    for status in (*map(Status, UNUSABLE), Status.REPEATED, Status.CUT):
        count = cell.flagged[ItemStatus(status)]
        if count > (cut * cell.items if status is Status.CUT else 0):
            yield of_items(status, count, cell.items)


def _without_value(cell: Cell) -> list[str]:
    """Why a metric has no value, where its items have no flag that says it."""
    if any(cell.flagged[status] for status in UNUSABLE):
        return []
    if cell.empty:
        return [of_items(Status.EMPTY, cell.empty, cell.items)]
    short = cell.flagged[ItemStatus.TOO_SHORT]
    return [of_items(Status.TOO_SHORT, short, cell.items + short) if short else str(Status.NO_NUMBER)]


def _report(cells: Sequence[ModelCell], missing: Sequence[Measurement]) -> None:
    """Lines on stderr for each group that has items that were flagged or left out, or is flagged as a whole."""
    lines = list(
        dict.fromkeys(f"{row.run}, {row.suite} {row.prompt}, {row.group}: {row.status}" for row in missing)
    )
    for each in cells:
        cell = each.cell
        items = cell.items + cell.flagged[ItemStatus.TOO_SHORT]
        counts = [f"{count} of {items} {WORDS[status]}" for status, count in cell.flagged.items()]
        flags = [status for status in dict.fromkeys(each.flags) if status != Status.OK]
        accepted = [f"{status}, compared all the same" for status in each.accepted]
        group = f"{each.model.run}, {cell.suite} {cell.prompt}, {cell.group}"
        lines += [f"{group}: {text}" for text in (*counts, *flags, *accepted)]
    for line in lines[:REPORTED]:
        print(line, file=sys.stderr)
    if len(lines) > REPORTED:
        print(f"… and {len(lines) - REPORTED} more such lines", file=sys.stderr)


@dataclass(frozen=True)
class Series:
    """All draws of one metric of one cell."""

    model: Model
    cell: Cell
    metric: str
    unit: Unit
    draws: np.ndarray

    def value(self, column: str) -> str | float | None:
        """The cell of the series in a column of the table."""
        if column in ("metric", "unit"):
            cell: str = getattr(self, column)
            return cell
        value: str | float | None = getattr(self.model if column in MODEL_COLUMNS else self.cell, column)
        return value


def _replicates(cells: Sequence[ModelCell], count: int) -> Iterator[pa.Table]:
    """All draws, in the order of the measurements, in pieces of whole series."""
    series = [
        Series(replicate.model, replicate.cell, metric, unit, draws)
        for replicate in cells
        for unit, replicates in _units(replicate.cell)
        for metric, draws in zip(replicate.cell.metrics, replicates.T, strict=True)
        if metric.startswith((*RESAMPLED, PREFIX)) and (count == 0 or not np.isnan(draws).all())
    ]
    series.sort(
        key=lambda replicate: [
            (replicate.value(name) is None, replicate.value(name)) for name in (*ORDER, "unit")
        ]
    )
    at_once = max(1, PIECE // max(1, count))
    for first in range(0, len(series), at_once):
        yield _piece(series[first : first + at_once], count)


def _units(cell: Cell) -> Iterator[tuple[Unit, np.ndarray]]:
    """The replicates of a cell by what was drawn."""
    yield (Unit.ITEM if cell.clusters is None else Unit.CLUSTER), cell.replicates
    if cell.independent is not None:
        yield Unit.ITEM, cell.independent.replicates


def _piece(series: Sequence[Series], count: int) -> pa.Table:
    """Some series; texts as dictionaries, so that each text is kept once."""
    columns: dict[str, pa.Array] = {}
    for column in REPLICATES.names:
        if column == "value":
            columns[column] = pa.array(
                np.concatenate([replicate.draws for replicate in series]), from_pandas=True
            )
        elif column == "replicate":
            columns[column] = pa.array(np.tile(np.arange(count, dtype=np.int32), len(series)))
        else:
            codes = pa.array(
                [replicate.value(column) for replicate in series], pa.string()
            ).dictionary_encode()
            indices = np.repeat(codes.indices.fill_null(-1).to_numpy(), count).astype(np.int32)
            columns[column] = pa.DictionaryArray.from_arrays(
                pa.array(indices, mask=indices < 0), codes.dictionary
            )
    return pa.table(columns, schema=REPLICATES)
