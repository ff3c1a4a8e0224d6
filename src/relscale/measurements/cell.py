"""Cells of the measurement table: the metrics of one model on one group under one prompt, from its items."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.measurements.comparable import GroupRequests, group_requests
from relscale.measurements.draws import Draws
from relscale.measurements.measurement import Model
from relscale.measurements.metrics import effective_clusters, replicate_values, values
from relscale.measurements.options import Collect
from relscale.measurements.ratio_terms import ratio_terms, shared_clusters
from relscale.measurements.responses import Responses, responses_of
from relscale.measurements.samples import Place
from relscale.measurements.task_metrics import task_metrics
from relscale.scoring.items import ItemStatus
from relscale.scoring.task_metrics_job import read_task_metrics

SUBJECTS = "_subjects"  # suffix of the suite that has a suite's subjects as groups
OF_TARGETS = (
    ItemStatus.UNLABELLED,
    ItemStatus.OUTSIDE,
    ItemStatus.DISPUTED,
)  # flags that concern labels


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
    effective_clusters: np.ndarray | None  # of each metric
    subject_units: tuple[int, ...]  # resampled units of each subject
    units: Mapping[str, str]  # the resampled unit of each document, if not the document itself
    bytes: int
    flagged: Counter[ItemStatus]
    empty: int
    unknown: float
    has_choices: bool
    requests: GroupRequests
    responses: Responses | None

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
        The suite, prompt and group of the items: those of the cell, or of the group of the cell's subject.
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
    """Data shared by models, stored once: draws by the names of documents or clusters, and requests of groups by their
    digest."""

    draws: Draws
    requests: dict[bytes, GroupRequests]


def cells_of_items(
    items: pa.Table, prepared: bool, options: Collect, shared: Shared
) -> Iterator[tuple[Place, Cell]]:
    """A cell per prompt and group of items, and per subject for suites whose subjects are measured separately."""
    groups = items.group_by(["suite", "prompt", "group"], use_threads=False).aggregate([]).to_pylist()
    suites = {
        suite: shared_clusters(items.filter(pc.field("suite") == suite))
        for suite in items["suite"].unique().to_pylist()
    }
    for row in groups:
        suite, prompt, group = place = row["suite"], row["prompt"], row["group"]
        part = items.filter(
            (pc.field("suite") == suite) & (pc.field("prompt") == prompt) & (pc.field("group") == group)
        )
        yield place, _cell(part, place, prepared, shared, suites[suite])
        if suite in options.subjects:
            for subject in part["subject"].drop_null().unique().to_pylist():
                of_subject = _without_subjects(part.filter(pc.field("subject") == subject))
                subject_key = suite + SUBJECTS, prompt, subject
                yield place, _cell(of_subject, subject_key, prepared, shared, suites[suite])


def _without_subjects(table: pa.Table) -> pa.Table:
    """The rows of one subject without the subject, because a subject as a group has no subjects to average over."""
    index = table.column_names.index("subject")
    return table.set_column(index, "subject", pa.nulls(table.num_rows, pa.string()))


def _cell(part: pa.Table, place: Place, prepared: bool, shared: Shared, clusters: frozenset[str]) -> Cell:
    group = ratio_terms(part, clusters)
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
        effective_clusters(group),
        group.subject_units,
        {} if group.clusters is None else dict(zip(group.doc_ids, group.units, strict=True)),
        group.bytes,
        group.flagged,
        group.empty,
        group.unknown,
        group.has_choices,
        shared.requests.setdefault(content.digest, content),
        responses_of(group),
    )


class ReportedMetrics:
    """The metrics reported by lm-eval's tasks for one model, to be added to those of its groups."""

    def __init__(self, tables: Sequence[str | pa.Table], prepared: Mapping[str, Path], draws: Draws):
        read = [table if isinstance(table, pa.Table) else read_task_metrics(table) for table in tables]
        self.values = pa.concat_tables(read) if read else None
        self.prepared, self.draws = prepared, draws

    def added(self, cell: Cell, group: str, subject: str | None = None) -> Cell:
        """The cell with lm-eval's metrics added, and without its own if its items' targets are meaningless."""
        if self.values is None:
            return cell
        suite = cell.suite if subject is None else cell.suite.removesuffix(SUBJECTS)
        condition = (
            (pc.field("suite") == suite) & (pc.field("prompt") == cell.prompt) & (pc.field("group") == group)
        )
        reported = self.values.filter(
            condition if subject is None else condition & (pc.field("subject") == subject)
        )
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
                effective_clusters=None if cell.effective_clusters is None else np.empty(0),
                independent=cell.independent and Independent(np.empty(0), none),
                flagged=flagged,
                responses=None,
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
        effective = cell.effective_clusters
        if effective is not None:
            sizes = np.array([*Counter(cell.units.values()).values()], dtype=float)
            effective = np.append(effective, [sizes.sum() ** 2 / (sizes**2).sum()] * len(added))
        if cell.flagged[ItemStatus.NO_NUMBER]:
            nothing = np.full(self.draws.count, np.nan)
            added = [replace(metric, value=np.nan, stderr=np.nan, replicates=nothing) for metric in added]
        return replace(
            cell,
            metrics=cell.metrics + tuple(metric.name for metric in added),
            values=np.append(cell.values, [metric.value for metric in added]),
            stderrs=np.append(cell.stderrs, [metric.stderr for metric in added]),
            replicates=np.column_stack([cell.replicates, *(metric.replicates for metric in added)]),
            effective_clusters=effective,
            independent=alone,
        )
