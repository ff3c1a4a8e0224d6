"""Forecast records: forecasts with their time and data digest, stored to be scored against later measurements.

A record is a table that is written once. Each row has the digests of the data and of the code behind the forecast, the
name of the record and its number of rows, and a digest of its own cells, so that changed and deleted rows are detected,
in joined records as well. Models that the fit contains are not recorded. To score a forecast, it is compared with the
point of a later fit's curve at the same compute; of several models of that compute, with those nearest in size.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.curves.curves import RATIO
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.forecasts.measured import (
    SAME_SIZE,
    Measured,
    at_compute,
    lacking,
    measured_errors,
    measured_ratios,
    of_curve,
    of_nearest_size,
)
from relscale.fitting.keys import CurveKey
from relscale.fitting.status import Status
from relscale.storage.rows import column, names_of, rows_of, schema_of, table_of
from relscale.storage.tables import read_table, write_table

OTHER_SIZE = np.log(2)  # of ln N: a model this far from that of the forecast is named
OTHER_VALUE = 0.02  # of ln y: the optimum of a budget with a few more runs may move by less


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow(CurveKey):
    """One row per recorded forecast of the ensemble."""

    quantity: str = column("The quantity that is forecast: error or ratio.")
    training_flops: float = column("Compute of the forecast.", "FLOPs")
    params: float | None = column("Parameters of the forecast model.", default=None)
    tokens: float | None = column("Training tokens of the forecast model.", "tokens", default=None)
    value: float = column("The forecast.")
    low: float | None = column("Lower limit of the prediction interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float | None = column("Level of the prediction interval.", default=None)
    known_flops: float | None = column(
        "Largest compute at which the curve was measured at the time.", "FLOPs", default=None
    )
    known_value: float | None = column("The value measured there.", default=None)
    recorded: str = column("Time of recording, UTC.")
    record: str | None = column("Random name of the record.", default=None)
    rows: int | None = column("Number of rows of the record.", default=None)
    data: str | None = column("Digest of the data used for the forecast.", default=None)
    code: str | None = column("Digest of the code that made it.", default=None)
    digest: str = column("Digest of this row.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow(CurveKey):
    """One row per recorded forecast: the value measured since, and the forecast error."""

    quantity: str = column("The quantity that was forecast: error or ratio.")
    training_flops: float = column("Compute of the forecast.", "FLOPs")
    recorded: str = column("Time of recording, UTC.")
    value: float = column("The forecast.")
    low: float | None = column("Lower limit of the prediction interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    observed: float | None = column("The measured value.", default=None)
    log_error: float | None = column(
        "Natural logarithm of the forecast divided by the observed value.", default=None
    )
    covered: bool | None = column("Whether the interval covers the measured value.", default=None)
    interval_score: float | None = column("Interval score, in units of ln y.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)


def digest_of(row: RecordRow, names: Collection[str] = names_of(RecordRow)) -> str:
    """The sha256 of a row's other cells, in the columns ``names`` of its file."""
    cells = {name: value for name, value in asdict(row).items() if name in names and name != "digest"}
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Recorded:
    """The rows of a new record, and the number of forecasts that it leaves out as their models are in the fit."""

    rows: list[RecordRow]
    contained: int


def record(fits: Fits, path: Path, now: datetime | None = None) -> Recorded:
    """Record the ensemble's forecasts of a fit, except those of models that it contains; equal ones once.

    Raises
    ------
    RelscaleError
        The file already exists, or the fit has no such forecast.
    """
    if path.exists():
        raise RelscaleError(
            f"{path}: contains an earlier record, which is never overwritten; name another file"
        )
    moment = (now or datetime.now(UTC)).replace(microsecond=0).isoformat()
    shared = [field.name for field in fields(RecordRow) if field.name in names_of(ForecastRow)]
    errors, ratios = measured_errors(fits), measured_ratios(fits)
    rows: dict[RecordRow, None] = {}  # without repetitions, in order
    contained = 0
    for forecast in rows_of(ForecastRow, fits["forecasts"]):
        if forecast.candidate != ENSEMBLE or forecast.value is None:
            continue
        row = RecordRow(**{name: getattr(forecast, name) for name in shared}, recorded=moment)
        known = of_curve(ratios if row.quantity == RATIO else errors, row)
        same, away = of_nearest_size(at_compute(known, row.training_flops), row.params)
        if same and away <= SAME_SIZE:
            contained += 1
            continue
        last = max(known, key=lambda point: point.flops, default=None)
        rows[replace(row, known_flops=last.flops, known_value=last.value) if last is not None else row] = None
    if not rows:
        raise RelscaleError(
            "the fit has no forecast of anything that is not measured; name a larger compute by --at or fit: forecast"
        )
    name = uuid4().hex
    written = [replace(row, record=name, rows=len(rows)) for row in rows]
    written = [replace(row, digest=digest_of(row)) for row in written]
    write_table(table_of(RecordRow, written), path)
    return Recorded(written, contained)


