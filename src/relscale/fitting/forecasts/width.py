"""Interval width of a forecast: the scatter of past forecasts as a function of their distance.

    s_j²(d) = r_j · (a + b · d),    a, b ≥ 0,    d = max(ln F / F_max, 0)
    ln y ± c · t_n · s_j(d)

a
    Error variance next to the data, which is mostly noise of a point.
b
    Variance added per factor e of compute, as in a random walk.
r_j
    Ratio of the mean squared error of curve j to that of its pool, shrunk to 1 with the weight of two origins.
t_n
    Quantile of Student's t with as many degrees of freedom as there are independent origins at this distance
    (``track_record.origin_counts``): errors at one origin come from the same fit, and far forecasts from neighbouring
    origins cover the same range of compute. With fewer than two origins, there is no interval.
c
    Less than 1, because past forecasts were fitted to less data than the current one.

a and b are fitted to the squared errors of all curves of a pool by weighted least squares, with weights 1/s⁴ (the
inverse variance of a squared error). Origins have equal weight, apart from a decay with the distance behind the last
origin; errors are clipped at 3 s. The variance grows with distance even if few origins do not show it: at the largest
backtested distance, it is at least twice that next to the data.

The variance is never less than that of the curve's points around its best law, since a new point scatters too. A few
points may fit a law by chance; if points are read off parabolas, the variance is therefore also at least the median
variance of a reading, from the scatter of the runs around their parabolas.

The decay of the weights does not reduce the degrees of freedom, which alone would make t too small; c is calibrated by
the coverage of backtests, which includes this effect. The power of d, the bound on errors, the weight of two origins
and c are set in ``ensemble_settings.EnsembleSettings``.
"""

import numpy as np

from relscale.confidence import t_quantile
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.ensemble_settings import EnsembleSettings
from relscale.fitting.forecasts.forecast_data import Indices
from relscale.fitting.forecasts.track_record import TrackRecord, origin_counts, recency

ITERATIONS = 12
SMALLEST = 2  # origins that an interval needs
LEAST = 1e-14  # of a variance


def half_widths(
    record: TrackRecord,
    curves: Indices,
    error: Floats,
    distance: Floats,
    level: float,
    settings: EnsembleSettings,
    scatter: Floats | float = 0.0,
) -> tuple[Floats, Floats, int]:
    """Half widths of the intervals of ln y at ``distance`` (Q', J'), from past errors (O, Q, J') of a pool's J' curves.

    Parameters
    ----------
    curves
        (J',) their positions in the record.
    scatter
        (J',) lower bound of the variance: that of a curve's points around its best law.

    Returns
    -------
    half width
        (Q', J'), nan with fewer than two origins.
    df
        (Q', J') degrees of freedom.
    origins
        Number of origins.
    """
    known = np.isfinite(error)
    has_forecast = np.asarray(known.any(axis=(1, 2)))
    n, df = origin_counts(record, has_forecast, distance)
    df = np.full(distance.shape, float(n)) if settings.overlap else df
    if n < SMALLEST:
        return np.full(distance.shape, np.nan), np.full(distance.shape, np.nan), n
    votes = known.sum(axis=(1, 2), keepdims=True)
    w = (recency(record, has_forecast, settings.recency)[:, None, None] * known / np.maximum(votes, 1))[known]
    square = (np.where(known, error, 0.0) ** 2)[known]
    d = np.maximum(record.distance[..., curves], 0)[known] ** settings.growth
    a, b = _line(square, d, w, settings.bound, settings.least_growth / max(d.max(), LEAST))

    ratio = np.zeros(error.shape)
    ratio[known] = w * np.minimum(square / np.maximum(a + b * d, LEAST), settings.bound**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.zeros(error.shape)
        share[known] = w
        curve_ratio = ratio.sum(axis=(0, 1)) / share.sum(axis=(0, 1))
        curve_ratio = curve_ratio / np.nanmean(curve_ratio)
    curve_ratio = np.where(
        np.isfinite(curve_ratio),
        (1 + n / settings.curve_prior * curve_ratio) / (1 + n / settings.curve_prior),
        1.0,
    )
    variance = np.maximum((a + b * np.maximum(distance, 0) ** settings.growth) * curve_ratio, scatter)
    reach = settings.width * t_quantile(df, level)
    return reach * np.sqrt(np.maximum(variance, 0)), df, n


def _line(square: Floats, d: Floats, w: Floats, bound: float, least: float) -> tuple[float, float]:
    """Fit a and b of the variance ``a + b · d`` to squared errors, by iteratively reweighted least squares."""
    mean = float((w * square).sum() / w.sum())
    a = b = mean / 2
    for _ in range(ITERATIONS):
        s2 = np.maximum(a + b * d, max(1e-9 * mean, LEAST))
        y, v = np.minimum(square, bound**2 * s2), w / s2**2
        n, x, xx, r, rx = v.sum(), (v * d).sum(), (v * d * d).sum(), (v * y).sum(), (v * y * d).sum()
        determinant = n * xx - x * x
        if determinant > 1e-9 * n * xx:
            a, b = (xx * r - x * rx) / determinant, (n * rx - x * r) / determinant
        if determinant <= 1e-9 * n * xx or b < least * a:
            rise = 1 + least * d
            a = (v * y * rise).sum() / (v * rise * rise).sum()
            b = least * a
        elif a < 0:
            a, b = 0.0, rx / xx
    return float(a), float(b)
