"""Selection of the measurements that a law of the config is fitted to, and of those that it predicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.keys import SeriesKey
from relscale.laws.law import Law
from relscale.measurements.status import Status
from relscale.storage import arrow_compute as pc
from relscale.storage.rows import column, names_of

Where = Mapping[str, object]
ModelKey = tuple[str | None, str | None, str | None, str | None, int | None]

MEASURED = "loss"  # the predictor that is itself a measured metric
SPENT = (
    *("training_flops", "params", "tokens"),
    *("batch_tokens", "unique_tokens", "streams", "experts"),
)  # predictors that must be positive


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow(SeriesKey):
    """One measurement that a law is fitted to or predicts; cells that its table lacks are None."""

    run: str | None = column("Name of the model.", default=None)
    step: int | None = column("Training step of the checkpoint.", default=None)
    block: str | None = column("Identifies the training that checkpoints belong to.", default=None)
    budget: float | None = column("Nominal compute budget.", "FLOPs", default=None)
    training_flops: float | None = column("Compute spent.", "FLOPs", default=None)
    params: float | None = column("Parameters.", default=None)
    tokens: float | None = column("Training tokens.", default=None)
    value: float | None = column("Value of the metric.", default=None)
    stderr: float | None = column("Standard error over items.", default=None)
    status: str | None = column("ok, or the reason to exclude the row.", default=None)

    @property
    def model(self) -> ModelKey:
        """Key of the model that the row belongs to."""
        return (self.experiment, self.corpus, self.optimizer, self.run, self.step)

    @property
    def is_trusted(self) -> bool:
        """Whether the status is ok."""
        return self.status in (Status.OK, None)

    @property
    def size(self) -> float:
        """Training compute, else 6 × parameters × tokens; nan if neither is known."""
        if self.training_flops is not None:
            return float(self.training_flops)
        if self.params is None or self.tokens is None:
            return np.nan
        return float(6 * self.params * self.tokens)


def point_rows(table: pa.Table) -> list[PointRow]:
    """The measurements of a table; columns that it lacks are None."""
    names = [name for name in names_of(PointRow) if name in table.column_names]
    return [PointRow(**cells) for cells in table.select(names).to_pylist()]


def numbers_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as numbers (n,); nan for null cells or a missing column."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    cells = pc.cast(table[name], pa.float64(), safe=False)
    return np.asarray(pc.fill_null(cells, np.nan).to_numpy(), dtype=float)


@dataclass(frozen=True)
class Points:
    """Measurements of one law; n points.

    Attributes
    ----------
    x
        (p, n) predictors, in the law's order.
    y, stderr
        (n,) values and their standard errors, nan if unknown.
    lost
        For each selected row that cannot be used, its name and the reason.
    anchors
        Number of points that are known without a measurement; they come last.
    """

    rows: list[PointRow]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    stderr: NDArray[np.float64]
    lost: list[str]
    anchors: int = 0

    @property
    def measured(self) -> int:
        """Number of measured points; they come first."""
        return len(self.y) - self.anchors

    @property
    def trainings(self) -> list[str]:
        """The training run of each point: its block, or the model if it has none."""
        return [row.block or str(row.model) for row in self.rows]

    def select(self, mask: NDArray[np.bool_]) -> "Points":
        """The points where ``mask`` is true."""
        rows = [row for row, is_in in zip(self.rows, mask, strict=True) if is_in]
        return replace(self, rows=rows, x=self.x[:, mask], y=self.y[mask], stderr=self.stderr[mask])

    def anchored(self, anchors: Sequence[Sequence[float]]) -> "Points":
        """Append points that are known without a measurement, each (p + 1,): its predictors and value."""
        unspent = replace(self.rows[0], step=None, budget=None, training_flops=None, params=None, tokens=None)
        names = [f"anchor {i + 1}" for i in range(len(anchors))]
        rows = [replace(unspent, run=name, block=name) for name in names]
        added = np.array(anchors, dtype=float).T
        return replace(
            self,
            rows=self.rows + rows,
            x=np.hstack([self.x, added[:-1]]),
            y=np.append(self.y, added[-1]),
            stderr=np.append(self.stderr, np.full(len(rows), np.nan)),
            anchors=len(rows),
        )


def select(measurements: pa.Table, where: Where, place: str) -> pa.Table:
    """The rows whose columns have the values of ``where``, or one of them if it lists several.

    Raises
    ------
    RelscaleError
        A column is missing, or no row is left.
    """
    measurements = measurements.filter(_mask(measurements, where, place))
    if not measurements.num_rows:
        conditions = ", ".join(
            f"{name} {list(value) if isinstance(value, tuple) else value}" for name, value in where.items()
        )
        raise RelscaleError(f"{place}: no measurement has {conditions or 'a row'}")
    return measurements


def _mask(measurements: pa.Table, where: Where, place: str) -> pa.Array:
    """Whether each row has these values."""
    mask = pa.array([True] * measurements.num_rows, pa.bool_())
    for name, allowed in where.items():
        if name not in measurements.column_names:
            raise RelscaleError(
                f"{place}: no column {name!r}; measurements have {', '.join(measurements.column_names)}"
            )
        values = list(allowed) if isinstance(allowed, list | tuple) else [allowed]
        kind = measurements[name].type
        try:
            known = pc.is_in(measurements[name], value_set=pa.array(values).cast(kind))
        except pa.ArrowException as error:
            raise RelscaleError(f"{place}: {name} {allowed!r} is not of type {kind}") from error
        mask = pc.and_(mask, known.combine_chunks())
    return mask


def held_in(selected: pa.Table, entry: FurtherLaw, place: str) -> pa.Table:
    """The selected rows that a law is fitted to: its ``only``, without those that it predicts.

    Raises
    ------
    RelscaleError
        No row is left.
    """
    selection = select(selected, entry.only or {}, f"{place}.only")
    if not entry.predict:
        return selection
    not_predicted = pc.invert(_mask(selection, entry.predict, f"{place}.predict"))
    if not pc.any(not_predicted).as_py():
        raise RelscaleError(f"{place}: every measurement is held out for prediction; none is left to fit")
    return selection.filter(not_predicted)


def distinct(table: pa.Table, by: Sequence[str], place: str) -> list[dict[str, object]]:
    """The distinct values of the columns ``by``, sorted; one empty mapping if ``by`` is empty.

    Raises
    ------
    RelscaleError
        A column is missing.
    """
    for name in by:
        if name not in table.column_names:
            raise RelscaleError(f"{place}.by: no column {name!r}; there are {', '.join(table.column_names)}")
    if not by:
        return [{}]
    curves = {tuple(row.values()): row for row in table.select(list(by)).to_pylist()}
    return [curves[key] for key in sorted(curves, key=str)]


def points(
    law: Law,
    columns: Sequence[str],
    selected: pa.Table,
    measured: Mapping[ModelKey, float] | None,
    log_residual: bool = True,
) -> Points:
    """The selected rows with the law's predictors, by model.

    Parameters
    ----------
    log_residual
        Whether values are fitted by their logarithms, and so must be positive.
    measured
        For a law from one metric to another, the former by model.
    """
    rows = point_rows(selected)
    order = sorted(range(len(rows)), key=lambda i: [str(part) for part in rows[i].model])
    selected, rows = selected.take(np.array(order, dtype=int)), [rows[i] for i in order]
    x = np.array(
        [
            [measured.get(row.model, np.nan) for row in rows]
            if name == MEASURED and measured
            else numbers_of(selected, name)
            for name in columns
        ]
    )
    y, stderr = numbers_of(selected, "value"), numbers_of(selected, "stderr")
    spent = [must_be_positive(law, i, name) for i, name in enumerate(columns)]
    numbers = [(name, x[i], spent[i]) for i, name in enumerate(columns)]
    why = [_reason(row, i, [*numbers, ("value", y, log_residual)]) for i, row in enumerate(rows)]
    lost = [f"{row.run}: {reason}" for row, reason in zip(rows, why, strict=True) if reason]
    return Points(rows, x, y, stderr, lost).select(np.array([not reason for reason in why], dtype=bool))


def must_be_positive(law: Law, i: int, column: str) -> bool:
    """Whether predictor ``i``, named ``column`` in the table, must be positive."""
    return bool({law.predictors[i], column} & {*SPENT}) or takes_logarithm(law, i)


def takes_logarithm(law: Law, i: int) -> bool:
    """Whether predictor ``i`` must be positive: the law or one of its derivatives is not finite at 0."""
    if law.source_columns:  # predictors of a training curve are checked where they are computed
        return False
    theta = np.array([min(max(0.5, parameter.low), parameter.high) for parameter in law.parameters])
    x = np.full((len(law.predictors), 1), 2.0)
    x[i] = 0
    with np.errstate(all="ignore"):
        return not (np.isfinite(law.value(theta, x)).all() and np.isfinite(law.jacobian(theta, x)).all())


def _reason(row: PointRow, i: int, columns: Sequence[tuple[str, NDArray[np.float64], bool]]) -> str:
    """The reason that row ``i`` cannot be used, or empty; ``columns`` are name, values, and whether these must be
    positive.
    """
    if not row.is_trusted:
        return str(row.status)
    for name, values, positive in columns:
        if not np.isfinite(values[i]):
            return f"no {name}" if np.isnan(values[i]) else f"{name} is {values[i]:g}"
        if positive and not values[i] > 0:
            return f"{name} is {values[i]:g}, not positive"
    return ""
