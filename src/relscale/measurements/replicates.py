"""The table of replicates: every draw of every metric, in the order of the measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from relscale.error_metrics import RESAMPLED
from relscale.measurements.cell import Cell, ModelCell
from relscale.measurements.measurement import MODEL_COLUMNS, REPLICATES, Model, Unit
from relscale.scoring.declared_metrics import PREFIX

ORDER = ["corpus", "optimizer", "budget", "run", "suite", "prompt", "group", "metric"]
PIECE = 2**20  # rows of replicates per piece


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


def replicate_pieces(cells: Sequence[ModelCell], count: int) -> Iterator[pa.Table]:
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
    """The replicates of a cell by resampled unit."""
    yield (Unit.ITEM if cell.clusters is None else Unit.CLUSTER), cell.replicates
    if cell.independent is not None:
        yield Unit.ITEM, cell.independent.replicates


def _piece(series: Sequence[Series], count: int) -> pa.Table:
    """A table of some series, with text as dictionaries, so that each text is stored once."""
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
