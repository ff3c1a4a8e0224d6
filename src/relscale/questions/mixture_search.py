"""The mixture that minimises an objective among the mixtures of a search space."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from relscale.laws.law import Array

LEAST = 1e-9  # smallest share, so that logarithms are finite
STEP = 1e-6  # step of finite differences in a share
AT_LIMIT = 1e-4  # a share this close to the largest one is at the limit
VIOLATION = 1e-5  # violation of a constraint at which a search has failed
BEGINNINGS = 4


@dataclass(frozen=True)
class Simplex:
    """The search space of mixtures.

    Attributes
    ----------
    most
        (k,) maximum share of each part.
    prior
        (k,) prior of the divergence.
    kl
        Weight of the divergence.
    falling
        Whether shares must not increase from part to part.
    """

    most: Array
    prior: Array
    kl: float = 0.0
    falling: bool = False

    def divergences(self, shares: Array) -> Array:
        """Divergences Σ h_i ln(h_i / prior_i), (n,), of mixtures (k, n)."""
        prior = np.maximum(self.prior, LEAST)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(shares > 0, shares * np.log(shares / prior), 0.0).sum(axis=0))

    def divergence(self, shares: Array) -> float:
        """The divergence of one mixture (k,)."""
        return float(self.divergences(shares[:, None])[0])


class Objective(Protocol):
    """What is minimised."""

    def of(self, shares: Array) -> Array:
        """Its values (n,) at shares (k, n)."""
        ...


def largest_shares(shares: Array, within: str) -> Array:
    """The largest share of each part in the search (k,): that in the mixtures (k, n) within the data, else 1."""
    return np.asarray(shares.max(axis=1)) if within == "data" else np.ones(len(shares))


def optimal_mixture(objective: Objective, simplex: Simplex, starts: list[Array]) -> Array:
    """The mixture (k,) that minimises the objective plus the weighted divergence, from several starting points."""
    from scipy.optimize import minimize

    def penalised(h: Array) -> tuple[float, Array]:
        h = np.maximum(h, LEAST)
        up = objective.of(np.column_stack([h, h[:, None] + STEP * np.eye(len(h))]))
        ratio = np.log(h / np.maximum(simplex.prior, LEAST))
        return float(up[0] + simplex.kl * (h @ ratio)), (up[1:] - up[0]) / STEP + simplex.kl * (ratio + 1)

    steps = np.eye(len(simplex.most))[:-1] - np.eye(len(simplex.most))[1:]
    constraints = [{"type": "eq", "fun": lambda h: h.sum() - 1, "jac": lambda h: np.ones_like(h)}]
    if simplex.falling:
        constraints.append({"type": "ineq", "fun": lambda h: steps @ h, "jac": lambda h: steps})
    solutions = []
    for h in starts:
        solution = minimize(
            penalised,
            np.clip(h, LEAST, simplex.most),
            jac=True,
            method="SLSQP",
            bounds=[(0.0, float(top)) for top in simplex.most],
            constraints=constraints,
            options={"maxiter": 300, "ftol": 1e-10},
        )
        h = np.clip(np.where(solution.x < LEAST, 0, solution.x), 0, simplex.most)
        h = h / h.sum()
        broken = max(
            0.0,
            float((h - simplex.most).max()),
            float(-(steps @ h).min(initial=0.0)) if simplex.falling else 0.0,
        )
        solutions.append((broken > VIOLATION, penalised(h)[0], h))
    return np.asarray(min(solutions, key=lambda solution: solution[:2])[2])


def starting_points(objective: Objective, simplex: Simplex, shares: Array) -> list[Array]:
    """Starting points: the best measured mixtures, the best mixtures of the prior with more of one part, and the
    prior."""
    prior = simplex.prior
    more = [prior + weight * (part - prior) for part in np.eye(len(prior)) for weight in (0.25, 0.5, 0.75)]
    candidates = np.minimum(np.column_stack([shares, *more]), simplex.most[:, None])
    candidates = candidates / candidates.sum(axis=0)
    order = np.argsort(objective.of(candidates) + simplex.kl * simplex.divergences(candidates))
    return [*candidates[:, order[:BEGINNINGS]].T, prior]
