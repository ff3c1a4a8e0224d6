"""Collection of item scores into the measurement table and its bootstrap replicates."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.measurements.cell import Cell, ModelCell, ReportedMetrics, Shared, cells_of_items
from relscale.measurements.comparable import (
    Difference,
    differences,
    equal_log_probabilities,
    log_probability_digests,
)
from relscale.measurements.draws import Draws
from relscale.measurements.item_report import report_items
from relscale.measurements.measurement import (
    MEASUREMENTS,
    Measurement,
    Model,
    measurement,
)
from relscale.measurements.metric import VALIDATION, Metric
from relscale.measurements.options import Collect
from relscale.measurements.ratio_terms import UNUSABLE
from relscale.measurements.replicates import ORDER, replicate_pieces
from relscale.measurements.responses import ModelResponses, response_pieces
from relscale.measurements.runs import Loss, Measured
from relscale.measurements.samples import Place
from relscale.measurements.sanity import flag_impossible
from relscale.measurements.status import Status, joined, of_items, unknown_characters
from relscale.scoring.items import ItemStatus
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.rows import table_of


class Collected(NamedTuple):
    """The tables of an experiment.

    Attributes
    ----------
    measurements
        `relscale.measurements.measurement.Measurement` rows, including those of the validation loss. A run that
        diverged has only the latter, with null values and its status.
    replicates
        `relscale.measurements.measurement.Replicate` rows, for every error that comes from items. They are tens of
        millions in a large experiment, and therefore come in pieces, made on demand.
    responses
        `relscale.measurements.measurement.Response` rows, for every question, in pieces as well.
    """

    measurements: pa.Table
    replicates: Iterator[pa.Table]
    responses: Iterator[pa.Table]


def collect(
    runs: Iterable[Measured],
    experiment: str,
    options: Collect,
    seed: int,
    prepared: Mapping[str, Path] | None = None,
) -> Collected:
    """Measurements, replicates and responses of all runs.

    Parameters
    ----------
    runs
        Models, with their items.
    experiment
        Name of the experiment.
    options
        The config's section ``collect``.
    seed
        Seed of the bootstrap draws.
    prepared
        Folders of prepared suites by name; lm-eval's tasks in them state how their own metrics are aggregated.

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
        reported = ReportedMetrics(run.task_metrics, prepared or {}, shared.draws)
        for items in map(_table, run.items):
            for source, cells_of_source in cells_of_items(items, run.prepared, options, shared):
                cell = reported.added(
                    cells_of_source,
                    source[2],
                    cells_of_source.group if cells_of_source.suite != source[0] else None,
                )
                cells.append(ModelCell(model, source, cell, [run.status, *run.flags.get(source, ())]))
            if run.listed:
                digests = log_probability_digests(items)
                numbers += [(model.run, suite, digest) for suite, digest in digests.items()]
    copies = equal_log_probabilities(numbers)
    for collected, differing in zip(
        cells, _differences([collected.cell for collected in cells]), strict=True
    ):
        collected.flags.extend(copies.get((collected.model.run, collected.source[0]), ()))
        for difference in differing:
            is_accepted = options.prompts == "any" and difference.status is Status.OTHER_PROMPT
            (collected.accepted if is_accepted else collected.flags).append(str(difference))
        rows += _rows(collected, options.cut)
    missing = list(_missing(cells, scored))
    report_items(cells, missing, options.cut)
    table = flag_impossible(table_of(Measurement, rows + missing).cast(MEASUREMENTS))
    return Collected(
        table.sort_by([(column, "ascending") for column in ORDER]),
        replicate_pieces(cells, options.replicates),
        response_pieces(
            ModelResponses(collected.model, *collected.cell.place, responses)
            for collected in cells
            if (responses := collected.cell.responses) is not None
        ),
    )


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
    """Rows without a value for models that lack a group of others."""
    groups: dict[Place, Cell] = {}
    for collected in cells:
        groups.setdefault(collected.cell.place, collected.cell)
    present = {(collected.model, collected.cell.place) for collected in cells}
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
    """Differences of each cell's items from those of the other models on the same group."""
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
        raise RelscaleError(f"{items}: these items are listed but missing; score again")
    return read_parquet(items)


def _rows(model_cell: ModelCell, cut: float) -> Iterator[Measurement]:
    cell = model_cell.cell
    of_group = [*_statuses(cell, cut), *model_cell.flags]
    has_unknown = cell.unknown > cut
    unknown = np.full(len(cell.values), np.nan)
    alone = unknown if cell.independent is None else cell.independent.stderrs
    effective = unknown if cell.effective_clusters is None else cell.effective_clusters
    columns = cell.values.tolist(), cell.stderrs.tolist(), alone.tolist(), effective.tolist()
    for metric, value, stderr, stderr_items, clusters in zip(cell.metrics, *columns, strict=True):
        known = np.isfinite(value)
        untrue = has_unknown and not (cell.has_choices and Metric.parse(metric).compares_choices)
        of_metric = [*of_group, unknown_characters(cell.unknown)] if untrue else of_group
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
            effective_clusters=clusters,
            bytes=cell.bytes,
            status=joined(of_metric if known else [*of_metric, *_without_value(cell)]),
        )


def _statuses(cell: Cell, cut: float) -> Iterator[str]:
    """Problems of a group as a whole."""
    for status in (*map(Status, UNUSABLE), Status.REPEATED, Status.CUT):
        count = cell.flagged[ItemStatus(status)]
        if count > (cut * cell.items if status is Status.CUT else 0):
            yield of_items(status, count, cell.items)


def _without_value(cell: Cell) -> list[str]:
    """Why a metric has no value, if its items have no flag for it."""
    if any(cell.flagged[status] for status in UNUSABLE):
        return []
    if cell.empty:
        return [of_items(Status.EMPTY, cell.empty, cell.items)]
    short = cell.flagged[ItemStatus.TOO_SHORT]
    return [of_items(Status.TOO_SHORT, short, cell.items + short) if short else str(Status.NO_NUMBER)]
