"""Items into the measurement table, and the same measurements under resampled items."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.checked_parquet import read_parquet
from relscale.errors import RelscaleError
from relscale.measurements.comparable import Asked, asked, differences, number_digests, same_numbers
from relscale.measurements.draws import draws
from relscale.measurements.metric import RESAMPLED
from relscale.measurements.metrics import UNUSABLE, replicate_values, sums, values
from relscale.measurements.runs import Measured
from relscale.measurements.samples import Place
from relscale.measurements.schema import MEASUREMENTS, REPLICATES
from relscale.measurements.status import Status, of_items, together
from relscale.measurements.task_metrics import task_metrics
from relscale.scoring.items import ItemStatus
from relscale.scoring.task_metrics import read_task_metrics

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
class Cell:
    """The metrics of one run on one group under one prompt: a row each, and a replicate of each for every draw."""

    suite: str
    prompt: str
    group: str
    metrics: tuple[str, ...]
    values: np.ndarray
    stderrs: np.ndarray
    replicates: np.ndarray  # [draws, metrics]
    items: int
    bytes: int
    flagged: Counter[ItemStatus]
    empty: int
    asked: Asked


@dataclass(frozen=True)
class Found:
    """A cell of one model.

    Attributes
    ----------
    described
        The columns of a measurement that say which model it is.
    place
        The suite, prompt and group that the cell is of, or in which its subject is.
    told
        What is wrong with it as a whole.
    passed
        What is wrong with it and may be.
    """

    described: dict[str, Any]
    place: Place
    cell: Cell
    told: list[str]
    passed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """What models have in common, kept once: draws by document ids, and what groups were asked by its digest."""

    weights: dict[tuple[str, ...], np.ndarray]
    asked: dict[bytes, Asked]


def collect(
    runs: Iterable[Measured],
    experiment: str,
    replicates: int,
    seed: int,
    cut: float = 0.0,
    subjects: Sequence[str] = (),
    prepared: Mapping[str, Path] | None = None,
    same_prompts: bool = True,
) -> tuple[pa.Table, Iterator[pa.Table]]:
    """Measurements and replicates of all runs.

    Parameters
    ----------
    runs
        Models, with their items.
    experiment
        Its name.
    replicates
        Number of item bootstrap draws, B.
    seed
        Of the draws.
    cut
        The share of a group's items whose contexts may have been cut to fit a model; above it, the status says so.
    subjects
        Suites of which each subject is measured as a group of its own too, in a suite ``<suite>_subjects``.
    prepared
        Folders of prepared suites by name, where lm-eval's tasks say how their own metrics are aggregated.
    same_prompts
        False where models that were asked in other words are compared all the same: a line on stderr says so, and no
        status.

    Returns
    -------
    measurements
        Rows of ``relscale.measurements.schema.MEASUREMENTS``, those of the validation loss (suite ``validation``)
        among them. A run that diverged has these alone, with null values and its status.
    replicates
        Rows of ``REPLICATES``, B for every error that comes from items: tens of millions in a large experiment, and
        therefore in pieces, made as they are asked for.

    Raises
    ------
    RelscaleError
        Items are missing.
    """
    shared = Shared({}, {})
    rows: list[dict[str, Any]] = []
    found: list[Found] = []
    scored: list[dict[str, Any]] = []
    numbers: list[tuple[str, str, bytes]] = []
    for run in runs:
        described = {"experiment": experiment, **run.described}
        rows += [{**described, **row} for row in run.rows]
        scored += [described] if run.items else []
        reported = _Reported(run.task_metrics, prepared or {}, seed)
        for items in map(_table, run.items):
            for place, own in _cells(items, run.prepared, replicates, seed, shared, subjects):
                cell = reported.added(own, place[2], own.group if own.suite != place[0] else None)
                found.append(Found(described, place, cell, [run.status, *run.flags.get(place, ())]))
            if run.listed:
                digests = number_digests(items)
                numbers += [(described["run"], suite, digest) for suite, digest in digests.items()]
    alike = same_numbers(numbers)
    for one, differing in zip(found, _differences([one.cell for one in found]), strict=True):
        one.told.extend(alike.get((one.described["run"], one.place[0]), ()))
        for told in differing:
            passed = not same_prompts and told.startswith(Status.OTHER_PROMPT)
            (one.passed if passed else one.told).append(told)
        rows += [{**one.described, **row} for row in _rows(one.cell, cut, one.told)]
    missing = list(_missing(found, scored))
    rows += missing
    _report(found, missing)
    table = pa.Table.from_pylist(rows, MEASUREMENTS)
    return table.sort_by([(column, "ascending") for column in ORDER]), _replicates(found, replicates)


def _missing(found: Sequence[Found], scored: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows without a value of the models that lack a group which others have."""
    places: dict[Place, Cell] = {}
    had: set[tuple[int, Place]] = set()
    for one in found:
        place = one.cell.suite, one.cell.prompt, one.cell.group
        places.setdefault(place, one.cell)
        had.add((id(one.described), place))
    for described in scored:
        for (suite, prompt, group), cell in places.items():
            if (id(described), (suite, prompt, group)) in had:
                continue
            status = of_items(Status.INCOMPLETE, 0, cell.items)
            row = {"suite": suite, "prompt": prompt, "group": group, "items": 0, "bytes": 0, "status": status}
            yield from ({**described, **row, "metric": metric} for metric in cell.metrics)


