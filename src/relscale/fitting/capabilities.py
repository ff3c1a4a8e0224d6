"""Capabilities: a few principal components of the benchmark scores of many models, each a line in ln compute.

    scores ≈ mean + Σ_k S_k · loadings_k,    S_k = θ_k · ln C + ν_k(family)

Missing scores are imputed from the first component. A family has one intercept per component and shares the slope,
so that one small model of a family is enough to forecast its larger ones.

Sources: Ruan et al., *Observational Scaling Laws*, arXiv 2405.10938, equations 3 and 4; Polo et al., *Sloth*, arXiv
2412.06540, whose baseline "PCA" is ``forecast``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array

Forecast = Callable[[NDArray[np.bool_]], Array]  # the scores (n, k) of all models, from the known ones

SETTLED = 1e-12
MOST_ROUNDS = 10_000


@dataclass(frozen=True)
class Components:
    """Principal components of scores, the largest first.

    Attributes
    ----------
    mean
        (k,) mean score of each benchmark.
    loadings
        (c, k) directions, orthonormal.
    shares
        (c,) share of the variance that each component explains.
    """

    mean: Array
    loadings: Array
    shares: Array

    def of(self, scores: Array) -> Array:
        """The components (n, c) of scores (n, k)."""
        return np.asarray((scores - self.mean) @ self.loadings.T)

    def scores(self, components: Array) -> Array:
        """Scores (n, k) reconstructed from the first components (n, d)."""
        return np.asarray(self.mean + components @ self.loadings[: components.shape[1]])


def completed(scores: Array) -> Array:
    """Scores (n, k) with missing ones imputed iteratively from the first principal component of standardised
    columns."""
    missing = np.isnan(scores)
    filled = np.where(missing, np.nanmean(scores, axis=0), scores)
    for _ in range(MOST_ROUNDS):
        mean, spread = filled.mean(axis=0), filled.std(axis=0)
        u, s, v = np.linalg.svd((filled - mean) / spread, full_matrices=False)
        again = np.where(missing, u[:, :1] * s[0] @ v[:1] * spread + mean, scores)
        if np.abs(again - filled).max() < SETTLED:
            break
        filled = again
    return np.asarray(again)


def components(scores: Array) -> Components:
    """The principal components of scores (n, k) without missing ones; the columns are centred, not standardised.

    The sign of each makes the sum of its loadings positive: a larger value is better on most benchmarks.
    """
    mean = scores.mean(axis=0)
    _, size, loadings = np.linalg.svd(scores - mean, full_matrices=False)
    sign = np.where(loadings.sum(axis=1) < 0, -1.0, 1.0)
    return Components(mean, loadings * sign[:, None], size**2 / (size**2).sum())


def forecast(
    scores: Array,
    log_compute: Array,
    families: Sequence[str],
    known: NDArray[np.bool_],
    number: int,
) -> Array:
    """Scores (n, k) of all models, forecast from the known ones by ``number`` components.

    Every component is a line in ln compute (n,) with one slope and an intercept per family, by least squares. A
    family without a known model has the intercept 0, the mean of all families.
    """
    design = np.column_stack([log_compute, in_family(families)])
    space = components(scores[known])
    lines = np.linalg.lstsq(design[known], space.of(scores[known])[:, :number], rcond=None)[0]
    return space.scores(design @ lines)


def in_family(families: Sequence[str]) -> Array:
    """Membership of each model in each family, 0 or 1: (n, families), sorted by name."""
    names = sorted(set(families))
    return np.array([[family == name for name in names] for family in families], dtype=float)


def held_out(scores: Array, log_compute: Array, families: Sequence[str], ahead: Forecast) -> float:
    """Mean absolute error of forecasts of each family's models from its smallest and all models of the others.

    The mean over families with two models or more; nan without one. Missing scores are excluded.
    """
    errors, named = [], np.array(families, dtype=object)
    for family in dict.fromkeys(families):
        of_family = np.flatnonzero(named == family)
        if len(of_family) < 2 or len(of_family) == len(named):
            continue
        known = named != family
        known[of_family[np.argmin(log_compute[of_family])]] = True
        error = np.abs(ahead(known) - scores)[~known]
        if np.isfinite(error).any():
            errors.append(float(np.nanmean(error)))
    return float(np.mean(errors)) if errors else float("nan")
