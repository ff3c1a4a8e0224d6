"""Run matrices: the measurement table as one matrix per corpus and optimizer.

One row per run, one column per series (suite, prompt, metric, group), and item replicates on a third axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.keys import FAMILY, SERIES, CurveKey, FamilyKey
from relscale.measurements.measurement import Unit
from relscale.measurements.metric import VALIDATION, Metric
from relscale.storage import arrow_compute as pc
from relscale.storage.columns import numbers

if TYPE_CHECKING:
    import pyarrow.dataset  # the import takes 0.3 s

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
    "status": pa.string(),
}
Replicates: TypeAlias = "pa.Table | pyarrow.dataset.Dataset"  # a data set is read in batches
FRUGAL: dict[str, Any] = {"batch_size": 1 << 17, "batch_readahead": 1, "fragment_readahead": 1}
RUN = (*FAMILY, "run", "step")


class Series(NamedTuple):
    """The key of a matrix's column."""

    suite: str
    prompt: str | None
    metric: str
    group: str


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
        (K,) smallest number of clusters of a series' items; nan for independent items.
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
    words = {name: _vocabulary(table[name]) for name in dict.fromkeys(RUN + SERIES)}
    runs, run_of = np.unique(_code(table, RUN, words), return_inverse=True)
    kinds, series_of = np.unique(_code(table, SERIES, words), return_inverse=True)

    cell = run_of * len(kinds) + series_of
    cells, first, copies = np.unique(cell, return_index=True, return_counts=True)
    if len(cells) < len(cell):
        row = {name: table[name][int(first[copies > 1][0])].as_py() for name in RUN[3:] + SERIES}
        raise RelscaleError(
            f"measurements: {copies.max()} rows for one number ({_words(row)}); keep one, or give them different "
            "names in 'run'"
        )
    flops = _floats(table, "training_flops")
    values = np.full((len(runs), len(kinds)), np.nan)
    status = table["status"].fill_null("ok").to_numpy(zero_copy_only=False)
    value = _floats(table, "value")
    values[run_of, series_of] = np.where((status == "ok") & np.isfinite(value), value, np.nan)

    row_of_run = np.unique(run_of, return_index=True)[1]
    differing = np.flatnonzero(flops != flops[row_of_run][run_of])
    if len(differing):
        name = table["run"][int(differing[0])].as_py()
        raise RelscaleError(
            f"measurements: rows of run {name!r} differ in training_flops; all rows of a run (and step) must have "
            f"the same value"
        )
    clusters = _clusters(table, series_of, len(kinds), independent)
    draws = _replicates(replicates, words, runs, kinds, np.isfinite(clusters))
    draws = unbiased(draws, values, clusters)

    names = [Series(*key) for key in _decode(kinds, SERIES, words)]
    is_validation = np.array([(s.suite, s.group, s.metric) == VALIDATION for s in names])
    validation = is_validation[series_of]
    run_status = np.full(len(runs), "ok", dtype=object)
    run_status[run_of[validation]] = status[validation]
    loss = values[:, is_validation][:, 0] if is_validation.any() else np.full(len(runs), np.nan)
    lost = np.isin(np.arange(len(runs)), run_of[validation]) & np.isnan(loss) & (run_status == "ok")
    run_status[lost] = "no validation loss"

    measured = np.zeros(values.shape, dtype=bool)
    measured[run_of, series_of] = True
    sources, rates = _error_rates(names)
    names += rates
    measured = np.concatenate([measured, measured[:, sources]], axis=1)
    rate = 1 - values[:, sources]
    values = np.concatenate([values, np.where(rate > 0, rate, np.nan)], axis=1)
    draws = np.concatenate([draws, 1 - draws[:, sources]], axis=1)
    clusters = np.concatenate([clusters, clusters[sources]])

    budget, params, tokens = (_spent(table, name)[row_of_run] for name in ("budget", "params", "tokens"))
    flops = flops[row_of_run]
    block = table["block"].to_pylist()
    matrix_of = [key[:3] for key in _decode(runs, RUN, words)]
    run_names = [key[3] for key in _decode(runs, RUN, words)]
    result = []
    for key in dict.fromkeys(matrix_of):
        of_matrix = np.array([i for i, other in enumerate(matrix_of) if other == key])
        by_compute = np.lexsort((tokens[of_matrix], flops[of_matrix]))
        rows = of_matrix[by_compute]
        known_series = np.flatnonzero(measured[rows].any(axis=0))
        result.append(
            RunMatrix(
                experiment=key[0],
                corpus=key[1],
                optimizer=key[2],
                run=[run_names[row] for row in rows],
                block=[block[row_of_run[row]] for row in rows],
                status=[str(run_status[row]) for row in rows],
                training_flops=flops[rows],
                loss=loss[rows],
                series=[names[i] for i in known_series],
                values=values[np.ix_(rows, known_series)],
                replicates=draws[np.ix_(rows, known_series)],
                clusters=clusters[known_series],
                budget=budget[rows],
                params=params[rows],
                tokens=tokens[rows],
            )
        )
    return result


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
    status = measurements["status"].fill_null("ok").to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(~placed & ((status == "ok") | ~placed.any()))
    if len(wrong):
        name = measurements["run"][int(wrong[0])].as_py()
        raise RelscaleError(f"measurements: training_flops of run {name!r} is not a positive number")
    return measurements if placed.all() else measurements.filter(pa.array(placed))


