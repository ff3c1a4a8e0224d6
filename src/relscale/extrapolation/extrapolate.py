"""Extrapolation: backtest all candidates in folds, weight them by their errors, and average their forecasts.

    ŷ = Σ w_c ŷ_c,    w_c ∝ 1 / MSE_c²,    MSE_c the geometric mean of its mean squared errors over the folds

in logarithms if y is positive; the fold nearest to the targets has weight 1, the next 1/2, then 1/3 and so on. Several
curves of one predictor and positive y have equal weights, by the geometric mean of their errors, and candidates'
weights account for correlated errors (``stacking``). A candidate is rejected if one of its forecasts, in a fold or of
the targets, is not finite or absurd: not positive if all known y are, or further beyond them than their range, in
logarithms if y is positive. A curve of one predictor may go further by what its own trend over ln x explains at the
distance of a forecast from the known rows (``steepest_slope``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.extrapolation.candidate import Candidate, candidates_for
from relscale.extrapolation.folds import Fold, both_coordinates, make_folds
from relscale.extrapolation.interval import Interval, WeightedForecast, prediction_interval
from relscale.extrapolation.stacking import products, stacked
from relscale.extrapolation.table import NO_ROWS, Labels, Mask, Table, rows_of
from relscale.laws.law import Array
from relscale.laws.steepest_slope import steepest_slope
from relscale.printable import escaped_repr
from relscale.suggestions import suggestion

ABSURD = 1.0  # ranges of the known y beyond which a forecast is absurd
ROUNDING = 1e-9  # a forecast of a constant may differ by this share of y
FEW = 0.1  # maximum share of rows without a forecast, of candidates for curves
LEAST = 1e-3  # share of the weight below which a candidate is excluded
PARTS = 5  # of the curves of a single fold: each is forecast with weights from the others
LEADER = "BNSL"  # the candidate to which the weights for curves are shrunk


@escaped_repr
@dataclass(frozen=True)
class Extrapolation:
    """The candidates, their errors in the folds, and the forecast.

    Attributes
    ----------
    candidates
        Names.
    folds
        Description of the targets of each fold.
    rmse
        (C, F) root mean squared error of each candidate in each fold, of ln y if y is positive.
    r2
        (C, F) explained share of the variance of a fold's targets; nan if they do not vary.
    weight
        (C,) weight in the mean; 0 if rejected.
    refused
        (C,) why a candidate was rejected; empty otherwise.
    nested_r2
        (F,) R² of the weighted mean, with weights from the rows of other folds, or from other curves if there is one
        fold; with equal weights if there are no other rows.
    by_candidate
        (C, m) forecasts of the candidates.
    forecast
        (m,)
    """

    candidates: tuple[str, ...]
    folds: tuple[str, ...]
    rmse: Array
    r2: Array
    weight: Array
    refused: tuple[str, ...]
    nested_r2: Array
    by_candidate: Array
    forecast: Array
    interval: Interval

    def __str__(self) -> str:
        width = max(map(len, self.candidates))
        order = np.argsort(np.where(self.weight > 0, -self.weight, _ranked(self.rmse)), kind="stable")
        lines = ["folds: " + "; ".join(f"{i + 1}: {fold}" for i, fold in enumerate(self.folds))]
        lines.append(f"{'candidate':{width}}  weight  R² in the folds")
        for c in order:
            scores = (self.refused[c] and f"rejected: {self.refused[c]}") or _columns(self.r2[c])
            lines.append(f"{self.candidates[c]:{width}}  {self.weight[c]:6.3f}  {scores}")
        nested = _columns(self.nested_r2)
        lines.append(f"{'weighted mean, weights without these rows':{width}}          {nested}")
        if np.isnan(self.nested_r2).any():
            lines.append(
                "–: the targets of a fold do not vary, so R² is undefined; the weights are by squared errors"
            )
        return "\n".join(lines)


def _columns(r2: Array) -> str:
    return "  ".join(f"{'–':>7}" if np.isnan(r) else f"{r:7.3f}" for r in r2)


def _ranked(rmse: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.nan_to_num(np.log(rmse).mean(axis=1), nan=99.0))


def extrapolate(
    known: Table,
    at: Table,
    names: Sequence[str] = (),
    folds: Sequence[Fold] = (),
    level: float = LEVEL,
) -> Extrapolation:
    """Forecast the rows ``at`` from the rows ``known``.

    Parameters
    ----------
    names
        Candidates to try; all that apply by default.
    folds
        Folds; by default those that resemble the extrapolation.
    level
        Level of the prediction intervals.

    Raises
    ------
    RelscaleError
        No candidate applies, a name is unknown, or every candidate is rejected.
    """
    candidates = _candidates(known, names)
    parts = list(folds) or make_folds(known, at)
    by_curve = len(known.names) == 1 and known.positive and len(np.unique(known.group)) > 1
    split = [(known.take(fold.known), known.take(fold.targets)) for fold in parts]
    attempts = [
        [_attempt(candidate, before, targets) for candidate in candidates] for before, targets in split
    ]
    refused = [
        next((f"{why} in fold {f + 1}" for f, (_, why) in enumerate(of_candidate) if why), "")
        for of_candidate in zip(*attempts, strict=True)
    ]
    forecasts = np.full((len(candidates), len(at)), np.nan)
    for c, candidate in enumerate(candidates):
        if not refused[c]:
            forecasts[c], refused[c] = _attempt(candidate, known, at)
    usable = np.array([not why for why in refused])
    if not usable.any():
        raise RelscaleError(
            "every candidate was rejected: "
            + "; ".join(f"{c.name}: {w}" for c, w in zip(candidates, refused, strict=True))
        )
    leader = next((c for c, candidate in enumerate(candidates) if candidate.name == LEADER), None)

    def weight_from(held_out: Sequence[HeldOut]) -> Array:
        return held_out_weights(held_out, usable, leader)

    held_out = [
        HeldOut.of(np.array([ahead for ahead, _ in of_fold]), targets, known.positive, by_curve)
        for of_fold, (_, targets) in zip(attempts, split, strict=True)
    ]
    weight = weight_from(held_out)
    forecast = combined(weight, forecasts, known.positive)
    nested = np.empty(len(parts))
    backtests: list[list[WeightedForecast]] = []
    for f, (before, targets) in enumerate(split):
        mean = np.full(len(targets), np.nan)
        backtests.append([])
        for rows, others in held_out_of_others(parts, held_out, f):
            some, ahead = weight_from(others), held_out[f].ahead[:, rows]
            mean[rows] = combined(some, ahead, known.positive)
            backtests[-1].append(
                WeightedForecast(before, targets.take(rows), some, ahead, mean[rows], known.positive)
            )
        nested[f] = _errors(mean, targets, known.positive, by_curve)[1]
    honest = np.mean([part.weight for fold in backtests for part in fold], axis=0)
    target = WeightedForecast(known, at, honest, forecasts, forecast, known.positive)
    nearest_first = not any(fold.is_random for fold in parts)
    return Extrapolation(
        candidates=tuple(candidate.name for candidate in candidates),
        folds=tuple(fold.meaning for fold in parts),
        rmse=np.stack([fold.rmse for fold in held_out], axis=1),
        r2=np.stack([fold.r2 for fold in held_out], axis=1),
        weight=weight,
        refused=tuple(refused),
        nested_r2=nested,
        by_candidate=forecasts,
        forecast=forecast,
        interval=prediction_interval(target, backtests, usable, level, nearest_first),
    )


def _candidates(known: Table, names: Sequence[str]) -> list[Candidate]:
    """The candidates that apply, or those of them whose names begin like one of ``names``."""
    candidates = candidates_for(known)
    for name in names:
        if not any(candidate.name.startswith(name) for candidate in candidates):
            raise RelscaleError(
                f"no candidate {name!r} applies; {suggestion(name, [c.name for c in candidates])}"
            )
    if names:
        candidates = [candidate for candidate in candidates if candidate.name.startswith(tuple(names))]
    if not candidates:
        is_curve = len(known.names) == 1
        hint = "; curves of one predictor other than log_flops need a positive y" if is_curve else ""
        raise RelscaleError(f"no candidate has the predictors {', '.join(known.names)}{hint}")
    return candidates


@dataclass(frozen=True)
class HeldOut:
    """The candidates' forecasts of held-out rows, and their errors.

    Attributes
    ----------
    targets
        The rows (m,).
    ahead
        (C, m) the forecasts.
    rmse, r2
        (C,) as in ``Extrapolation``; nan for a candidate that forecasts none of the rows.
    logs, by_curve
        Whether errors are those of ln y, and whether each curve has one of its own.
    """

    targets: Table
    ahead: Array
    rmse: Array
    r2: Array
    logs: bool
    by_curve: bool

    @classmethod
    def of(cls, ahead: Array, targets: Table, logs: bool, by_curve: bool) -> "HeldOut":
        """Forecasts with their errors."""
        rmse, r2 = np.array([_errors(of_candidate, targets, logs, by_curve) for of_candidate in ahead]).T
        return cls(targets, ahead, rmse, r2, logs, by_curve)

    def take(self, rows: NDArray[Any]) -> "HeldOut":
        """Some of the rows."""
        return HeldOut.of(self.ahead[:, rows], self.targets.take(rows), self.logs, self.by_curve)

    @cached_property
    def products(self) -> tuple[Array, Array]:
        """Mean products of the errors, per curve (``stacking``)."""
        error = _forecast_errors(self.ahead, self.targets.y, self.logs)
        return products(error, self.targets.group)


def held_out_of_others(
    parts: Sequence[Fold], held_out: Sequence[HeldOut], f: int
) -> Iterator[tuple[Labels, list[HeldOut]]]:
    """Rows of fold ``f`` that are forecast with the same weights, and the held-out rows that these are from: none of
    its own.

    Those of the other folds, without rows that are targets of both; or if it is the only fold, of its other curves.
    """
    fold = held_out[f]
    if len(parts) > 1:
        others = []
        for other, mask in zip(held_out, (part.targets for part in parts), strict=True):
            keep = ~parts[f].targets[mask]
            if keep.any():
                others.append(other if keep.all() else other.take(keep))
        yield np.arange(len(fold.targets)), others
        return
    of_curves = list(fold.targets.rows_of.values())
    for part in range(min(PARTS, len(of_curves))):
        other_curves = [rows for i, rows in enumerate(of_curves) if i % PARTS != part]
        others = [fold.take(np.concatenate(other_curves))] if other_curves else []
        yield np.concatenate(of_curves[part::PARTS]), others


def held_out_weights(held_out: Sequence[HeldOut], usable: Mask, leader: int | None) -> Array:
    """(C,) weights of the candidates from held-out rows, the nearest first; equal weights if there are none."""
    has_errors = usable & np.array([np.isfinite(rows.rmse) for rows in held_out]).all(axis=0)
    if not held_out or not has_errors.any():
        return np.asarray(usable / usable.sum())
    by_error = weights(np.stack([rows.rmse for rows in held_out], axis=1), has_errors)
    if not held_out[0].by_curve:
        return by_error
    vote = votes(len(held_out))
    return stacked([rows.products for rows in held_out], vote, by_error, has_errors, leader)


def votes(folds: int) -> Array:
    """Weights (F,) of the folds, the nearest first."""
    return np.asarray(1 / np.arange(1, folds + 1))


def weights(rmse: Array, usable: Mask) -> Array:
    """Weights (C,) of the candidates, from errors (C, F)."""
    vote = votes(rmse.shape[1])
    score = np.where(usable, 4 * np.log(np.maximum(rmse, 1e-9)) @ vote / vote.sum(), np.inf)
    weight = np.exp(score.min() - score)
    weight = np.where(weight >= LEAST * weight.sum(), weight, 0.0)
    return np.asarray(weight / weight.sum())


def combined(weight: Array, forecasts: Array, logs: bool) -> Array:
    """The weighted mean (m,) of forecasts (C, m); the weight of a missing forecast is divided among the others."""
    used = np.isfinite(forecasts) & (weight > 0)[:, None]
    share = np.where(used, weight[:, None], 0.0)
    with np.errstate(all="ignore"):
        values = np.where(used, np.log(forecasts) if logs else forecasts, 0.0)
        mean = (share * values).sum(axis=0) / share.sum(axis=0)
    return np.asarray(np.exp(mean) if logs else mean)


def _attempt(candidate: Candidate, known: Table, at: Table) -> tuple[Array, str]:
    """A candidate's forecast, and the reason if it is rejected.

    For curves of one predictor, each curve is rejected separately, and the candidate if these are a tenth of the rows.
    A score without a logarithm may leave its curve's own range, which may be small; it is compared with the range of
    all curves.
    """
    try:
        with np.errstate(all="ignore"):
            ahead = candidate.forecast(known, at)
    except (np.linalg.LinAlgError, ValueError) as error:
        return np.full(len(at), np.nan), f"no fit ({error})"
    if len(known.names) > 1:
        return ahead, refusal(ahead, known)
    why = ""
    ahead = ahead.copy()
    for group, of_group in at.rows_of.items():
        own = known.take(known.rows_of.get(group, NO_ROWS))
        compared = own if known.positive else known
        of_curve = refusal(ahead[of_group], compared, trend(own, at.take(of_group)))
        if of_curve:
            ahead[of_group], why = np.nan, of_curve
    return ahead, why if np.isnan(ahead).mean() > FEW else ""


def trend(known: Table, at: Table) -> Array:
    """(m,) how far a curve's trend may leave its known rows at each target; ln y if y is positive, over ln x."""
    (x,), (to,) = both_coordinates(known, at)
    if not len(x):
        return np.zeros(len(to))
    y = np.log(known.y) if known.positive else known.y
    distance = np.maximum(np.maximum(to - x.max(), x.min() - to), 0.0)
    return np.asarray(distance * steepest_slope(x, y[:, None]))


