"""Run matrices: the measurement table as one matrix per corpus and optimizer.

One row per run, one column per series (suite, prompt, metric, group), and item replicates on a third axis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.curves.key_codes import Vocabulary
from relscale.fitting.curves.replicate_array import Replicates, named, replicate_array, unbiased
from relscale.fitting.keys import FAMILY, RUN, SERIES, CurveKey, FamilyKey
from relscale.measurements.metric import VALIDATION, Metric
from relscale.storage.columns import numbers

Floats = NDArray[np.float64]

NEEDED = ("corpus", "run", "training_flops", "suite", "group", "metric", "value")
OPTIONAL = {
    "experiment": pa.string(),
    "optimizer": pa.string(),
    "step": pa.int64(),
    "block": pa.string(),
    "budget": pa.float64(),
    "params": pa.float64(),
    "tokens": pa.float64(),
    "prompt": pa.string(),
    "clusters": pa.int64(),
    "effective_clusters": pa.float64(),
    "status": pa.string(),
}


class Series(NamedTuple):
    """The key of a matrix's column."""

    suite: str
    prompt: str | None
    metric: str
    group: str


@dataclass(frozen=True)
class ItemResponses:
    """The responses of R runs to the k questions behind one error rate, which is ``1 − right @ weight``.

    Attributes
    ----------
    right
        (R, k) 1 if right, 0 if wrong, nan if missing.
    weight
        (k,) share of each question in the error rate: equal shares of the questions, or of the subjects.
    chance
        Accuracy of a guess; 0 if unknown.
    """

    right: Floats
    weight: Floats
    chance: float


@dataclass(frozen=True)
class RunMatrix:
    """All runs of one corpus and optimizer, by compute, then tokens; R runs, K series, B replicates.

    Attributes
    ----------
    run, block, status
        (R,) names; a run's status is that of its validation loss, "ok" without one.
    budget, training_flops, params, tokens
        (R,), nan if unknown or not positive.
    loss
        (R,) validation loss in nats per token, nan if missing or excluded by its status.
    values
        (R, K), nan if missing, not finite or excluded by its status.
    replicates
        (R, K, B), nan if missing. Draws of C clusters are scaled by √(C / (C − 1)) for an unbiased variance.
    clusters
        (K,) smallest effective number of clusters of a series' items; nan for independent items.
    flags
        (R, K) the status of each measurement, "ok" where there is none.
    step
        (R,) steps of checkpoints; empty if unknown.
    responses
        The item responses behind the error rates that are forecast, if they are known.
    """

    experiment: str | None
    corpus: str
    optimizer: str | None
    run: list[str]
    block: list[str | None]
    status: list[str]
    budget: Floats
    training_flops: Floats
    params: Floats
    tokens: Floats
    loss: Floats
    series: list[Series]
    values: Floats
    replicates: Floats
    clusters: Floats | None = None
    flags: NDArray[np.object_] | None = None
    step: list[int | None] = field(default_factory=list)
    responses: Mapping[Series, ItemResponses] = field(default_factory=dict)

    @property
    def training(self) -> list[str]:
        """The training run of each run (R,): its block, else the run itself."""
        return [block or run for block, run in zip(self.block, self.run, strict=True)]

    @property
    def key(self) -> FamilyKey:
        """Key of these runs in tables."""
        return FamilyKey(experiment=self.experiment, corpus=self.corpus, optimizer=self.optimizer)

    def curve_key(self, series: Series, baseline: str | None = None) -> CurveKey:
        """Key in tables of this series, and of the baseline that it is compared with."""
        return CurveKey(
            experiment=self.experiment,
            corpus=self.corpus,
            optimizer=self.optimizer,
            **series._asdict(),
            baseline=baseline,
            contrast=None if baseline is None else "group",
        )


