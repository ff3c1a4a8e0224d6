"""Case deletion: lines without each unit of their points in turn, in closed form.

A least-squares line depends on its points through a few sums, and the line without a unit on these sums minus the
unit's own. With z and r the predictor and the residual of the line through all points,

    z̄ = Σz / n,    Szz = Σz² − n·z̄²,    Szr = Σzr − z̄·Σr,    slope = slope of all + Szr / Szz,
    residual sum of squares = Σr² − (Σr)² / n − Szr² / Szz,

with sums over the remaining points. This is O(P) for all units together, while fitting again without each is O(P²).

If a unit has nearly all of Szz, or of the residual sum of squares, the difference loses nearly all digits. A curve has
few such units, and its line without each of them is fitted again.

Shapes: P points, U units, J curves.

Source: Cook and Weisberg, *Residuals and Influence in Regression*, 1982, chapter 2.
"""

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.blocks import block_lines, block_sums, over_blocks
from relscale.fitting.inference.interval import ItemLines, item_lines
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, has_spread, lines
from relscale.fitting.inference.spread import known_mean

LEAST_SHARE = 1e-4  # of a sum that remains without a unit; below it, too few digits are right
FIELDS = ("n", "reference", "low", "high", "level", "slope", "sxx")


def lines_without(x: Floats, y: Floats, noise: Floats, unit: NDArray[np.int64]) -> Lines:
    """Lines of ``relscale.fitting.inference.log_log_lines.lines`` without the points of each unit in turn.

    Parameters
    ----------
    x, y, noise
        (P,), (P, J) and (P, J).
    unit
        (P,) the unit of each point, numbered from 0 without gaps.

    Returns
    -------
    Lines
        Arrays (U, J); ``residuals`` (1, U, J) is the root of the residual sum of squares.
    """
    full = lines(x, y, noise)
    used = np.isfinite(y)
    h = np.where(used, noise, 0.0)
    z = np.where(used, x[:, None] - full.reference, 0.0)
    r = full.residuals

    def rest(part: Floats) -> Floats:
        return np.asarray(part.sum(axis=0) - over_blocks(np.add, part, unit))

    n, z_sum, r_sum, zz, zr, rr = map(rest, (used.astype(float), z, r, z * z, z * r, r * r))
    h0, h1, h2 = map(rest, (h, h * z, h * z * z))
    with np.errstate(invalid="ignore", divide="ignore"):
        middle, mean = z_sum / n, r_sum / n
        sxx = zz - n * middle**2
        enough = (n >= SMALLEST) & has_spread(sxx, n)
        change = np.where(enough, (zr - middle * r_sum) / sxx, np.nan)
        squares = rr - r_sum * mean - change**2 * sxx
        lost = enough & (
            (sxx < LEAST_SHARE * (z * z).sum(axis=0)) | (squares < LEAST_SHARE * (r * r).sum(axis=0))
        )
    reduced = Lines(
        n=n,
        reference=np.where(n > 0, full.reference + middle, np.nan),
        low=_without(np.where(used, x[:, None], np.inf), unit),
        high=-_without(np.where(used, -x[:, None], np.inf), unit),
        level=np.where(enough, full.level + full.slope * middle + mean, np.nan),
        slope=np.where(enough, full.slope + change, np.nan),
        sxx=np.where(enough, sxx, np.nan),
        residuals=np.sqrt(np.maximum(squares, 0))[None],
        noise=np.stack([h0, h1 - middle * h0, h2 - 2 * middle * h1 + middle**2 * h0]),
    )
    for u in np.flatnonzero(lost.any(axis=1)):
        j = np.flatnonzero(lost[u])
        again = lines(x, np.where((unit == u)[:, None], np.nan, y[:, j]), noise[:, j])
        for name in FIELDS:
            getattr(reduced, name)[u, j] = getattr(again, name)
        reduced.residuals[0, u, j] = np.sqrt((again.residuals**2).sum(axis=0))
        reduced.noise[:, u, j] = again.noise
    return reduced