def _differences(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """Of each cell, in what its model was asked otherwise than the others that have its place."""
    places: dict[Place, list[int]] = defaultdict(list)
    for number, cell in enumerate(cells):
        places[cell.suite, cell.prompt, cell.group].append(number)
    found: list[tuple[str, ...]] = [()] * len(cells)
    for numbers in places.values():
        of_place = differences([cells[number].asked for number in numbers])
        for number, told in zip(numbers, of_place, strict=True):
            found[number] = told
    return found


def _table(items: str | pa.Table) -> pa.Table:
    if isinstance(items, pa.Table):
        return items
    if not Path(items).is_file():
        raise RelscaleError(f"{items}: these items are listed but gone; score again")
    return read_parquet(items)


def _cells(
    items: pa.Table,
    prepared: bool,
    count: int,
    seed: int,
    shared: Shared,
    subjects: Sequence[str],
) -> Iterator[tuple[Place, Cell]]:
    """Every prompt and group of items, and every subject where it is asked for with the place that it belongs to."""
    places = items.group_by(["suite", "prompt", "group"], use_threads=False).aggregate([]).to_pylist()
    for found in places:
        suite, prompt, group = place = found["suite"], found["prompt"], found["group"]
        part = items.filter(
            (pc.field("suite") == suite) & (pc.field("prompt") == prompt) & (pc.field("group") == group)
        )
        yield place, _cell(part, place, prepared, count, seed, shared)
        if suite in subjects:
            for subject in part["subject"].drop_null().unique().to_pylist():
                named = part.filter(pc.field("subject") == subject)
                alone = named.set_column(
                    named.column_names.index("subject"), "subject", pa.nulls(named.num_rows, pa.string())
                )
                own = suite + SUBJECTS, prompt, subject
                yield place, _cell(alone, own, prepared, count, seed, shared)


def _cell(part: pa.Table, place: Place, prepared: bool, count: int, seed: int, shared: Shared) -> Cell:
    found = sums(part)
    key = tuple(found.doc_ids)
    if key not in shared.weights:
        shared.weights[key] = draws(found.doc_ids, count, seed)
    value, stderr = values(found)
    own = asked(part, prepared)
    return Cell(
        *place,
        found.metrics,
        value,
        stderr,
        replicate_values(found, shared.weights[key]),
        len(key),
        found.bytes,
        found.flagged,
        found.empty,
        shared.asked.setdefault(own.digest, own),
    )


class _Reported:
    """What lm-eval's tasks report of one model, to be added to the metrics of its groups."""

    def __init__(self, tables: Sequence[str | pa.Table], prepared: Mapping[str, Path], seed: int):
        read = [table if isinstance(table, pa.Table) else read_task_metrics(table) for table in tables]
        self.values = pa.concat_tables(read) if read else None
        self.prepared, self.seed = prepared, seed

    def added(self, cell: Cell, group: str, subject: str | None = None) -> Cell:
        """The cell with lm-eval's metrics of it, and without its own where its items' targets mean nothing."""
        if self.values is None:
            return cell
        suite = cell.suite if subject is None else cell.suite.removesuffix(SUBJECTS)
        where = (
            (pc.field("suite") == suite) & (pc.field("prompt") == cell.prompt) & (pc.field("group") == group)
        )
        found = self.values.filter(where if subject is None else where & (pc.field("subject") == subject))
        if not found.num_rows:
            return cell
        if subject is not None:
            at = found.column_names.index("subject")
            found = found.set_column(at, "subject", pa.nulls(found.num_rows, pa.string()))
        if not pc.all(found["targets"]).as_py():
            none = np.empty((cell.replicates.shape[0], 0))
            flagged = Counter(
                {status: count for status, count in cell.flagged.items() if status not in OF_TARGETS}
            )
            cell = replace(
                cell, metrics=(), values=np.empty(0), stderrs=np.empty(0), replicates=none, flagged=flagged
            )
        own = task_metrics(found, self.prepared.get(suite), self.seed)
        if cell.flagged[ItemStatus.NO_NUMBER]:
            own = [replace(one, value=np.nan, stderr=np.nan) for one in own]
        return replace(
            cell,
            metrics=cell.metrics + tuple(one.name for one in own),
            values=np.append(cell.values, [one.value for one in own]),
            stderrs=np.append(cell.stderrs, [one.stderr for one in own]),
            replicates=np.hstack([cell.replicates, np.full((len(cell.replicates), len(own)), np.nan)]),
        )


def _rows(cell: Cell, cut: float, flags: Sequence[str]) -> Iterator[dict[str, Any]]:
    of_group = [*_statuses(cell, cut), *flags]
    for metric, value, stderr in zip(cell.metrics, cell.values.tolist(), cell.stderrs.tolist(), strict=True):
        known = np.isfinite(value)
        yield {
            "suite": cell.suite,
            "prompt": cell.prompt,
            "group": cell.group,
            "metric": metric,
            "value": value if known else None,
            "stderr": stderr if np.isfinite(stderr) else None,
            "items": cell.items,
            "bytes": cell.bytes,
            "status": together(of_group if known else [*of_group, *_without_value(cell)]),
        }


def _statuses(cell: Cell, cut: float) -> Iterator[str]:
    """What is wrong with a group as a whole."""
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


def _report(found: Sequence[Found], missing: Sequence[dict[str, Any]]) -> None:
    """Lines on stderr for each group that has items that were flagged or left out, or is flagged as a whole."""
    lines = list(
        dict.fromkeys(
            f"{row['run']}, {row['suite']} {row['prompt']}, {row['group']}: {row['status']}"
            for row in missing
        )
    )
    for one in found:
        cell = one.cell
        items = cell.items + cell.flagged[ItemStatus.TOO_SHORT]
        counts = [f"{count} of {items} {WORDS[status]}" for status, count in cell.flagged.items()]
        told = [status for status in dict.fromkeys(one.told) if status != Status.OK]
        where = f"{one.described['run']}, {cell.suite} {cell.prompt}, {cell.group}"
        passed = [f"{status}, compared all the same" for status in one.passed]
        lines += [f"{where}: {each}" for each in (*counts, *told, *passed)]
    for line in lines[:REPORTED]:
        print(line, file=sys.stderr)
    if len(lines) > REPORTED:
        print(f"… and {len(lines) - REPORTED} more such lines", file=sys.stderr)


def _replicates(found: Sequence[Found], count: int) -> Iterator[pa.Table]:
    """All draws, in the order of measurements, in pieces of whole series."""
    series = [
        (
            one.described
            | {"suite": one.cell.suite, "prompt": one.cell.prompt, "group": one.cell.group, "metric": metric},
            column,
        )
        for one in found
        for metric, column in zip(one.cell.metrics, one.cell.replicates.T, strict=True)
        if metric.startswith(RESAMPLED)
    ]
    series.sort(key=lambda entry: [(entry[0][name] is None, entry[0][name]) for name in ORDER])
    at_once = max(1, PIECE // max(1, count))
    for first in range(0, len(series), at_once):
        yield _piece(series[first : first + at_once], count)


def _piece(series: Sequence[tuple[dict[str, Any], np.ndarray]], count: int) -> pa.Table:
    """Some series; texts as dictionaries, of which a table holds each once."""
    columns: dict[str, pa.Array] = {}
    for each in REPLICATES:
        if each.name == "value":
            columns[each.name] = pa.array(np.concatenate([v for _, v in series]), from_pandas=True)
        elif each.name == "replicate":
            columns[each.name] = pa.array(np.tile(np.arange(count, dtype=np.int32), len(series)))
        else:
            codes = pa.array(
                [described[each.name] for described, _ in series], pa.string()
            ).dictionary_encode()
            indices = np.repeat(codes.indices.fill_null(-1).to_numpy(), count).astype(np.int32)
            columns[each.name] = pa.DictionaryArray.from_arrays(
                pa.array(indices, mask=indices < 0), codes.dictionary
            )
    return pa.table(columns, schema=REPLICATES)
