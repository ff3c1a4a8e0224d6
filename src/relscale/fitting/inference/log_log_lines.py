"""Straight lines of log error, or log ratio, on log compute.

    y_i = level + slope · z_i + noise,    z = x − reference,    reference = mean x

Centred on the fitted points. Least squares with equal weights, because it is unknown whether noise of single runs
(smaller if a budget has more runs) or of whole budgets (equal for all) dominates, and these need different weights.
``Lines.leverage`` uses the larger variance of the two.

Two to five points may by chance scatter less around a line than their uncertainty implies. If points have a known
variance v_i, intervals therefore also use the v_i (``Lines.point_variance_of``).

If points are checkpoints of one training run, they are not independent, and the scatter around the line does not
measure its uncertainty; the variance is then the jackknife's, without each training run in turn
(``inference.bootstrap.blocks``). The same holds if points are budgets that share training runs, whose values are
estimated again without each run (``Curves.without``):

    V = (G − 1) / G · Σ_g (θ_(g) − θ)²
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import Curves, PointVariance
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.blocks import block_lines, block_sums, quadratic
from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.spread import known_mean

SMALLEST = 3  # minimum number of points for an interval
EXACT = 1e-12  # of y, or of 1 if that is larger; scatter that is only rounding
LEAST_SPREAD = 1e-6  # of x, the root of its mean square; a smaller spread is rounding of one compute


@dataclass(frozen=True)
class Lines:
    """Least-squares lines, one for each entry of ``...``; P points.

    Attributes
    ----------
    n
        (...) number of points used.
    reference, low, high
        (...) mean, smallest and largest x of the points used.
    level, slope
        (...) at ``reference``; nan if n < 3.
    sxx
        (...) Σ z².
    residuals
        (P, ...), 0 at points that are not used.
    noise
        (3, ...) Σ h, Σ h·z, Σ h·z², where h_i is the variance of point i from single runs, in any unit.
    blocks
        (...) number of training runs of the points if some share one; None if each has its own.
    covariance
        (3, ...) variance of the level, covariance, variance of the slope over these training runs; else None.
    z, point_variance
        (P, ...) x − reference, 0 at points that are not used, and the points' known variance; None if unknown.
    """

    n: Floats
    reference: Floats
    low: Floats
    high: Floats
    level: Floats
    slope: Floats
    sxx: Floats
    residuals: Floats
    noise: Floats
    blocks: Floats | None = None
    covariance: Floats | None = None
    z: Floats | None = None
    point_variance: PointVariance | None = None

    @property
    def df(self) -> Floats:
        """Degrees of freedom: n − 2, or the number of training runs minus 1 if points share them."""
        return self.n - 2 if self.blocks is None else self.blocks - 1

    @property
    def variance(self) -> Floats:
        """Residual variance; nan if there are no degrees of freedom."""
        df = self.n - 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(df > 0, (self.residuals**2).sum(axis=0) / df, np.nan)

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Whether all points are on the line, so that their scatter is only rounding."""
        return self.variance <= (EXACT * np.maximum(1.0, np.abs(self.level))) ** 2

    def variance_of(self, level: Floats | float, slope: Floats | float) -> Floats:
        """Variance of ``level·(fitted level) + slope·(fitted slope)`` over runs."""
        if self.covariance is not None:
            return quadratic(self.covariance, level, slope)
        return self.variance * self.leverage(level, slope)

    def point_variance_of(self, level: Floats | float, slope: Floats | float) -> tuple[Floats, Floats]:
        """The same variance from the points' known variances, and its degrees of freedom; zeros if unknown.

        With v_i the variance of point i on d_i degrees of freedom and w_i its weight, level/n + slope·z_i/Sxx,

            V = Σ w_i² v_i,    df = Σ d_i

        Satterthwaite's degrees of freedom are fewer if one point has most of the variance; their coverage is no closer
        to nominal (``docs/explanation/coverage.md``, "optima read off parabolas").
        """
        if self.z is None or self.point_variance is None or self.covariance is not None:
            return np.zeros_like(self.n), np.zeros_like(self.n)
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = level / self.n + slope * self.z / self.sxx
            variance = np.nan_to_num(weights**2 * self.point_variance.variance).sum(axis=0)
        return variance, self.point_variance.df.sum(axis=0)

    def run_leverage(self, level: Floats | float, slope: Floats | float) -> Floats:
        """Variance of ``level·(fitted level) + slope·(fitted slope)`` over the expected residual variance.

        For noise of variance proportional to h; for equal h it is ``level²/n + slope²/Sxx``.
        """
        h0, h1, h2 = self.noise
        with np.errstate(invalid="ignore", divide="ignore"):
            a, b = level / self.n, slope / self.sxx
            expected = (h0 * (1 - 1 / self.n) - h2 / self.sxx) / (self.n - 2)
            factor: Floats = (a * a * h0 + 2 * a * b * h1 + b * b * h2) / expected
            return factor

    def leverage(self, level: Floats | float, slope: Floats | float) -> Floats:
        """Like ``run_leverage``, or for points of equal variance if that is larger."""
        with np.errstate(invalid="ignore", divide="ignore"):
            equal = level * level / self.n + slope * slope / self.sxx
        return np.maximum(equal, self.run_leverage(level, slope))

    def at(self, x: Floats) -> Floats:
        """The lines at x, of a shape that broadcasts with ``...``."""
        return self.level + self.slope * (x - self.reference)