def over_trainings(
    without: Lines, x: Floats, y: Floats, unit: NDArray[np.int64], units: NDArray[np.int64]
) -> Lines:
    """The lines of ``lines_without`` without ``units`` (W,), with their jackknife over the remaining units.

    Units are training runs that some points share. Time and memory grow as U·W.
    """
    reference = lines(x, y).reference
    moments = block_sums(x[:, None] - reference, y, unit)
    weights = (np.arange(moments.shape[1])[:, None] != units).astype(float)
    covariance = block_lines(moments, weights).covariance.swapaxes(
        1, 2
    )  # (3, W, J), relative to the reference of all points
    present = (moments[0] > 0).astype(float)
    fields = {name: getattr(without, name)[units] for name in FIELDS}
    away = fields["reference"] - reference
    covariance = _covariance_at(covariance, away)
    return Lines(
        **fields,
        residuals=without.residuals[:, units],
        noise=without.noise[:, units],
        blocks=present.sum(axis=0) - present[units],
        covariance=np.where(np.isfinite(fields["slope"]), covariance, np.nan),
    )


def over_left_out(without: Lines, curve: Curves, unit: NDArray[np.int64], units: NDArray[np.int64]) -> Lines:
    """The lines of ``lines_without`` without ``units`` (W,), with the jackknife over the training runs of budgets.

    For one curve whose budgets share training runs: the remaining budgets are estimated without each run in turn.
    """
    assert curve.without is not None
    reduced = []
    for number in units:
        rest = unit != number
        reduced.append(lines(curve.log_flops[rest], curve.value[rest], without=curve.without[rest]))
    return Lines(
        **{name: getattr(without, name)[units] for name in FIELDS},
        residuals=without.residuals[:, units],
        noise=without.noise[:, units],
        blocks=np.stack([np.asarray(curve_lines.blocks) for curve_lines in reduced]),
        covariance=np.stack([np.asarray(curve_lines.covariance) for curve_lines in reduced], axis=1),
    )


def items_without(
    curve: Curves, without: Lines, unit: NDArray[np.int64], units: NDArray[np.int64]
) -> ItemLines:
    """The lines of one curve's replicates without ``units`` (W,), whose ``without`` is (W, 1).

    If points share training runs, the interaction is that of all points, which is at most that of the remaining ones.
    """
    x, y = curve.log_flops, curve.value
    used = np.isfinite(y)
    complete = np.all(np.isfinite(curve.replicates) | ~used[..., None], axis=(0, 1))
    deviations = np.where(used & complete, curve.replicates[:, 0] - y, np.nan)
    lines_of_draws = lines_without(x, deviations, np.ones_like(deviations), unit)
    slope, level = lines_of_draws.slope[units], lines_of_draws.level[units]
    known = np.isfinite(slope)
    variance = known_mean(lines_of_draws.variance[units], known, 1)
    covariance = None
    if without.covariance is not None:
        estimate = lines(x, y, blocks=curve.blocks)
        of_all = item_lines(x, y, curve.replicates, estimate, curve.blocks).covariance
        if of_all is not None:
            covariance = _covariance_at(of_all[:, None], without.reference - estimate.reference)
    return ItemLines(
        level=without.level[..., None] + level[:, None],
        slope=without.slope[..., None] + slope[:, None],
        interaction=variance[:, None],
        covariance=covariance,
        clusters=curve.clusters,
    )


def _covariance_at(covariance: Floats, distance: Floats) -> Floats:
    """The covariance (3, ...) of a line's level and slope, with the level at another x."""
    level, covariance_term, slope = covariance
    parts = (
        level + 2 * distance * covariance_term + distance**2 * slope,
        covariance_term + distance * slope,
        slope,
    )
    return np.stack(np.broadcast_arrays(*parts))


def _without(x: Floats, unit: NDArray[np.int64]) -> Floats:
    """(U, J) the smallest x (P, J) outside each unit: that of all, or of the next unit; nan if none is finite."""
    least = over_blocks(np.minimum, x, unit)
    order = np.argsort(least, axis=0, kind="stable")
    first = np.take_along_axis(least, order[:1], axis=0)
    second = np.take_along_axis(least, order[1:2], axis=0) if len(least) > 1 else np.full_like(first, np.inf)
    result = np.where(np.arange(len(least))[:, None] == order[0], second, first)
    return np.where(np.isfinite(result), result, np.nan)
