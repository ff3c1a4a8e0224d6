"""Sloth: benchmark scores as sigmoids of a few skills, each linear in ln parameters, ln tokens and their product.

    Y_j = c_j + (1 − c_j) · σ(λ_j · s + b_j),    s = W · (ln N, ln D, ln N · ln D) + a(family)

Y_j is a score from 0 to 1, c_j the chance score, s the (d,) skills, whose dependence on size and tokens is the same for
all families. It is fitted by the sum of smooth absolute errors (Huber's with δ = 0.01) without a penalty; missing
scores are left out. The skills themselves are not identified, because any mixture of them predicts the same; only
scores are returned. The search has one start, the reduced-rank regression of the log-odds: of four random starts per
number of skills, on the paper's table, two ended at 8% more error and one at 0.1% less.

Source: Polo et al., *Sloth*, arXiv 2412.06540, with the sigmoid as its link. The paper's trained link, a monotone
network, is not implemented.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.capabilities import in_family
from relscale.laws.law import Array

SMOOTH = 0.01  # of a score: smaller errors are squared
INSIDE = 0.02  # distance from 0 and 1 to which scores are clipped for the log-odds of the starting point
MOST_STEPS = 5_000


def forecast(
    scores: Array,
    log_sizes: Array,
    families: Sequence[str],
    known: NDArray[np.bool_],
    number: int,
    chance: Array,
) -> Array:
    """The scores (n, k) of all models from those of the known ones; nan for a benchmark without a known score.

    Parameters
    ----------
    scores
        (n, k) from 0 to 1; nan if there is none.
    log_sizes
        (n, 2) ln parameters and ln tokens, in any units.
    known
        (n,) the models whose scores are used.
    number
        Number of skills; at most that of the benchmarks.
    chance
        (k,) score of each benchmark by guessing.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    design = np.column_stack([_terms(log_sizes, known), in_family(families)])
    number = min(number, scores.shape[1])
    solution = minimize(
        objective(design[known], scores[known], number, chance),
        _start(design[known], scores[known], number, chance),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "ftol": 1e-10, "gtol": 1e-6},
    )
    skills, loadings, level = _parts(solution.x, design.shape[1], number, scores.shape[1])
    scored = np.isfinite(scores[known]).any(axis=0)
    share = np.where(scored, expit(design @ skills @ loadings + level), np.nan)
    return np.asarray(chance + (1 - chance) * share)


def objective(
    design: Array, scores: Array, number: int, chance: Array
) -> Callable[[Array], tuple[float, Array]]:
    """The objective: the error of parameters, and its gradient.

    Parameters
    ----------
    design
        (n, m) predictors of the skills.
    scores, number, chance
        As in ``forecast``, of the known models.

    Returns
    -------
    callable
        Function of one vector: the skills per column of the design (m, d), the loadings (d, k) and the levels (k,).
    """
    from scipy.special import expit

    present, above_chance, columns = np.isfinite(scores), 1 - chance, design.shape[1]
    measured = np.where(present, scores, 0.0)

    def error(theta: Array) -> tuple[float, Array]:
        per_column, loadings, level = _parts(theta, columns, number, len(chance))
        skills = design @ per_column
        share = expit(skills @ loadings + level)
        residual = np.where(present, chance + above_chance * share - measured, 0.0)
        near = np.minimum(np.maximum(residual, -SMOOTH), SMOOTH)
        slope = near / SMOOTH * above_chance * share * (1 - share)  # by the log-odds
        gradient = np.empty_like(theta)
        of_columns, of_loadings, of_level = _parts(gradient, columns, number, len(chance))
        np.matmul(design.T, slope @ loadings.T, out=of_columns)
        np.matmul(skills.T, slope, out=of_loadings)
        slope.sum(axis=0, out=of_level)
        return float((near * (residual - near / 2)).sum() / SMOOTH), gradient

    return error


def _terms(log_sizes: Array, known: NDArray[np.bool_]) -> Array:
    """(n, 3) ln N, ln D and their product, of standardised logarithms: the same model, given the intercepts."""
    spread = log_sizes[known].std(axis=0)
    z = (log_sizes - log_sizes[known].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([z, z.prod(axis=1)])


def _start(design: Array, scores: Array, number: int, chance: Array) -> Array:
    """The reduced-rank regression of the scores' log-odds on the design."""
    share = np.clip((scores - chance) / (1 - chance), INSIDE, 1 - INSIDE)
    log_odds = np.log(share / (1 - share))
    level = np.nansum(log_odds, axis=0) / np.maximum(np.isfinite(log_odds).sum(axis=0), 1)
    slopes = np.linalg.lstsq(design, np.nan_to_num(log_odds - level), rcond=None)[0]
    loadings = np.linalg.svd(design @ slopes, full_matrices=False)[2][:number]
    return np.concatenate([(slopes @ loadings.T).ravel(), loadings.ravel(), level])


def _parts(theta: Array, columns: int, number: int, benchmarks: int) -> tuple[Array, Array, Array]:
    """Views of the parameters: skills per column of the design, loadings and levels."""
    first, last = columns * number, (columns + benchmarks) * number
    return (
        theta[:first].reshape(columns, number),
        theta[first:last].reshape(number, benchmarks),
        theta[last:],
    )
