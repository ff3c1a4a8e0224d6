"""Rows of forecasts: every candidate and the ensemble at each target, and the backtests inside the data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from relscale.fitting.core_options import ForecastTarget
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.forecasts.backtest import Backtest, OriginForecast, backtest, forecast_from
from relscale.fitting.forecasts.candidates import CANDIDATES, ENSEMBLE, LACKING
from relscale.fitting.forecasts.data_digest import data_digest
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.forecast_data import ForecastData, forecast_data
from relscale.fitting.forecasts.gap_direction import gap_direction
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.forecasts.persistence import persistence
from relscale.fitting.forecasts.rolling_origins import SAME, SMALLEST
from relscale.fitting.forecasts.scales import Scales, check_target_units, target_scales
from relscale.fitting.inference.direction import Direction
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.provenance import code_digest
from relscale.storage.rows import column, fields_of

DEFAULT_REACH = 10.0  # times the largest compute, without a target
BEYOND = 1e-6  # ln F

NOTHING = Remark(Status.NO_FORECAST, "no value to forecast from")
ABSURD = "rejected: its forecast is further outside the data than the range and the trend of the data explain"
FEW_ORIGINS = "no interval: 2 rolling origins inside the data are needed; there are {}"
FEW_POINTS = "no interval: the curve has points at {} distinct computes; an interval needs {}"
FEW_EARLIER = "no interval: 2 earlier origins are needed; there are {}"
INSIDE = "not beyond the largest compute of the curve's data ({:.4g} FLOPs): an interpolation"
BELOW = "below the smallest compute of the curve's data ({:.4g} FLOPs): a backward forecast"
FAR = "beyond the backtested horizon (a factor of {:.3g}); the interval width is extrapolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow(CurveKey):
    """One row per curve, compute and candidate, the ensemble among them: an error or a ratio beyond the data."""

    quantity: Literal["error", "ratio"] = column("The quantity that is forecast.")
    training_flops: float | None = column("Compute of the forecast.", "FLOPs", default=None)
    params: float | None = column("Parameters of the forecast model.", default=None)
    tokens: float | None = column("Training tokens of the forecast model.", "tokens", default=None)
    candidate: str | None = column("The candidate model, or the ensemble of all candidates.", default=None)
    weight: float | None = column("Weight of the candidate in the ensemble.", default=None)
    value: float | None = column("The forecast.", default=None)
    low: float | None = column(
        "Lower limit of the ensemble's prediction interval, for one new model measured on these items.",
        default=None,
    )
    high: float | None = column("Upper limit.", default=None)
    level: float | None = column("Level of the prediction interval.", default=None)
    df: float | None = column("Degrees of freedom of the interval.", default=None)
    origins: int | None = column("Number of rolling origins behind the interval.", default=None)
    log_distance: float | None = column(
        "Natural logarithm of the compute divided by the largest compute of the curve's data.", default=None
    )
    spread_low: float | None = column("Smallest forecast of any candidate.", default=None)
    spread_high: float | None = column("Largest forecast of any candidate.", default=None)
    interval_direction: Direction | None = column(
        "For a ratio: whether the gap closes or widens up to this compute, by this prediction interval alone.",
        default=None,
    )
    data: str | None = column("Digest of the data used for the forecast.", default=None)
    code: str | None = column("Digest of the code that made it.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRow(CurveKey):
    """One row per backtest forecast inside the data, from smaller budgets or models to larger ones."""

    quantity: Literal["error", "ratio"] = column("The quantity that is forecast.")
    candidate: str = column("The candidate model, or the ensemble of all candidates.")
    origin: str = column("Whether the origin is a compute or a model size.")
    origin_flops: float | None = column("Largest compute known at the origin.", "FLOPs")
    origin_params: float | None = column("Size of the largest model known at the origin, in parameters.")
    training_flops: float = column("Compute of the forecast.", "FLOPs")
    log_distance: float = column(
        "Natural logarithm of the compute divided by the largest known compute of the curve."
    )
    observed: float = column("The observed value.")
    predicted: float | None = column("The forecast.")
    log_error: float | None = column("Natural logarithm of the forecast divided by the observed value.")
    low: float | None = column("Lower limit of the ensemble's prediction interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float = column("Level of the prediction interval.")
    covered: bool | None = column("Whether the interval covers the observed value.", default=None)
    interval_score: float | None = column("Interval score, in units of ln y.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


def forecast_rows(
    curves: Curves,
    settings: Settings,
    matrix: RunMatrix | None = None,
    error_forecasts: ErrorForecasts | None = None,
) -> tuple[list[ForecastRow], Callable[[], list[BacktestRow]]]:
    """Forecast the curves at ``chosen.forecast``, and from every rolling origin inside the data.

    Parameters
    ----------
    settings
        Its ``forecast`` lists targets; the default is ten times the largest compute of the data.
        A target with a ``corpus`` is for the curves of that corpus.
    matrix
        The matrix behind the curves; if their points are optima between runs, L(N, D) is fitted to its runs.
    error_forecasts
        Those of other curves of the same series, which need not be computed again.

    Returns
    -------
    rows of the table ``forecasts``
        ``value``, ``low`` and ``high`` are errors or ratios. The interval is the ensemble's, for one new model measured
        on these items; ``spread_low`` and ``spread_high`` are the smallest and largest candidate forecasts.
    function for the rows of the table ``backtests``
        They are many, and read less often. ``interval_score`` is in units of ln y.
    """
    nothing = [
        ForecastRow(**fields_of(key), quantity=curves.quantity, **fields_of(NOTHING)) for key in curves.keys
    ]
    if not curves.keys or not curves.points:
        return nothing, list
    data = forecast_data(curves, matrix, error_forecasts)
    usable = data.usable
    if not usable.any():
        return nothing, list
    backtested = backtest(data, settings.level)
    last = float(data.scales.log_flops[usable].max())
    targets = settings.forecast or (ForecastTarget(training_flops=DEFAULT_REACH * np.exp(last)),)
    known = data.scales.take(usable)
    at = target_scales(targets, known)
    corpora = {key.corpus for key in curves.keys}
    ours = np.array([target.corpus is None or target.corpus in corpora for target in targets])
    check_target_units(
        [target for target, own in zip(targets, ours, strict=True) if own], at.take(ours), known
    )
    forecasts = forecast_from(
        data, usable, at, backtested.record.known_by(backtested.origins, usable), settings.level
    )
    digest, code = data_digest(curves, data), code_digest("relscale.fitting.forecasts.forecast")
    rows = _forecasts(curves, data, targets, at, forecasts, backtested, settings.level)
    return (
        [replace(row, data=digest, code=code) for row in rows],
        lambda: list(_backtests(curves, data, backtested, settings.level)),
    )


def _forecasts(
    curves: Curves,
    data: ForecastData,
    targets: Sequence[ForecastTarget],
    at: Scales,
    origin_forecast: OriginForecast,
    backtest: Backtest,
    level: float,
) -> Iterator[ForecastRow]:
    usable = data.usable
    last_value = persistence(data.scales.take(usable), data.value[usable], at)[0]
    reached = backtest.record.distance[np.isfinite(backtest.record.candidates).any(axis=1)].max(initial=0.0)
    low_spread, high_spread = _spread(origin_forecast.candidates)
    for j, key in enumerate(curves.keys):
        own = data.scales.log_flops[usable & np.isfinite(data.value[:, j])]
        for q, target in enumerate(targets):
            if target.corpus not in (None, key.corpus):
                continue
            distance = float(origin_forecast.distance[q, j])
            value, half = origin_forecast.ensemble[q, j], origin_forecast.half[q, j]
            common = {
                **fields_of(key),
                "quantity": curves.quantity,
                "training_flops": _exp(at.log_flops[q]),
                "params": _exp(at.log_params[q]),
                "tokens": _exp(at.log_tokens[q]),
                "level": level,
                "origins": int(origin_forecast.origins[j]),
                "log_distance": distance,
                "spread_low": _exp(low_spread[q, j]),
                "spread_high": _exp(high_spread[q, j]),
            }
            for c, name in enumerate(CANDIDATES):
                known = bool(np.isfinite(origin_forecast.candidates[c, q, j]))
                lacking = ABSURD if origin_forecast.refused[c, q, j] else LACKING[name]
                yield ForecastRow(
                    **common,
                    candidate=name,
                    weight=origin_forecast.weight[c, q, j],
                    value=_exp(origin_forecast.candidates[c, q, j]),
                    **fields_of(OK if known else Remark(Status.NO_FORECAST, lacking)),
                )
            few = _too_few(own)
            if few != OK:
                half = np.nan
            known = bool(np.isfinite(value) and np.isfinite(half))
            gap = (
                gap_direction(last_value[j], value - half, value + half) if curves.quantity == RATIO else None
            )
            remark = few
            if few == OK:
                remark = _remark(known, int(origin_forecast.origins[j]), distance, float(reached))
            if len(own):
                remark = together(remark, _place(at.log_flops[q], own))
            yield ForecastRow(
                **common,
                candidate=ENSEMBLE,
                weight=1.0,
                value=_exp(value),
                low=_exp(value - half),
                high=_exp(value + half),
                df=origin_forecast.df[q, j] if known else None,
                interval_direction=gap,
                **fields_of(remark if np.isfinite(value) else NOTHING),
            )


def _too_few(log_flops: Floats) -> Remark:
    """A remark on a curve with too few points for an interval, although its suite's curves give a width."""
    computes = len(np.unique(np.round(log_flops / SAME)))
    if computes >= SMALLEST:
        return OK
    return Remark(Status.TOO_FEW_POINTS, FEW_POINTS.format(computes, SMALLEST))


