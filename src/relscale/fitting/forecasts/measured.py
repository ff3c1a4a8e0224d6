"""The measured points of a fit by curve, for forecasts that were recorded from another fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow, GapRow
from relscale.fitting.fits import Fits
from relscale.fitting.keys import FAMILY, CurveKey
from relscale.fitting.status import Status
from relscale.storage.rows import fields_of, names_of, rows_of
from relscale.storage.tables import listed

SAME_COMPUTE = 0.02  # of ln F: a point this near is at the compute of the forecast
SAME_SIZE = 0.02  # of ln N: models this near are of one size

# A later experiment, or a later table, may have another name.
OF_CURVE = tuple(name for name in names_of(CurveKey) if name != "experiment")


@dataclass(frozen=True)
class Measured:
    """A measured value of a curve, and the parameters of its model, if known."""

    key: CurveKey
    flops: float
    value: float
    params: float | None


def measured_errors(fits: Fits) -> list[Measured]:
    """The errors of a fit that can be used."""
    return _measured(fits, ((row, row.value) for row in rows_of(ErrorRow, fits["errors"])))


def measured_ratios(fits: Fits) -> list[Measured]:
    """The ratios of a fit that can be used."""
    return _measured(fits, ((row, row.ratio) for row in rows_of(GapRow, fits["gaps"])))


def of_curve(points: Iterable[Measured], curve: CurveKey) -> list[Measured]:
    """The points of one curve."""
    return [point for point in points if all(_agree(curve, point.key, name) for name in OF_CURVE)]


def lacking(points: Sequence[Measured], curve: CurveKey) -> str:
    """Which name of a curve no point has, given the names before it, and what they have instead."""
    for name in OF_CURVE:
        agreeing = [point for point in points if _agree(curve, point.key, name)]
        if not agreeing:
            others = list(dict.fromkeys(str(getattr(point.key, name)) for point in points))
            has = f"; it has {listed(others, 3)}" if others else ""
            return f"the later fit has no {name} {getattr(curve, name)}{has}"
        points = agreeing
    raise ValueError("the points have this curve")


def at_compute(points: Iterable[Measured], flops: float) -> list[Measured]:
    """The points at a compute."""
    return [point for point in points if abs(np.log(point.flops / flops)) <= SAME_COMPUTE]


def of_nearest_size(points: Sequence[Measured], params: float | None) -> tuple[Sequence[Measured], float]:
    """Of models of one compute those of the size nearest to ``params``, and ln of the factor between them.

    All of them, and 0, if ``params`` or all sizes are unknown; models of unknown size among others are left out.
    """
    away = [(point, abs(np.log(point.params / params))) for point in points if params and point.params]
    if not away:
        return points, 0.0
    least = float(min(far for _, far in away))
    return [point for point, far in away if far <= least + SAME_SIZE], least


def _agree(ours: CurveKey, theirs: CurveKey, name: str) -> bool:
    """Whether a name is equal, or both are that of their own experiment: a table gives its name to what has none."""
    our, their = getattr(ours, name), getattr(theirs, name)
    return bool(our == their or (our == ours.experiment and their == theirs.experiment))


def _measured(fits: Fits, values: Iterable[tuple[ErrorRow | GapRow, float | None]]) -> list[Measured]:
    frontier = rows_of(FrontierRow, fits["frontier"])
    sizes = {_place(row): row.params for row in frontier if row.params}
    return [
        Measured(_key(row), row.training_flops, value, sizes.get(_place(row)))
        for row, value in values
        if value is not None and row.training_flops is not None and row.status == Status.OK
    ]


def _key(row: ErrorRow | GapRow) -> CurveKey:
    cells = fields_of(row)
    return CurveKey(**{name: cells[name] for name in names_of(CurveKey) if name in cells})


def _place(row: FrontierRow | ErrorRow | GapRow) -> tuple[object, ...]:
    """A point of a frontier in any table of one fit."""
    return (*(getattr(row, name) for name in FAMILY), row.budget, row.run)
