"""Straight lines of log error, or log ratio, on log compute.

    y_i = level + slope · z_i + noise,    z = x − reference,    reference = mean x

Centred on the fitted points. Least squares with equal weights, because it is unknown whether noise of single runs
(smaller if a budget has more runs) or of whole budgets (equal for all) dominates, and each would need other weights.
``Lines.leverage`` takes the worse of the two instead.

Two to five points may by chance scatter less around a line than their own uncertainty implies. Where points state their
own variance v_i, intervals therefore also go by what follows from the v_i (``Lines.point_variance_of``).

Where points are checkpoints of one training they are not independent, and the scatter around the line says little of
how unsure it is: then the variance is that of leaving out each training (``inference.bootstrap.blocks``). The same
where points are budgets that share trainings, which are read off anew without each of them (``Curves.without``):

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

SMALLEST = 3  # points that a line with an interval needs
LEAST_SPREAD = (
    1e-6  # of x, the root of its mean square; less is the rounding of one compute, and fixes no slope
)


@dataclass(frozen=True)
class Lines:
    """Least-squares lines, one for each entry of ``...``; P points.

    Attributes
    ----------
    n
        (...) points used.
    reference, low, high
        (...) mean, least and largest x of the points used.
    level, slope
        (...) at ``reference``; nan if n < 3.
    sxx
        (...) Σ z².
    residuals
        (P, ...), 0 at points that are not used.
    noise
        (3, ...) Σ h, Σ h·z, Σ h·z², where h_i is the variance of point i as far as it comes from single runs, in any
        unit.
    blocks
        (...) how many trainings the points come from, where some share one; None if each has its own.
    covariance
        (3, ...) variance of the level, covariance, variance of the slope over these trainings; None likewise.
    z, point_variance
        (P, ...) x − reference, 0 at points that are not used, and what the points state of their own uncertainty;
        None if they do not.
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
        """Degrees of freedom: n − 2, or one less than there are trainings where points share them."""
        return self.n - 2 if self.blocks is None else self.blocks - 1

    @property
    def variance(self) -> Floats:
        """Residual variance; nan if there are no degrees of freedom."""
        df = self.n - 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(df > 0, (self.residuals**2).sum(axis=0) / df, np.nan)

    def variance_of(self, level: Floats | float, slope: Floats | float) -> Floats:
        """Variance of ``level·(fitted level) + slope·(fitted slope)``, as far as runs vary."""
        if self.covariance is not None:
            return quadratic(self.covariance, level, slope)
        return self.variance * self.leverage(level, slope)

    def point_variance_of(self, level: Floats | float, slope: Floats | float) -> tuple[Floats, Floats]:
        """The same variance as the points' own variances have it, and its degrees of freedom; zeros where unknown.

        With v_i the variance of point i on d_i degrees of freedom and w_i its weight, level/n + slope·z_i/Sxx,

            V = Σ w_i² v_i,    df = Σ d_i

        Satterthwaite's degrees of freedom are fewer where one point has most of the variance; they cover no closer to
        nominal (``docs/explanation/coverage.md``, "optima read off parabolas").
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
        """As ``run_leverage``, or for points of equal variance where that is more."""
        with np.errstate(invalid="ignore", divide="ignore"):
            equal = level * level / self.n + slope * slope / self.sxx
        return np.maximum(equal, self.run_leverage(level, slope))

    def at(self, x: Floats) -> Floats:
        """The lines at x, of a shape that broadcasts with ``...``."""
        return self.level + self.slope * (x - self.reference)


def curve_lines(curves: Curves) -> Lines:
    """A line through each curve, with what is known of its noise and of the trainings behind it."""
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
    """Fit a line to each column of ``y`` (P, ...) on ``x`` (P,), its nan points left out.

    Parameters
    ----------
    noise
        (P, ...) variance of each point as far as it comes from single runs, in any unit; 1 by default.
    blocks
        (P,) the training run of each point; each has its own by default.
    point_variance
        What the points state of their own uncertainty.
    without
        (P, ..., G) ``y`` as it is without each of G trainings that the points share; nan if a point is then lost,
        and the line goes through those that are left.
    """
    used = np.isfinite(y)
    h = np.where(used, 1.0 if noise is None else noise, 0.0)
    abscissae = x
    x = np.broadcast_to(x.reshape(-1, *[1] * (y.ndim - 1)), y.shape)
    n = used.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        reference = np.where(used, x, 0).sum(axis=0) / n
        mean = np.where(used, y, 0).sum(axis=0) / n
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
    """Whether n points with Σ z² = ``sxx`` fix a slope."""
    return sxx > n * LEAST_SPREAD**2


def _or_nan(x: Floats) -> Floats:
    return np.where(np.isfinite(x), x, np.nan)