def run_matrices(
    measurements: pa.Table, replicates: "Replicates | None" = None, independent: bool = False
) -> list[RunMatrix]:
    """Read both tables into run matrices, sorted by experiment, corpus and optimizer.

    Replicates are those of clusters of items if items are in clusters; with ``independent``, always those of single
    items.

    The order of rows does not matter. ``1 − accuracy`` is added as a series ``error_rate``, except if it is 0,
    because an error of 0 has no logarithm.

    Raises
    ------
    RelscaleError
        A required column is missing, there are no rows, a measurement is duplicated, rows of a run differ in compute,
        an ok row has no compute, or replicates belong to a run that is not in ``measurements``.
    """
    table = _checked(measurements)
    vocabulary = Vocabulary.of(table, dict.fromkeys(RUN + SERIES))
    runs, first_row, run_of = np.unique(vocabulary.codes(table, RUN), return_index=True, return_inverse=True)
    kinds, series_of = np.unique(vocabulary.codes(table, SERIES), return_inverse=True)
    _refuse_copies(table, run_of * len(kinds) + series_of)
    _refuse_other_compute(table, first_row[run_of])
    shape, status, value = (len(runs), len(kinds)), _statuses(table), _floats(table, "value")
    values, measured = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    flags = np.full(shape, "ok", dtype=object)
    flags[run_of, series_of] = status
    values[run_of, series_of] = np.where((status == "ok") & np.isfinite(value), value, np.nan)
    measured[run_of, series_of] = True
    number, clusters = _clusters(table, series_of, len(kinds), independent)
    draws = replicate_array(replicates, vocabulary, runs, kinds, np.isfinite(clusters))
    series = [Series(*key) for key in vocabulary.keys(kinds, SERIES)]
    is_validation = np.array([(s.suite, s.group, s.metric) == VALIDATION for s in series])
    loss = values[:, is_validation][:, 0] if is_validation.any() else np.full(len(runs), np.nan)
    run_status = _of_validation(status, run_of, is_validation[series_of], loss)
    cells = _with_error_rates(
        _Cells(series, measured, values, unbiased(draws, values, number), clusters, flags)
    )

    names, blocks = vocabulary.keys(runs, RUN), table["block"].take(pa.array(first_row)).to_pylist()
    flops = _floats(table, "training_flops")[first_row]
    budget, params, tokens = (_spent(table, name)[first_row] for name in ("budget", "params", "tokens"))
    matrices = []
    for experiment, corpus, optimizer in dict.fromkeys(name[: len(FAMILY)] for name in names):
        family = (experiment, corpus, optimizer)
        rows = np.array([i for i, name in enumerate(names) if name[: len(FAMILY)] == family])
        rows = rows[np.lexsort((tokens[rows], flops[rows]))]
        columns = np.flatnonzero(cells.measured[rows].any(axis=0))
        matrices.append(
            RunMatrix(
                experiment=experiment,
                corpus=corpus,
                optimizer=optimizer,
                run=[names[row][len(FAMILY)] for row in rows],
                step=[names[row][len(FAMILY) + 1] for row in rows],
                block=[blocks[row] for row in rows],
                status=[str(run_status[row]) for row in rows],
                training_flops=flops[rows],
                loss=loss[rows],
                series=[cells.series[i] for i in columns],
                values=cells.values[np.ix_(rows, columns)],
                replicates=cells.draws[np.ix_(rows, columns)],
                clusters=cells.clusters[columns],
                flags=cells.flags[np.ix_(rows, columns)],
                budget=budget[rows],
                params=params[rows],
                tokens=tokens[rows],
            )
        )
    return matrices


class _Cells(NamedTuple):
    """The numbers of all runs and series, before they are split by corpus and optimizer."""

    series: list[Series]
    measured: NDArray[np.bool_]
    values: Floats
    draws: Floats
    clusters: Floats
    flags: NDArray[np.object_]


def _with_error_rates(cells: _Cells) -> _Cells:
    """With a series ``1 − accuracy`` for each accuracy, unless it is measured."""
    rates = [Metric.parse(series.metric).error_rate for series in cells.series]
    added = {
        i: cells.series[i]._replace(metric=rate)
        for i, rate in enumerate(rates)
        if rate and cells.series[i]._replace(metric=rate) not in cells.series
    }
    of = list(added)
    rate = 1 - cells.values[:, of]
    return _Cells(
        [*cells.series, *added.values()],
        np.concatenate([cells.measured, cells.measured[:, of]], axis=1),
        np.concatenate([cells.values, np.where(rate > 0, rate, np.nan)], axis=1),
        np.concatenate([cells.draws, 1 - cells.draws[:, of]], axis=1),
        np.concatenate([cells.clusters, cells.clusters[of]]),
        np.concatenate([cells.flags, cells.flags[:, of]], axis=1),
    )