def refusal(ahead: Array, known: Table, explained: Array | float = 0.0) -> str:
    """The reason that a forecast (m,) is rejected, if it is; its trend explains a distance (m,) from the known y."""
    if not np.isfinite(ahead).all():
        return "no number"
    if known.positive and not (ahead > 0).all():
        return f"absurd forecast ({ahead[ahead <= 0][0]:.3g})"
    value, y = (np.log(ahead), np.log(known.y)) if known.positive else (ahead, known.y)
    low, high = float(y.min()), float(y.max())
    rounding = ROUNDING * (1.0 if known.positive else max(abs(low), abs(high)))
    reach = ABSURD * (high - low) + explained + rounding
    absurd = ahead[(value < low - reach) | (value > high + reach)]
    return f"absurd forecast ({absurd[0]:.3g})" if len(absurd) else ""


def explained_share(ahead: Array, y: Array) -> float:
    """R² of forecasts (m,) of y (m,); nan if y does not vary, as if it is a single one."""
    variance = float(np.var(y))
    return 1 - float(np.mean((ahead - y) ** 2)) / variance if variance > 0 else np.nan


def _forecast_errors(ahead: Array, y: Array, logs: bool) -> Array:
    """Errors of forecasts (..., m) of y (m,), in logarithms if ``logs``."""
    with np.errstate(all="ignore"):
        return np.asarray(np.log(ahead) - np.log(y) if logs else ahead - y)


def _errors(ahead: Array, targets: Table, logs: bool, by_curve: bool) -> tuple[float, float]:
    """Root mean squared error, in logarithms if all y are positive, and R², over the rows with a forecast."""
    has = np.isfinite(ahead)
    ahead, y, group = ahead[has], targets.y[has], targets.group[has]
    if not len(y):
        return np.nan, np.nan
    with np.errstate(all="ignore"):
        square = _forecast_errors(ahead, y, logs) ** 2
        parts = [square[rows] for rows in rows_of(group).values()] if by_curve else [square]
        rmse = float(np.exp(np.mean([np.log(np.mean(part) + 1e-18) for part in parts]) / 2))
        return rmse, explained_share(ahead, y)
