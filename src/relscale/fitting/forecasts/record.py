"""Forecast records: forecasts with their time and data digest, stored to be scored against later measurements.

A record is a table that is written once. Each row has the digests of the data and of the code behind the forecast, and
a digest of its own cells, so that changes are detected. To score a forecast, it is compared with the point of a later
fit's curve at the same compute; of several models of that compute, with those nearest in size.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.curves.curves import RATIO
from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow, GapRow
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.keys import FAMILY, CurveKey
from relscale.fitting.status import Status
from relscale.storage.rows import column, names_of, rows_of, schema_of, table_of
from relscale.storage.tables import read_table, write_table

SAME_COMPUTE = 0.02  # of ln F: a point this near is at the compute of the forecast
SAME_SIZE = 0.02  # of ln N: models this near are of one size
OTHER_SIZE = np.log(2)  # of ln N: a model this far from that of the forecast is named


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
    recorded: str = column("Time of recording, UTC.")
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


def digest_of(row: RecordRow) -> str:
    """The sha256 of a row's other cells."""
    cells = {name: value for name, value in asdict(row).items() if name != "digest"}
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def record(fits: Fits, path: Path, now: datetime | None = None) -> list[RecordRow]:
    """Record the ensemble's forecasts of a fit.

    Raises
    ------
    RelscaleError
        The file already exists, or the fit has no forecast.
    """
    if path.exists():
        raise RelscaleError(
            f"{path}: contains an earlier record, which is never overwritten; name another file"
        )
    moment = (now or datetime.now(UTC)).replace(microsecond=0).isoformat()
    shared = [field.name for field in fields(RecordRow) if field.name in names_of(ForecastRow)]
    rows = []
    for forecast in rows_of(ForecastRow, fits.tables["forecasts"]):
        if forecast.candidate == ENSEMBLE and forecast.value is not None:
            row = RecordRow(**{name: getattr(forecast, name) for name in shared}, recorded=moment)
            rows.append(replace(row, digest=digest_of(row)))
    if not rows:
        raise RelscaleError("the fit has no forecast to record; set a target under fit: forecast")
    write_table(table_of(RecordRow, rows), path)
    return rows


def score_record(path: Path, later: Fits) -> list[OutcomeRow]:
    """Score the recorded forecasts in a file against the points of a later fit.

    Raises
    ------
    RelscaleError
        The file is not a record, or a row was changed since it was written.
    """
    if "digest" not in read_table(path).column_names:
        raise RelscaleError(
            f"{path}: not a record of forecasts; relscale forecast FITS --record FILE writes one"
        )
    recorded = read_table(path, names_of(RecordRow), schema_of(RecordRow))
    forecasts: list[RecordRow] = list(rows_of(RecordRow, recorded))
    for i, row in enumerate(forecasts):
        if digest_of(row) != row.digest:
            raise RelscaleError(f"{path}: row {i + 1} was changed since it was recorded; its digest differs")
    errors = list(rows_of(ErrorRow, later.tables["errors"]))
    gaps = list(rows_of(GapRow, later.tables["gaps"]))
    sizes = {_place(row): row.params for row in rows_of(FrontierRow, later.tables["frontier"]) if row.params}
    return [
        _outcome(row, list(_observed(row, gaps if row.quantity == RATIO else errors, sizes)))
        for row in forecasts
    ]


@dataclass(frozen=True)
class Observed:
    """A measured value at the compute of a forecast, and the parameters of its model, if known."""

    value: float
    params: float | None


def _observed(
    row: RecordRow, points: Iterable[ErrorRow | GapRow], sizes: Mapping[tuple[object, ...], float]
) -> Iterator[Observed]:
    """The values of a forecast's curve at its compute; the experiment may have another name by then."""
    names = [name for name in names_of(CurveKey) if name != "experiment"]
    for point in points:
        value = point.ratio if isinstance(point, GapRow) else point.value
        if value is None or point.training_flops is None or point.status != Status.OK:
            continue
        of_curve = all(getattr(point, name, None) == getattr(row, name) for name in names)
        if of_curve and abs(np.log(point.training_flops / row.training_flops)) <= SAME_COMPUTE:
            yield Observed(value, sizes.get(_place(point)))


def _place(row: FrontierRow | ErrorRow | GapRow) -> tuple[object, ...]:
    """A point of a frontier in any table of one fit."""
    return (*(getattr(row, name) for name in FAMILY), row.budget, row.run)


def _of_nearest_size(observed: Sequence[Observed], params: float | None) -> tuple[Sequence[Observed], float]:
    """Of models of one compute those of the size nearest to that of a forecast, and ln of the factor between them.

    All of them, and 0, if a size is not known.
    """
    known = [point.params for point in observed if point.params]
    if not params or not known or len(known) < len(observed):
        return observed, 0.0
    away = np.abs(np.log(np.array(known) / params))
    near = [point for point, far in zip(observed, away, strict=True) if far <= away.min() + SAME_SIZE]
    return near, float(away.min())


def _outcome(row: RecordRow, observed: Sequence[Observed]) -> OutcomeRow:
    names = (*names_of(CurveKey), "quantity", "training_flops", "recorded", "value", "low", "high")
    cells = {name: getattr(row, name) for name in names}
    if not observed:
        return OutcomeRow(**cells, status=Status.NOT_MEASURED)
    observed, away = _of_nearest_size(observed, row.params)
    truth = float(np.exp(np.mean([np.log(point.value) for point in observed])))
    result = OutcomeRow(
        **cells,
        observed=truth,
        log_error=float(np.log(row.value / truth)),
        status=Status.OK,
        note=f"forecast for {row.params:.3g} parameters, measured with {observed[0].params:.3g}"
        if away > OTHER_SIZE
        else None,
    )
    if row.low is None or row.high is None or row.level is None:
        return result
    low, high, y = (np.array([np.log(x)]) for x in (row.low, row.high, truth))
    return replace(
        result,
        covered=row.low <= truth <= row.high,
        interval_score=float(interval_score(low, high, y, row.level)[0]),
    )