def curve_lines(curves: Curves) -> Lines:
    """A line through each curve, with the known noise and the training runs of its points."""
    return lines(
        curves.log_flops, curves.value, curves.noise, curves.blocks, curves.point_variance, curves.without
    )


def lines(
    x: Floats,
    y: Floats,
    noise: Floats | None = None,
    blocks: Sequence[str] | None = None,
    point_variance: PointVariance | None = None,
    without: Floats | None = None,
) -> Lines:
    """Fit a line to each column of ``y`` (P, ...) on ``x`` (P,), without its nan points.

    Parameters
    ----------
    noise
        (P, ...) variance of each point from single runs, in any unit; 1 by default.
    blocks
        (P,) the training run of each point; each has its own by default.
    without
        (P, ..., G) ``y`` without each of G training runs that the points share; nan if a point is lost, and the line is
        fitted to the remaining points.
    """
    used = np.isfinite(y)
    h = np.where(used, 1.0 if noise is None else noise, 0.0)
    abscissae = x
    x = np.broadcast_to(x.reshape(-1, *[1] * (y.ndim - 1)), y.shape)
    n = used.sum(axis=0).astype(float)
    reference, mean = known_mean(x, used), known_mean(y, used)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(used, x - reference, 0)
        rise = np.where(used, y - mean, 0)
        sxx = (z * z).sum(axis=0)
        spread = has_spread(sxx, n)
        slope = (z * rise).sum(axis=0) / np.where(spread, sxx, np.nan)
    enough = (n >= SMALLEST) & spread
    number = covariance = None
    if blocks is not None and len(set(blocks)) < len(blocks):
        moments = block_sums(z, y, members(blocks))
        number = (moments[0] > 0).sum(axis=0).astype(float)
        unit_weights = np.ones((moments.shape[1], 1))
        covariance = np.where(enough, block_lines(moments, unit_weights).covariance[..., 0], np.nan)
    if without is not None:
        number = np.full(n.shape, float(without.shape[-1]))
        reduced = lines(abscissae, np.where(used[..., None], without, np.nan))
        by_level = reduced.at(reference[..., None]) - mean[..., None]
        by_slope = reduced.slope - slope[..., None]
        squares = [by_level * by_level, by_level * by_slope, by_slope * by_slope]
        covariance = np.where(enough, (number - 1) / number * np.stack(squares).sum(axis=-1), np.nan)
    return Lines(
        n=n,
        reference=np.where(n > 0, reference, np.nan),
        low=_or_nan(np.where(used, x, np.inf).min(axis=0)),
        high=_or_nan(np.where(used, x, -np.inf).max(axis=0)),
        level=np.where(enough, mean, np.nan),
        slope=np.where(enough, slope, np.nan),
        sxx=np.where(enough, sxx, np.nan),
        residuals=rise - np.where(enough, slope, 0) * z,
        noise=np.stack([h.sum(axis=0), (h * z).sum(axis=0), (h * z * z).sum(axis=0)]),
        blocks=number,
        covariance=covariance,
        z=None if point_variance is None else z,
        point_variance=None
        if point_variance is None
        else PointVariance(
            *(np.where(used, part, 0.0) for part in (point_variance.variance, point_variance.df))
        ),
    )


def has_spread(sxx: Floats, n: Floats) -> NDArray[np.bool_]:
    """Whether n points with Σ z² = ``sxx`` determine a slope."""
    return sxx > n * LEAST_SPREAD**2


def _or_nan(x: Floats) -> Floats:
    return np.where(np.isfinite(x), x, np.nan)