def _clusters(table: pa.Table, series_of: NDArray[np.int64], count: int, independent: bool) -> Floats:
    """(K,) the smallest number of clusters of each series' items; nan for independent items."""
    least = np.full(count, np.inf)
    if not independent:
        number = _floats(table, "clusters")
        np.minimum.at(least, series_of, np.where(np.isfinite(number), number, np.inf))
    return np.where(np.isfinite(least), least, np.nan)


def unbiased(draws: Floats, values: Floats, clusters: Floats) -> Floats:
    """Draws of C clusters rescaled around the value, so that their variance is C / (C − 1) times as large."""
    columns = np.flatnonzero(clusters > 1)
    if draws.shape[-1] and len(columns):
        far = np.sqrt(clusters[columns] / (clusters[columns] - 1))[:, None]
        centre = values[:, columns, None]
        draws[:, columns] = centre + far * (draws[:, columns] - centre)
    return draws


def _replicates(
    table: "Replicates | None",
    words: dict[str, pa.Array],
    runs: NDArray[np.int64],
    kinds: NDArray[np.int64],
    clustered: NDArray[np.bool_],
) -> Floats:
    """Replicates (R, K, B) from the long table, read in batches: for the paper's runs it has 26 million rows.

    For a series with draws of clusters and of single items, those of clusters if it is ``clustered``.
    """
    if table is None:
        return np.full((len(runs), len(kinds), 0), np.nan)
    from pyarrow.dataset import dataset

    rows = dataset(table) if isinstance(table, pa.Table) else table
    names = [name for name in RUN + SERIES if name in rows.schema.names]
    last = [
        pc.max(batch["replicate"]).as_py()
        for batch in rows.to_batches(columns=["replicate"], **FRUGAL)
        if batch.num_rows
    ]
    count = max(last, default=-1) + 1
    draws = np.full((len(runs), len(kinds), count), np.nan)
    units = ["unit"] if "unit" in rows.schema.names else []
    for batch in rows.to_batches(columns=[*names, *units, "replicate", "value"], **FRUGAL):
        part = pa.Table.from_batches([batch])
        row, column = (_row_numbers(part, of, codes, words) for of, codes in ((RUN, runs), (SERIES, kinds)))
        unknown = np.flatnonzero((row < 0) | (column < 0))
        if len(unknown):
            names_of_replicate = [name for name in RUN[3:] + SERIES if name in names]
            key = {name: part[name][int(unknown[0])].as_py() for name in names_of_replicate}
            raise RelscaleError(
                f"replicates: {_words(key)} is not in the measurements; collect both from the same items"
            )
        number, value = part["replicate"].to_numpy(), _floats(part, "value")
        if units:
            other = np.where(clustered[column], str(Unit.ITEM), str(Unit.CLUSTER))
            of_unit = pc.not_equal(part["unit"].cast(pa.string()), pa.array(other)).fill_null(True).to_numpy()
            row, column, number, value = (
                row[of_unit],
                column[of_unit],
                number[of_unit],
                value[of_unit],
            )
        draws[row, column, number] = value
    return draws


