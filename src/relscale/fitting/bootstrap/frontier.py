"""The frontier under resampled runs: parabola, optimum, and every error at it.

Within each budget the runs are drawn with replacement. Given weights w of the runs, the parabola of validation loss has
its minimum at x*, and the error of any series there is a weighted mean of the runs' values,

    E = Σ_r a_r · y_r,    a_r = w_r · p(x_r)ᵀ · (Xᵀ W X)⁻¹ · p(x*),    p(x) = (1, x, x²),

the same a for every series: two small systems a draw, and one product for all series. Each budget's compute, and the
parameters that go with a number of tokens, are the design's and stay as they are.

A draw without an interior minimum at some budget has no optimum there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.bootstrap.schemes import PAIRS, weights
from relscale.fitting.frontier import Point
from relscale.fitting.ladder import Floats, Ladder
from relscale.laws import parabola


@dataclass(frozen=True)
class FrontierDraws:
    """What each draw finds along the frontier; P points, K series, B draws; nan where a budget has no optimum in it.

    Attributes
    ----------
    log_tokens, log_params
        (P, B) at the optimum.
    value
        (P, K, B) every series' error there.
    """

    log_tokens: Floats
    log_params: Floats
    value: Floats


def frontier_draws(
    ladder: Ladder, points: list[Point], draws: int, rng: np.random.Generator
) -> FrontierDraws:
    """Resample the runs of each budget, and read the frontier and every series off again."""
    found = FrontierDraws(
        log_tokens=np.full((len(points), draws), np.nan),
        log_params=np.full((len(points), draws), np.nan),
        value=np.full((len(points), len(ladder.series), draws), np.nan),
    )
    for i, point in enumerate(points):
        if point.status != "ok":
            continue
        rows = point.rows
        drawn = weights(PAIRS, len(rows), draws, rng)
        x = np.log(ladder.tokens[rows]) - point.x_mean
        best = optimum(x, ladder.loss[rows], drawn)
        found.log_tokens[i] = best + point.x_mean
        tokens, first = np.unique(x, return_index=True)
        found.log_params[i] = np.interp(best, tokens, np.log(ladder.params[rows][first]))
        values = ladder.values[rows]
        known = np.isfinite(values)
        for pattern in np.unique(known, axis=1).T:
            columns = np.flatnonzero((known == pattern[:, None]).all(axis=0))
            mean_of = reading_weights(x[pattern], drawn[pattern], best)
            found.value[i, columns] = values[np.ix_(pattern, columns)].T @ mean_of
    return found


def optimum(x: Floats, loss: Floats, weight: Floats) -> Floats:
    """(B,) where weighted parabolas of loss (n,) in x (n,) are least; nan where that is not within the runs drawn."""
    moments, enough = _moments(x, weight)
    c = np.linalg.solve(moments, np.einsum("nb,pn,n->bp", weight, parabola.powers(x), loss)[..., None])
    best = parabola.minimum(c[..., 0].T)[0]
    there = np.where(weight > 0, x[:, None], np.nan)
    with np.errstate(invalid="ignore"):
        inside = (np.nanmin(there, axis=0) < best) & (best < np.nanmax(there, axis=0))
    return np.where(enough & inside, best, np.nan)


def reading_weights(x: Floats, weight: Floats, at: Floats) -> Floats:
    """a of the formula above, (n, B): what each run counts in the value at ``at`` (B,); nan where that is not known."""
    if len(x) < parabola.SMALLEST:
        return np.full(weight.shape, np.nan)
    moments, enough = _moments(x, weight)
    g = np.linalg.solve(moments, parabola.powers(at).T[..., None])[..., 0]  # (B, 3)
    there = weight > 0
    low = np.where(there, x[:, None], np.inf).min(axis=0)
    high = np.where(there, x[:, None], -np.inf).max(axis=0)
    with np.errstate(invalid="ignore"):
        reached = enough & (low <= at) & (at <= high)
    return np.where(reached, weight * (parabola.powers(x).T @ g.T), np.nan)


def _moments(x: Floats, weight: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """``XᵀWX`` of each draw (B, 3, 3), and whether it has three token counts; the identity where it has not."""
    p = parabola.powers(x)
    designs = np.unique(x, return_inverse=True)[1]
    member = designs == np.arange(designs.max() + 1)[:, None]  # (designs, n)
    enough = ((member @ weight) > 0).sum(axis=0) >= parabola.SMALLEST
    moments = np.einsum("nb,pn,qn->bpq", weight, p, p)
    return np.where(enough[:, None, None], moments, np.eye(3)), enough
