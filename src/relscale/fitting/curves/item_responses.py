"""Reading of item responses, the answers behind an error rate, into run matrices."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.fitting.curves.key_codes import Integers, Vocabulary
from relscale.fitting.curves.run_matrix import ItemResponses, RunMatrix, Series
from relscale.fitting.keys import RUN
from relscale.fitting.settings import Settings
from relscale.measurements.measurement import Response
from relscale.measurements.metric import Metric
from relscale.measurements.responses import COLUMNS
from relscale.storage import arrow_compute as pc
from relscale.storage.rows import names_of
from relscale.storage.tables import listed

if TYPE_CHECKING:
    import pyarrow.dataset  # the import takes 0.3 s

ResponseTable: TypeAlias = "pa.Table | pyarrow.dataset.Dataset"

OF_ERROR_RATE = {metric.replace("accuracy", "error_rate"): column for metric, column in COLUMNS.items()}
SAME = 1e-6  # difference of equal error rates


def with_responses(
    matrices: Sequence[RunMatrix], table: "ResponseTable | None", settings: Settings
) -> list[RunMatrix]:
    """The matrices with the responses behind each error rate that is forecast; others are not read.

    Parameters
    ----------
    table
        Rows of `relscale.measurements.measurement.Response`.

    Raises
    ------
    RelscaleError
        The table lacks a column, or the responses have another error rate than the measurements.
    """
    needed = {series._replace(metric="") for matrix in matrices for series in _forecast(matrix, settings)}
    if table is None or not needed:
        return list(matrices)
    missing = [name for name in names_of(Response) if name not in table.schema.names]
    if missing:
        raise RelscaleError(f"responses: no column {listed(missing, 3)}; relscale collect writes them")
    read = {place: _rows(table, place) for place in needed}
    return [
        replace(
            matrix,
            responses={
                series: responses
                for series in _forecast(matrix, settings)
                if (responses := _of_series(matrix, series, read[series._replace(metric="")], settings))
            },
        )
        for matrix in matrices
    ]


def _forecast(matrix: RunMatrix, settings: Settings) -> Iterator[Series]:
    """The error rates of a matrix that are forecast."""
    for series in matrix.series:
        if Metric.parse(series.metric).quantity not in OF_ERROR_RATE:
            continue
        if settings.fits(series.suite, series.metric) and settings.analyses_of(series.suite, series.metric):
            yield series


def _rows(table: "ResponseTable", place: Series) -> pa.Table:
    """The responses of all models to one group under one prompt form."""
    of_place = (
        (pc.field("suite") == place.suite)
        & (pc.field("group") == place.group)
        & (pc.field("prompt") == place.prompt)
    )
    rows = table.filter(of_place)
    return rows if isinstance(rows, pa.Table) else rows.to_table()


def _of_series(matrix: RunMatrix, series: Series, rows: pa.Table, settings: Settings) -> ItemResponses | None:
    """The responses of a matrix's runs behind one error rate; None if there are none."""
    metric = Metric.parse(series.metric)
    right = rows[OF_ERROR_RATE[metric.quantity]].cast(pa.float64()).to_numpy()
    row_of = {
        (matrix.experiment, matrix.corpus, matrix.optimizer, run, step): row
        for row, (run, step) in enumerate(zip(matrix.run, matrix.step, strict=True))
    }
    vocabulary = Vocabulary.of(rows, dict.fromkeys(RUN))
    codes, run_of = np.unique(vocabulary.codes(rows, RUN), return_inverse=True)
    position = np.array([row_of.get(key, -1) for key in vocabulary.keys(codes, RUN)], dtype=np.int64)
    row = position[run_of] if len(codes) else run_of
    column = matrix.series.index(series)
    used = (row >= 0) & np.isfinite(right)
    used[used] &= np.isfinite(matrix.values[row[used], column])
    if not used.any():
        return None
    item = _numbered(rows, "item")[used]
    total, count = np.zeros((2, len(matrix.run), item.max() + 1))
    np.add.at(total, (row[used], item), right[used])
    np.add.at(count, (row[used], item), 1)
    weight = count.max(axis=0)
    if metric.subjects == "macro":
        subject = np.zeros(len(weight), dtype=np.int64)
        subject[item] = _numbered(rows, "subject")[used]
        weight = weight / np.bincount(subject, weight)[subject]
    responses = ItemResponses(
        np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0),
        weight / weight.sum(),
        settings.chance.get(series.suite, 0.0),
    )
    _check(matrix, series, responses)
    return responses


def _numbered(rows: pa.Table, name: str) -> Integers:
    """A number from 0 for each cell of a column, equal for equal cells."""
    return Vocabulary.of(rows, [name]).codes(rows, [name])


def _check(matrix: RunMatrix, series: Series, responses: ItemResponses) -> None:
    """Refuse responses with another error rate than the measurements."""
    measured = matrix.values[:, matrix.series.index(series)]
    rate = 1 - responses.right @ responses.weight  # nan if a response is missing
    other = np.flatnonzero(np.abs(rate - measured) > SAME)
    if len(other):
        run = int(other[0])
        raise RelscaleError(
            f"responses: {series.metric} of group {series.group!r} of suite {series.suite!r} is {rate[run]:.4g} for "
            f"run {matrix.run[run]!r}, and {measured[run]:.4g} in the measurements; collect both from the same items"
        )