def score_record(path: Path, later: Fits) -> list[OutcomeRow]:
    """Score the recorded forecasts in a file against the points of a later fit.

    Raises
    ------
    RelscaleError
        The file is not a record, or a row was changed or deleted since it was written.
    """
    table = read_table(path, types=schema_of(RecordRow))
    names = [name for name in names_of(RecordRow) if name in table.column_names]
    if not {"quantity", "training_flops", "value", "recorded", "digest"} <= set(names):
        raise RelscaleError(
            f"{path}: not a record of forecasts; relscale forecast FITS --record FILE writes one"
        )
    forecasts = [RecordRow(**cells) for cells in table.select(names).to_pylist()]
    for i, row in enumerate(forecasts):
        if digest_of(row, names) != row.digest:
            raise RelscaleError(f"{path}: row {i + 1} was changed since it was recorded; its digest differs")
    counts = Counter((row.record, row.recorded, row.rows) for row in set(forecasts))
    for (_, recorded, rows), kept in counts.items():
        if rows is not None and kept != rows:
            raise RelscaleError(
                f"{path}: contains {kept} of the {rows} forecasts recorded at {recorded}; "
                "score the record as it was written"
            )
    errors, ratios = measured_errors(later), measured_ratios(later)
    return [_outcome(row, ratios if row.quantity == RATIO else errors) for row in forecasts]


def _outcome(row: RecordRow, points: Sequence[Measured]) -> OutcomeRow:
    names = (*names_of(CurveKey), "quantity", "training_flops", "recorded", "value", "low", "high")
    cells = {name: getattr(row, name) for name in names}
    curve = of_curve(points, row)
    if not curve:
        return OutcomeRow(**cells, status=Status.NO_CURVE, note=lacking(points, row))
    near = at_compute(curve, row.training_flops)
    if not near:
        nearest = min(curve, key=lambda point: abs(np.log(point.flops / row.training_flops)))
        note = f"nothing was measured at this compute; the nearest is {nearest.flops:.4g} FLOPs"
        return OutcomeRow(**cells, status=Status.NOT_MEASURED, note=note)
    observed, away = of_nearest_size(near, row.params)
    truth = float(np.exp(np.mean([np.log(point.value) for point in observed])))
    notes = []
    if away > OTHER_SIZE:
        notes.append(f"forecast for {row.params:.3g} parameters, measured with {observed[0].params:.3g}")
    notes += _other_data(row, curve)
    result = OutcomeRow(
        **cells,
        observed=truth,
        log_error=float(np.log(row.value / truth)),
        status=Status.OK,
        note="; ".join(notes) or None,
    )
    if row.low is None or row.high is None or row.level is None:
        return result
    low, high, y = (np.array([np.log(x)]) for x in (row.low, row.high, truth))
    return replace(
        result,
        covered=row.low <= truth <= row.high,
        interval_score=float(interval_score(low, high, y, row.level)[0]),
    )


def _other_data(row: RecordRow, curve: Sequence[Measured]) -> list[str]:
    """Whether a point that was known at the time of recording has another value since, as in another unit."""
    if row.known_flops is None or row.known_value is None:
        return []
    since = [point.value for point in at_compute(curve, row.known_flops)]
    if not since or min(abs(np.log(value / row.known_value)) for value in since) <= OTHER_VALUE:
        return []
    return [
        f"other data: at {row.known_flops:.4g} FLOPs it was {row.known_value:.4g} when recorded, {since[0]:.4g} now"
    ]