def _remark(known: bool, origins: int, distance: float, reached: float) -> Remark:
    if not known:
        return Remark(Status.TOO_FEW_ORIGINS, FEW_ORIGINS.format(origins))
    if distance > reached + BEYOND:
        return Remark(Status.EXTRAPOLATED_WIDTH, FAR.format(np.exp(reached)))
    return OK


def _place(log_flops: float, known: Floats) -> Remark:
    """A remark on a target that is not beyond the data."""
    if log_flops < known.min() - BEYOND:
        return Remark(Status.INSIDE_DATA, BELOW.format(np.exp(known.min())))
    if log_flops <= known.max() + BEYOND:
        return Remark(Status.INSIDE_DATA, INSIDE.format(np.exp(known.max())))
    return OK


def _backtests(curves: Curves, data: ForecastData, backtest: Backtest, level: float) -> Iterator[BacktestRow]:
    origins = backtest.origins
    observed = data.value[origins.targets]
    value, flops = _exps(observed), np.exp(data.scales.log_flops[origins.targets])
    keys, fine = [fields_of(key) for key in curves.keys], fields_of(OK)
    for o, forecasts in enumerate(backtest.origin_forecasts):
        common = {
            "quantity": curves.quantity,
            "origin": origins.by[o],
            "origin_flops": float(np.exp(origins.log_flops[o])),
            "origin_params": float(np.exp(origins.log_params[o])),
            "level": level,
        }
        low, high = forecasts.ensemble - forecasts.half, forecasts.ensemble + forecasts.half
        score = interval_score(low, high, observed, level)
        predicted, ensemble = _exps(forecasts.candidates), _exps(forecasts.ensemble)
        error, ensemble_error = forecasts.candidates - observed, forecasts.ensemble - observed
        for q in np.flatnonzero(origins.ahead[o]):
            for j in np.flatnonzero(np.isfinite(observed[q])):
                cells = {**keys[j], **common, **fine}
                cells |= {
                    "training_flops": float(flops[q]),
                    "log_distance": float(forecasts.distance[q, j]),
                }
                cells |= {"observed": float(value[q, j])}
                for c in np.flatnonzero(np.isfinite(forecasts.candidates[:, q, j])):
                    yield BacktestRow(
                        **cells,
                        candidate=CANDIDATES[c],
                        predicted=float(predicted[c, q, j]),
                        log_error=float(error[c, q, j]),
                    )
                row = BacktestRow(
                    **cells,
                    candidate=ENSEMBLE,
                    predicted=float(ensemble[q, j]),
                    log_error=float(ensemble_error[q, j]),
                )
                if not np.isfinite(forecasts.ensemble[q, j]):
                    yield replace(row, **fields_of(NOTHING))
                elif np.isfinite(forecasts.half[q, j]):
                    yield replace(
                        row,
                        low=_exp(low[q, j]),
                        high=_exp(high[q, j]),
                        covered=bool(low[q, j] <= observed[q, j] <= high[q, j]),
                        interval_score=float(score[q, j]),
                    )
                else:
                    note = FEW_EARLIER.format(int(forecasts.origins[j]))
                    yield replace(row, status=Status.TOO_FEW_ORIGINS, note=note)


def _exp(log: float) -> float:
    return float(_exps(np.asarray(log)))


def _exps(logs: Floats) -> Floats:
    """Infinite if a candidate or a limit overflows; such a row is flagged in its table (`relscale.fitting.fits`)."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(logs))


def _spread(candidates: Floats) -> tuple[Floats, Floats]:
    """(Q, J) smallest and largest forecast of the candidates, nan without one."""
    known = np.isfinite(candidates)
    low = np.where(known, candidates, np.inf).min(axis=0)
    high = np.where(known, candidates, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), low, np.nan), np.where(known.any(axis=0), high, np.nan)
