"""Bootstrap of the frontier: parabola, optimum and errors under resampled runs.

**Pairs.** Within each budget the runs are drawn with replacement. Given weights w of the runs, the parabola of
validation loss has its minimum at x*, and the error of any series there is a weighted mean of the runs' values,

    E = Σ_r a_r · y_r,    a_r = w_r · p(x_r)ᵀ · (Xᵀ W X)⁻¹ · p(x*),    p(x) = (1, x, x²),

with the same a for every series: two small systems per draw, and one product for all series. With few runs, many draws
have too few distinct widths for a parabola.

**Residual.** The runs are kept; each gets the residuals of a run drawn from its budget, enlarged by √(n / (n − 3)).
Those of all series are from the same run, which keeps them paired. A budget of three runs has no residuals to draw.

Each budget's compute, and the parameters that belong to a number of tokens, are fixed by the design. A draw
without an interior minimum at some budget has no optimum there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.inference.bootstrap.schemes import PAIRS, RESIDUAL, weights
from relscale.fitting.status import OK
from relscale.laws import parabola


@dataclass(frozen=True)
class FrontierDraws:
    """The frontier in each draw; P points, K series, B draws; nan if a budget has no optimum in the draw.

    Attributes
    ----------
    log_tokens, log_params
        (P, B) at the optimum.
    value
        (P, K, B) the error of every series at the optimum.
    """

    log_tokens: Floats
    log_params: Floats
    value: Floats


def frontier_draws(
    matrix: RunMatrix, points: list[Point], scheme: str, draws: int, rng: np.random.Generator
) -> FrontierDraws:
    """Resample the runs of each budget by "pairs" or "residual", and estimate the frontier and every series again."""
    found = FrontierDraws(
        log_tokens=np.full((len(points), draws), np.nan),
        log_params=np.full((len(points), draws), np.nan),
        value=np.full((len(points), len(matrix.series), draws), np.nan),
    )
    read = {PAIRS: _pairs, RESIDUAL: _residual}[scheme]
    for i, point in enumerate(points):
        if point.status != OK:
            continue
        rows = point.rows
        x = np.log(matrix.tokens[rows]) - point.x_mean
        best, found.value[i] = read(x, matrix.loss[rows], matrix.values[rows], draws, rng)
        found.log_tokens[i] = best + point.x_mean
        tokens, first = np.unique(x, return_index=True)
        found.log_params[i] = np.interp(best, tokens, np.log(matrix.params[rows][first]))
    return found


def _pairs(
    x: Floats, loss: Floats, values: Floats, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """x* (B,) and every series there (K, B), from x and loss (n,) and values (n, K) of resampled runs."""
    drawn = weights(PAIRS, len(x), draws, rng)
    best = optimum(x, loss, drawn)
    read = np.full((values.shape[1], draws), np.nan)
    for known, columns in equal_columns(np.isfinite(values)):
        read[columns] = values[np.ix_(known, columns)].T @ reading_weights(x[known], drawn[known], best)
    return best, read


def _residual(
    x: Floats, loss: Floats, values: Floats, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Like ``_pairs``, from runs with the residuals of others."""
    drawn = rng.integers(0, len(x), (len(x), draws))
    best = parabola.minimum(parabola.coefficients(x, _redrawn(x, loss[:, None], drawn)[:, 0]))[0]
    with np.errstate(invalid="ignore"):
        best = np.where((x.min() < best) & (best < x.max()), best, np.nan)
    read = np.full((values.shape[1], draws), np.nan)
    for known, columns in equal_columns(np.isfinite(values)):
        if known.sum() < parabola.SMALLEST:
            continue
        # A run without a value of a series has no residual of it; another run's is used.
        source_runs = drawn[known] % known.sum()
        again = _redrawn(x[known], values[np.ix_(known, columns)], source_runs)
        read[columns] = parabola.value(parabola.coefficients(x[known], again), best)
    return best, read


def _redrawn(x: Floats, y: Floats, drawn: NDArray[np.int64]) -> Floats:
    """(n, K, B) the parabolas of y (n, K) with the residuals of the runs ``drawn`` (n, B); nan if they have none."""
    n = len(x)
    if n <= parabola.SMALLEST:
        return np.full((*y.shape, drawn.shape[1]), np.nan)
    fitted = np.tensordot(parabola.powers(x), parabola.coefficients(x, y), axes=(0, 0))
    residuals = (y - fitted) * np.sqrt(n / (n - parabola.SMALLEST))
    redrawn: Floats = fitted[..., None] + np.moveaxis(residuals[drawn], 1, 2)
    return redrawn


def optimum(x: Floats, loss: Floats, weight: Floats) -> Floats:
    """(B,) position of the minimum of weighted parabolas of loss (n,) in x (n,); nan if it is not within the drawn
    runs.
    """
    moments, enough = _moments(x, weight)
    c = np.linalg.solve(moments, np.einsum("nb,pn,n->bp", weight, parabola.powers(x), loss)[..., None])
    best = parabola.minimum(c[..., 0].T)[0]
    present = np.where(weight > 0, x[:, None], np.nan)
    with np.errstate(invalid="ignore"):
        inside = (np.nanmin(present, axis=0) < best) & (best < np.nanmax(present, axis=0))
    return np.where(enough & inside, best, np.nan)


def reading_weights(x: Floats, weight: Floats, at: Floats) -> Floats:
    """a of the formula above, (n, B): the weight of each run in the value at ``at`` (B,); nan if ``at`` is."""
    if len(x) < parabola.SMALLEST:
        return np.full(weight.shape, np.nan)
    moments, enough = _moments(x, weight)
    g = np.linalg.solve(moments, parabola.powers(at).T[..., None])[..., 0]  # (B, 3)
    present = weight > 0
    low = np.where(present, x[:, None], np.inf).min(axis=0)
    high = np.where(present, x[:, None], -np.inf).max(axis=0)
    with np.errstate(invalid="ignore"):
        reached = enough & (low <= at) & (at <= high)
    return np.where(reached, weight * (parabola.powers(x).T @ g.T), np.nan)


def _moments(x: Floats, weight: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """``XᵀWX`` of each draw (B, 3, 3), and whether it has three token counts; the identity if not."""
    p = parabola.powers(x)
    designs = np.unique(x, return_inverse=True)[1]
    member = designs == np.arange(designs.max() + 1)[:, None]  # (designs, n)
    enough = ((member @ weight) > 0).sum(axis=0) >= parabola.SMALLEST
    moments = np.einsum("nb,pn,qn->bpq", weight, p, p)
    return np.where(enough[:, None, None], moments, np.eye(3)), enough