def _refuse_copies(table: pa.Table, cell: NDArray[np.int64]) -> None:
    """Refuse two rows of one cell."""
    _, first, copies = np.unique(cell, return_index=True, return_counts=True)
    if (copies > 1).any():
        row = {name: table[name][int(first[copies > 1][0])].as_py() for name in RUN[len(FAMILY) :] + SERIES}
        raise RelscaleError(
            f"measurements: {copies.max()} rows for one number ({named(row)}); keep one, or give them different "
            "names in 'run'"
        )


def _refuse_other_compute(table: pa.Table, first_row: NDArray[np.int64]) -> None:
    """Refuse rows whose compute differs from that of their run's first row."""
    flops = _floats(table, "training_flops")
    differing = np.flatnonzero(flops != flops[first_row])
    if len(differing):
        name = table["run"][int(differing[0])].as_py()
        raise RelscaleError(
            f"measurements: rows of run {name!r} differ in training_flops; all rows of a run (and step) must have "
            f"the same value"
        )


def _of_validation(
    status: NDArray[np.object_], run_of: NDArray[np.int64], validation: NDArray[np.bool_], loss: Floats
) -> NDArray[np.object_]:
    """The status of each run: that of its validation loss, whose rows are ``validation``."""
    run_status = np.full(len(loss), "ok", dtype=object)
    run_status[run_of[validation]] = status[validation]
    lost = np.isin(np.arange(len(loss)), run_of[validation]) & np.isnan(loss) & (run_status == "ok")
    run_status[lost] = "no validation loss"
    return run_status


def _checked(measurements: pa.Table) -> pa.Table:
    missing = [name for name in NEEDED if name not in measurements.column_names]
    if missing:
        raise RelscaleError(
            f"measurements: no column {', '.join(map(repr, missing))}; it has {', '.join(measurements.column_names)}"
        )
    if measurements.num_rows == 0:
        raise RelscaleError("measurements: no rows; score some models or name another table")
    for name, kind in OPTIONAL.items():
        if name not in measurements.column_names:
            measurements = measurements.append_column(name, pa.nulls(measurements.num_rows, kind))
    flops = _floats(measurements, "training_flops")
    placed = np.isfinite(flops) & (flops > 0)
    status = _statuses(measurements)
    wrong = np.flatnonzero(~placed & ((status == "ok") | ~placed.any()))
    if len(wrong):
        name = measurements["run"][int(wrong[0])].as_py()
        raise RelscaleError(f"measurements: training_flops of run {name!r} is not a positive number")
    return measurements if placed.all() else measurements.filter(pa.array(placed))


def _clusters(
    table: pa.Table, series_of: NDArray[np.int64], count: int, independent: bool
) -> tuple[Floats, Floats]:
    """(K,) the smallest number of clusters of each series' items, and (K,) the smallest effective number, which is
    the number itself if the table lacks it; nan for independent items.
    """
    if independent:
        return np.full(count, np.nan), np.full(count, np.nan)
    number, effective = (_floats(table, name) for name in ("clusters", "effective_clusters"))
    least = np.full((2, count), np.inf)
    np.fmin.at(least[0], series_of, number)
    np.fmin.at(least[1], series_of, np.where(np.isfinite(effective), effective, number))
    least[np.isinf(least)] = np.nan
    return least[0], least[1]


def _statuses(table: pa.Table) -> NDArray[np.object_]:
    """The status of each row, "ok" by default."""
    statuses: NDArray[np.object_] = table["status"].fill_null("ok").to_numpy(zero_copy_only=False)
    return statuses


def _spent(table: pa.Table, name: str) -> Floats:
    """A column of positive numbers as float64; nan for all others."""
    spent = _floats(table, name)
    return np.where(np.isfinite(spent) & (spent > 0), spent, np.nan)


def _floats(table: pa.Table, name: str) -> Floats:
    """A column as float64, null as nan."""
    floats: Floats = numbers(table[name], f"measurements: column {name!r}").to_numpy().astype(float)
    return floats