def _row_numbers(
    table: pa.Table, names: Sequence[str], codes: NDArray[np.int64], words: dict[str, pa.Array]
) -> NDArray[np.int64]:
    """Position in ``codes`` of each row of ``table``, by those of the columns ``names`` that it has; −1 if absent.

    Raises
    ------
    RelscaleError
        Two of ``codes`` differ only in columns that the table lacks.
    """
    shared = [name for name in names if name in table.column_names]
    digits = dict(zip(names, np.unravel_index(codes, [len(words[name]) for name in names]), strict=True))
    known = pa.table({name: words[name].take(pa.array(digits[name])) for name in shared})
    order = np.argsort(known_code := _code(known, shared, words))
    if len(np.unique(known_code)) < len(codes):
        missing = ", ".join(name for name in names if name not in shared)
        raise RelscaleError(f"replicates: they need the columns {missing}, by which the measurements differ")
    code = _code(table, shared, words)
    place = order[np.searchsorted(known_code[order], code).clip(max=len(order) - 1)]
    return np.where(known_code[place] == code, place, -1)


def _error_rates(names: list[Series]) -> tuple[list[int], list[Series]]:
    """Columns for which a series ``1 − metric`` is added, and its name."""
    rates = [(i, name, Metric.parse(name.metric).error_rate) for i, name in enumerate(names)]
    pairs = [(i, name._replace(metric=rate)) for i, name, rate in rates if rate]
    pairs = [(i, rate) for i, rate in pairs if rate not in names]
    return [i for i, _ in pairs], [rate for _, rate in pairs]


def _vocabulary(column: pa.ChunkedArray) -> pa.Array:
    """The sorted distinct values, null first."""
    values = pc.unique(column.drop_null())
    values = values.take(pc.sort_indices(values))
    return pa.concat_arrays([pa.nulls(1, values.type), values]) if column.null_count else values


def _code(table: pa.Table, names: Sequence[str], words: dict[str, pa.Array]) -> NDArray[np.int64]:
    """An integer per row that sorts as its key does; −1 if a value is not in the vocabulary."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    unknown = np.zeros(table.num_rows, dtype=bool)
    for name in names:
        digits = _positions(table[name], words[name])
        unknown |= digits < 0
        code = code * len(words[name]) + digits
    return np.where(unknown, -1, code)


def _positions(column: pa.ChunkedArray, words: pa.Array) -> NDArray[np.int64]:
    """Position in ``words`` of each value; −1 if absent. Each entry of a dictionary column is looked up once."""
    if not pa.types.is_dictionary(column.type):
        return _found(column.cast(words.type), words)
    encoded = column.unify_dictionaries().combine_chunks()
    entries = pa.concat_arrays([encoded.dictionary.cast(words.type), pa.nulls(1, words.type)])
    numbers = encoded.indices.fill_null(len(entries) - 1).to_numpy()
    positions: NDArray[np.int64] = _found(entries, words)[numbers]
    return positions


def _found(values: pa.Array | pa.ChunkedArray, words: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = pc.index_in(values, value_set=words).fill_null(-1).to_numpy()
    return found


def _decode(
    codes: NDArray[np.int64], names: Sequence[str], words: dict[str, pa.Array]
) -> list[tuple[Any, ...]]:
    digits = np.unravel_index(codes, [len(words[name]) for name in names])
    columns = [
        words[name].take(pa.array(digit)).to_pylist() for name, digit in zip(names, digits, strict=True)
    ]
    return list(zip(*columns, strict=True))


def _spent(table: pa.Table, name: str) -> Floats:
    """A column of positive numbers as float64; nan for all others."""
    spent = _floats(table, name)
    return np.where(np.isfinite(spent) & (spent > 0), spent, np.nan)


def _floats(table: pa.Table, name: str) -> Floats:
    """A column as float64, null as nan."""
    floats: Floats = numbers(table[name], f"measurements: column {name!r}").to_numpy().astype(float)
    return floats


def _words(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
