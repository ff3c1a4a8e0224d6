"""Forecasts as rows: every candidate and the ensemble at each target, and all that was forecast inside the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.forecasts.backtest import Backtest, Foresight, backtest, foresight
from relscale.fitting.forecasts.candidates import CANDIDATES, ENSEMBLE, LACKING
from relscale.fitting.forecasts.data_digest import data_digest
from relscale.fitting.forecasts.forecast_data import ForecastData, forecast_data
from relscale.fitting.forecasts.gap_direction import gap_direction
from relscale.fitting.forecasts.interval_score import interval_score
from relscale.fitting.forecasts.persistence import persistence
from relscale.fitting.forecasts.scales import Scales, target_scales
from relscale.fitting.settings import Settings
from relscale.provenance import code_digest

Row = dict[str, Any]

DEFAULT_REACH = 10.0  # of the largest compute, where no target is named
BEYOND = 1e-6  # ln F

NOTHING = "no value to forecast from"
FEW_ORIGINS = "no interval: {} rolling origin(s) inside the data, and it needs 2"
FEW_EARLIER = "no interval: {} earlier origin(s), and it needs 2"
FAR = "further than any origin inside the data reached (a factor {:.3g}), so its width is extrapolated"


def forecast_rows(
    curves: Curves, chosen: Settings, matrix: RunMatrix | None = None
) -> tuple[list[Row], list[Row]]:
    """Forecast the curves at ``chosen.forecast``, and from every rolling origin inside the data.

    Parameters
    ----------
    curves
        Errors or ratios.
    chosen
        Its ``forecast`` names targets; where it is empty there is one, at ten times the largest compute of the data.
        A target with a ``corpus`` is for the curves of that corpus.
    matrix
        What the curves were read off; where their points are optima between runs, L(N, D) is fitted to its runs.

    Returns
    -------
    rows of ``fits.FORECASTS``
        ``value``, ``low`` and ``high`` are errors or ratios. The interval is the ensemble's, for one new model measured
        on these items; ``spread_low`` and ``spread_high`` are the least and the largest of the candidates.
    rows of ``fits.BACKTESTS``
        ``interval_score`` is in units of ln y.
    """
    nothing = [key | {"quantity": curves.quantity, "status": NOTHING} for key in curves.keys]
    if not curves.keys or not curves.points:
        return nothing, []
    data = forecast_data(curves, matrix)
    usable = data.usable
    if not usable.any():
        return nothing, []
    tried = backtest(data, chosen.level)
    last = float(data.scales.log_flops[usable].max())
    targets = chosen.forecast or ({"training_flops": DEFAULT_REACH * np.exp(last)},)
    at = target_scales(targets, data.scales.take(usable))
    found = foresight(data, usable, at, tried.record.known_by(tried.origins, usable), chosen.level)
    digests = {
        "data": data_digest(curves, data),
        "code": code_digest("relscale.fitting.forecasts.forecast"),
    }
    rows = _forecasts(curves, data, targets, at, found, tried, chosen.level)
    return [row | digests for row in rows], _backtests(curves, data, tried, chosen.level)


def _forecasts(
    curves: Curves,
    data: ForecastData,
    targets: Any,
    at: Scales,
    found: Foresight,
    tried: Backtest,
    level: float,
) -> list[Row]:
    usable = data.usable
    seen = persistence(data.scales.take(usable), data.value[usable], at)[0]
    reached = tried.record.distance[np.isfinite(tried.record.candidates).any(axis=(1, 3))].max(initial=0.0)
    low_spread, high_spread = _spread(found.candidates)
    rows: list[Row] = []
    for j, key in enumerate(curves.keys):
        for q, target in enumerate(targets):
            if target.get("corpus") not in (None, key.get("corpus")):
                continue
            value, half = found.ensemble[q, j], found.half[q, j]
            common = key | {
                "quantity": curves.quantity,
                "training_flops": np.exp(at.log_flops[q]),
                "params": np.exp(at.log_params[q]),
                "tokens": np.exp(at.log_tokens[q]),
                "level": level,
                "origins": int(found.origins[j]),
                "log_distance": found.distance[q],
                "spread_low": np.exp(low_spread[q, j]),
                "spread_high": np.exp(high_spread[q, j]),
            }
            for c, name in enumerate(CANDIDATES):
                known = bool(np.isfinite(found.candidates[c, q, j]))
                rows.append(
                    common
                    | {
                        "candidate": name,
                        "weight": found.weight[c, q, j],
                        "value": np.exp(found.candidates[c, q, j]),
                        "status": "ok" if known else LACKING[name],
                    }
                )
            known = bool(np.isfinite(value) and np.isfinite(half))
            rows.append(
                common
                | {
                    "candidate": ENSEMBLE,
                    "weight": 1.0,
                    "value": np.exp(value),
                    "low": np.exp(value - half),
                    "high": np.exp(value + half),
                    "df": found.df[q, j] if known else None,
                    "direction": gap_direction(seen[j], value - half, value + half)
                    if curves.quantity == RATIO
                    else None,
                    "status": _status(known, int(found.origins[j]), float(found.distance[q]), float(reached))
                    if np.isfinite(value)
                    else NOTHING,
                }
            )
    return rows


def _status(known: bool, origins: int, distance: float, reached: float) -> str:
    if not known:
        return FEW_ORIGINS.format(origins)
    return FAR.format(np.exp(reached)) if distance > reached + BEYOND else "ok"


def _backtests(curves: Curves, data: ForecastData, tried: Backtest, level: float) -> list[Row]:
    origins, rows = tried.origins, []
    observed = data.value[origins.asked]
    flops = np.exp(data.scales.log_flops[origins.asked])
    for o, found in enumerate(tried.foresights):
        common = {
            "quantity": curves.quantity,
            "origin": origins.by[o],
            "origin_flops": float(np.exp(origins.log_flops[o])),
            "origin_params": float(np.exp(origins.log_params[o])),
            "level": level,
        }
        low, high = found.ensemble - found.half, found.ensemble + found.half
        score = interval_score(low, high, observed, level)
        for q in np.flatnonzero(origins.ahead[o]):
            place = {"training_flops": float(flops[q]), "log_distance": float(found.distance[q])}
            for j in np.flatnonzero(np.isfinite(observed[q])):
                this = {**curves.keys[j], **common, **place, "observed": float(np.exp(observed[q, j]))}
                for c in np.flatnonzero(np.isfinite(found.candidates[:, q, j])):
                    rows.append(
                        _one(this, CANDIDATES[c], float(found.candidates[c, q, j]), float(observed[q, j]))
                    )
                row = _one(this, ENSEMBLE, float(found.ensemble[q, j]), float(observed[q, j]))
                if not np.isfinite(found.ensemble[q, j]):
                    row["status"] = NOTHING
                elif np.isfinite(found.half[q, j]):
                    row |= {
                        "low": float(np.exp(low[q, j])),
                        "high": float(np.exp(high[q, j])),
                        "covered": bool(low[q, j] <= observed[q, j] <= high[q, j]),
                        "interval_score": float(score[q, j]),
                    }
                else:
                    row["status"] = FEW_EARLIER.format(int(found.origins[j]))
                rows.append(row)
    return rows


def _one(this: Mapping[str, Any], candidate: str, forecast: float, observed: float) -> Row:
    return {
        **this,
        "candidate": candidate,
        "predicted": float(np.exp(forecast)),
        "log_error": forecast - observed,
        "status": "ok",
    }


def _spread(candidates: Floats) -> tuple[Floats, Floats]:
    """(Q, J) least and largest of the candidates, nan where there is none."""
    known = np.isfinite(candidates)
    low = np.where(known, candidates, np.inf).min(axis=0)
    high = np.where(known, candidates, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), low, np.nan), np.where(known.any(axis=0), high, np.nan)
