"""Prediction intervals of an extrapolation, from the errors of the same forecaster in the folds.

    e = ln ŷ − ln y,    u² = n² + Σ w_c (ln ŷ_c − ln ŷ)²,    e / u ~ s · t_ν
    ln ŷ ± s · u · t_ν,(1 + level) / 2

with y for ln y if y is not positive.

e
    Error of a held-out row, forecast with weights that were estimated without it.
u
    Expected size of an error: noise of a point and spread of the candidates, which grows with the distance from the
    known rows. Of two targets beyond the known rows of a curve of one predictor, the more distant one's is never
    smaller. A share of the weight is spread over all candidates, because weights are uncertain.
n
    Noise of a point of a curve of one predictor: the deviation from the line through its neighbours (Gasser, Sroka and
    Jennen-Steinmetz, *Biometrika* 73, 1986), which needs no law. With several predictors, the typical held-out error.
s
    Whether errors are larger or smaller than expected; common to all curves. A curve's own ratio in the past says
    little about its next one: on public curves their logarithms have correlations of −0.3 to 0.
ν
    Heavy tails: some curves bend.

s² is the maximum of the likelihood with a prior, by expectation maximisation (Lange, Little and Taylor, *J. American
Statistical Association* 84, 1989). A curve has a vote of 1 in the nearest fold, then 1/4, 1/9 and so on: errors of
earlier forecasts, which know fewer points, are larger. Folds of random settings, none of which is nearer, have equal
votes. Beyond the largest distance of a held-out row, or an octave if
that is more, u also grows in proportion to the distance.

ν, the prior, the share and the votes were chosen by the coverage and the interval score of forecasts inside the known
rows of public curves and of simulated ones (``docs/explanation/forecasts.md``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from relscale.confidence import t_quantile
from relscale.extrapolation.curve import OCTAVE
from relscale.extrapolation.folds import both_coordinates, coordinates
from relscale.extrapolation.table import NO_ROWS, Mask, Table, rows_of
from relscale.fitting.status import Status
from relscale.laws.law import Array

TAIL = 4.0  # ν
PRIOR = 0.7  # s² without held-out rows
PRIOR_VOTES = 8.0  # votes that it is worth
EVEN = 0.05  # share of the weight that is spread evenly over the candidates
ITERATIONS, CONVERGED = 100, 1e-8
LEAST = 1e-9  # of u, as a share of y
FEWEST = 3  # points of a curve, for the noise of a point
TOLERANCE = 1e-6  # of a distance, in ln x


@dataclass(frozen=True)
class WeightedForecast:
    """A weighted mean of candidates and what it was made of.

    Attributes
    ----------
    known, at
        The rows from which and at which it forecasts; ``at.y`` is known in a fold.
    weight
        (C,) weights of the candidates, estimated without the rows ``at``.
    by_candidate
        (C, m) their forecasts.
    value
        (m,) the forecast, which may have other weights.
    logs
        Whether errors are those of ln y.
    """

    known: Table
    at: Table
    weight: Array
    by_candidate: Array
    value: Array
    logs: bool

    @property
    def error(self) -> Array:
        """(m,) errors."""
        return self._difference(self.value, self.at.y)

    def spread(self, usable: Mask) -> Array:
        """(m,) variance of the usable candidates around the forecast."""
        share = (1 - EVEN) * self.weight + EVEN * usable / usable.sum()
        apart = self._difference(self.by_candidate, self.value)
        share = np.where(np.isfinite(apart), share[:, None], 0.0)
        with np.errstate(invalid="ignore"):
            square = (share * np.where(share > 0, apart, 0.0) ** 2).sum(axis=0) / share.sum(axis=0)
        return np.asarray(square)

    def _difference(self, a: Array, b: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(np.log(a) - np.log(b) if self.logs else a - b)


@dataclass(frozen=True)
class Interval:
    """Limits (m,), their level, and the status of each: enough points, and whether a fold tested its distance."""

    low: Array
    high: Array
    level: float
    status: tuple[Status, ...]


def distance(known: Table, at: Table) -> Array:
    """(m,) ln of the factor by which a row is beyond the known rows, of its curve if there is one predictor.

    Examples
    --------
    >>> known = Table(("tokens",), np.array([[1.0, 2.0]]), np.ones(2), np.zeros(2, int), np.arange(2))
    >>> at = Table(("tokens",), np.array([[1.5, 4.0]]), np.full(2, np.nan), np.zeros(2, int), np.arange(2))
    >>> (distance(known, at) / np.log(2)).tolist()
    [0.0, 1.0]
    """
    z, to = both_coordinates(known, at)
    if len(known.names) > 1:
        return _beyond(z, to)
    result = np.zeros(len(at))
    for group, rows in at.rows_of.items():
        of_group = known.rows_of.get(group, NO_ROWS)
        if len(of_group):
            result[rows] = _beyond(z[:, of_group], to[:, rows])
    return result


def _beyond(z: Array, to: Array) -> Array:
    low, high = z.min(axis=1, keepdims=True), z.max(axis=1, keepdims=True)
    return np.asarray(np.maximum(np.maximum(to - high, low - to), 0).max(axis=0))


def noise_variance(known: Table, logs: bool) -> dict[int, float]:
    """Variance of a point of each curve of one predictor, of ln y if ``logs``; 0 with fewer than three points.

    Point i deviates from the line through its neighbours by e_i = a_i y_{i−1} + b_i y_{i+1} − y_i, whose variance is
    a_i² + b_i² + 1 times that of a point if the curve is straight between them.
    """
    z = coordinates(known.names, known.x)[0]
    value = np.log(known.y) if logs else known.y
    result = {}
    for group, rows in known.rows_of.items():
        rows = rows[np.argsort(z[rows], kind="stable")]
        x, y = z[rows], value[rows]
        if len(x) < FEWEST:
            result[group] = 0.0
            continue
        between = x[2:] - x[:-2]
        apart = between > 0
        a = np.where(apart, (x[2:] - x[1:-1]) / np.where(apart, between, 1.0), 0.5)
        b = 1 - a
        deviation = a * y[:-2] + b * y[2:] - y[1:-1]
        result[group] = float(np.mean(deviation**2 / (a**2 + b**2 + 1)))
    return result


def prediction_interval(
    forecast: WeightedForecast,
    folds: Sequence[Sequence[WeightedForecast]],
    usable: Mask,
    level: float,
    nearest_first: bool = True,
) -> Interval:
    """Limits of one further measurement at each row of a forecast; none of an answer, which is right or wrong.

    Parameters
    ----------
    folds
        The forecasts of the held-out rows of each fold, in parts with other weights.
    usable
        (C,) candidates that may have weight.
    nearest_first
        Whether folds are in the order of their distance from the targets.
    """
    has_forecast = np.isfinite(forecast.value)
    if forecast.known.of_answers:
        without = np.full(len(forecast.at), np.nan)
        reasons = tuple(Status.NO_INTERVAL if has else Status.NO_FORECAST for has in has_forecast)
        return Interval(without, without, level, reasons)
    votes = [
        (1 / number**2 if nearest_first else 1.0, part)
        for number, fold in enumerate(folds, 1)
        for part in fold
    ]
    typical = 0.0 if len(forecast.known.names) == 1 else _mean_square(votes)
    size = expected_size(forecast, usable, typical)
    ratio, vote, tested = [np.zeros(0)], [np.zeros(0)], 0.0
    for of_fold, part in votes:
        square = (part.error / expected_size(part, usable, typical)) ** 2
        known = np.isfinite(square)
        for rows in rows_of(part.at.group[known]).values():
            ratio.append(square[known][rows])
            vote.append(np.full(len(rows), of_fold / len(rows)))
        tested = max(tested, float(distance(part.known, part.at)[known].max(initial=0.0)))
    scale = np.sqrt(squared_scale(np.concatenate(ratio), np.concatenate(vote)))
    away = distance(forecast.known, forecast.at)
    farther = away > tested + TOLERANCE
    growth = np.maximum(away / max(tested, OCTAVE), 1.0)
    half = t_quantile(TAIL, level) * scale * size * growth
    value = forecast.value
    with np.errstate(all="ignore"):
        low, high = (value * np.exp(by) if forecast.logs else value + by for by in (-half, half))
    status = np.select(
        [~has_forecast, ~(np.isfinite(low) & np.isfinite(high)), _of_short_curve(forecast), farther],
        [Status.NO_FORECAST, Status.NO_INTERVAL, Status.TOO_FEW_POINTS, Status.EXTRAPOLATED_WIDTH],
        Status.OK,
    )
    return Interval(np.asarray(low), np.asarray(high), level, tuple(map(Status, status)))


def _of_short_curve(forecast: WeightedForecast) -> Mask:
    """(m,) whether a row is of a curve of one predictor with too few points for their noise."""
    known, at = forecast.known, forecast.at
    if len(known.names) > 1:
        return np.zeros(len(at), dtype=bool)
    enough = [group for group, rows in known.rows_of.items() if len(np.unique(known.x[0, rows])) >= FEWEST]
    return np.asarray(~np.isin(at.group, enough))


def expected_size(forecast: WeightedForecast, usable: Mask, typical: float = 0.0) -> Array:
    """(m,) u, with ``typical`` in place of n² for rows of several predictors."""
    known, at = forecast.known, forecast.at
    least = LEAST * (1.0 if forecast.logs else float(np.abs(known.y).max()))
    of_point = noise_variance(known, forecast.logs) if len(known.names) == 1 else {}
    noise = np.array([of_point.get(int(group), typical) for group in at.group])
    size = np.sqrt(noise + forecast.spread(usable) + least**2)
    if len(known.names) > 1:
        return np.asarray(size)
    away = distance(known, at)
    for rows in at.rows_of.values():
        beyond = rows[away[rows] > 0]
        outward = beyond[np.argsort(away[beyond], kind="stable")]
        not_farther = np.searchsorted(away[outward], away[outward], side="right") - 1
        size[outward] = np.fmax.accumulate(size[outward])[not_farther]
    return size


def _mean_square(votes: Sequence[tuple[float, WeightedForecast]]) -> float:
    """Mean squared held-out error, by the votes of the folds."""
    squares = [(vote, part.error[np.isfinite(part.error)] ** 2) for vote, part in votes]
    total = sum(vote * len(square) for vote, square in squares)
    return sum(vote * float(square.sum()) for vote, square in squares) / total if total else 0.0


def squared_scale(ratio: Array, vote: Array) -> float:
    """s², from (e / u)² (r,) and the votes (r,) of the rows."""
    scale = PRIOR
    for _ in range(ITERATIONS):
        trusted = vote * (TAIL + 1) / (TAIL + ratio / scale)
        last, scale = scale, (PRIOR_VOTES * PRIOR + (trusted * ratio).sum()) / (PRIOR_VOTES + vote.sum())
        if abs(scale - last) <= CONVERGED * last:
            break
    return float(scale)
