"""Extrapolation: backtest all candidates in folds, weight them by their errors, and average their forecasts.

    ŷ = Σ w_c ŷ_c,    w_c ∝ 1 / MSE_c²,    MSE_c the geometric mean of its mean squared errors over the folds

in logarithms if y is positive; the fold nearest to the targets has weight 1, the next 1/2, then 1/3 and so on. Several
curves of one predictor and positive y have equal weights, by the geometric mean of their errors, and candidates'
weights account for correlated errors (``stacking``). A candidate is rejected if one of its forecasts, in a fold or of
the targets, is not finite or absurd: not positive if all known y are, or further beyond them than their range, in
logarithms if y is positive. A curve of one predictor may go further by what its own trend over ln x explains at the
distance of a forecast from the known rows (``steepest_slope``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.extrapolation.candidate import Candidate, candidates_for
from relscale.extrapolation.folds import Fold, coordinates, make_folds
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
        (F,) R² of the weighted mean, with weights from the other folds, or from other curves if there is one fold.
    by_candidate
        (C, m) forecasts of the candidates.
    forecast
        (m,)
    interval
        Prediction interval of each row.
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
        lines.append(f"{'weighted mean, weights from other rows':{width}}          {nested}")
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
    candidates = candidates_for(known)
    for name in names:
        if not any(candidate.name.startswith(name) for candidate in candidates):
            raise RelscaleError(
                f"no candidate {name!r} applies; {suggestion(name, [c.name for c in candidates])}"
            )
    if names:
        candidates = [candidate for candidate in candidates if candidate.name.startswith(tuple(names))]
    if not candidates:
        of_curves = (
            "; curves of one predictor other than log_flops need a positive y"
            if len(known.names) == 1
            else ""
        )
        raise RelscaleError(f"no candidate has the predictors {', '.join(known.names)}{of_curves}")
    parts = list(folds) or make_folds(known, at)
    by_curve = len(known.names) == 1 and known.positive and len(np.unique(known.group)) > 1
    split = [(known.take(fold.known), known.take(fold.targets)) for fold in parts]
    refused = [""] * len(candidates)
    rmse, r2 = (np.full((len(candidates), len(parts)), np.nan) for _ in range(2))
    inside: list[list[Array]] = []
    for c, candidate in enumerate(candidates):
        inside.append([])
        for f, (before, targets) in enumerate(split):
            ahead, why = _attempt(candidate, before, targets)
            inside[-1].append(ahead)
            rmse[c, f], r2[c, f] = _errors(ahead, targets, known.positive, by_curve)
            refused[c] = refused[c] or (why and f"{why} in fold {f + 1}")
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
    ahead_of = [np.array(of_fold) for of_fold in zip(*inside, strict=True)]
    curves = []
    if by_curve:
        for (_, targets), ahead in zip(split, ahead_of, strict=True):
            curves.append(products(_forecast_errors(ahead, targets.y, known.positive), targets.group))
    leader = next((c for c, candidate in enumerate(candidates) if candidate.name == LEADER), None)

    def weight_from(some: Sequence[int]) -> Array:
        curve_weights = weights(rmse[:, some], usable)
        if not by_curve:
            return curve_weights
        return stacked([curves[f] for f in some], votes(len(some)), curve_weights, usable, leader)

    def unseen_weights() -> list[tuple[Labels, Array]]:
        """Of a single fold: the rows of some of its curves and weights from the other ones, for all curves."""
        targets, ahead = split[0][1], ahead_of[0]
        of_curves = list(targets.rows_of.values())
        if len(of_curves) == 1:
            return [(of_curves[0], usable / usable.sum())]
        result = []
        for part in range(min(PARTS, len(of_curves))):
            rows = np.concatenate([rows for i, rows in enumerate(of_curves) if i % PARTS != part])
            others, theirs = targets.take(rows), ahead[:, rows]
            errors = np.array([_errors(one, others, known.positive, by_curve)[:1] for one in theirs])
            weight = weights(errors, usable)
            if by_curve:
                of_others = products(_forecast_errors(theirs, others.y, known.positive), others.group)
                weight = stacked([of_others], votes(1), weight, usable, leader)
            result.append((np.concatenate(of_curves[part::PARTS]), weight))
        return result

    numbers = list(range(len(parts)))
    weight = weight_from(numbers)
    forecast = combined(weight, forecasts, known.positive)
    nested = np.empty(len(parts))
    held_out: list[list[WeightedForecast]] = []
    for f, (before, targets) in enumerate(split):
        others = [other for other in numbers if other != f]
        every = np.arange(len(targets))
        unseen = [(every, weight_from(others))] if others else unseen_weights()
        mean = np.full(len(targets), np.nan)
        held_out.append([])
        for rows, others_weight in unseen:
            ahead = ahead_of[f][:, rows]
            mean[rows] = combined(others_weight, ahead, known.positive)
            held_out[-1].append(
                WeightedForecast(before, targets.take(rows), others_weight, ahead, mean[rows])
            )
        nested[f] = _errors(mean, targets, known.positive, by_curve)[1]
    honest = np.mean([part.weight for fold in held_out for part in fold], axis=0)
    target = WeightedForecast(known, at, honest, forecasts, forecast)
    return Extrapolation(
        candidates=tuple(candidate.name for candidate in candidates),
        folds=tuple(fold.meaning for fold in parts),
        rmse=rmse,
        r2=r2,
        weight=weight,
        refused=tuple(refused),
        nested_r2=nested,
        by_candidate=forecasts,
        forecast=forecast,
        interval=prediction_interval(target, held_out, usable, level),
    )


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
    both = coordinates(np.hstack([known.x, at.x]))[0]
    x, to = both[: len(known)], both[len(known) :]
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
