"""Mixtures of experts: a power law of the parameters of one expert, of the number of experts, and of both together.

    ln(L − c) = a + b ln N + Σ_i d_i (ln X)^i + f ln N · ln X

X is the number of experts; d_i and f belong to each router (group), a and b are shared, because all routers agree for a
single expert.

Sources: Clark et al., *Unified Scaling Laws for Routed Language Models*, arXiv 2202.01169, equation 7 without
floor (degree 1); the floor and the higher powers take the place of their saturation.
"""

from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.table import Table
from relscale.laws.experts import powers
from relscale.laws.law import Array
from relscale.laws.linear_terms import least_squares

PREDICTORS = ("params", "experts")


def log_bilinear(degree: int, floor: float | None, known: Table, at: Table) -> Array:
    """The forecast with powers of ln X up to ``degree``; a floor as a share of the smallest y, or None to fit it."""
    groups = np.unique(known.group)
    centre = np.log(known.of(PREDICTORS)[0]).mean()

    def terms(table: Table) -> Array:
        n, e = np.log(table.of(PREDICTORS))
        n = n - centre
        columns = [np.ones_like(n), n]
        for group in groups:
            of_group = np.where(table.group == group, e, 0.0)
            columns += powers(n, of_group, degree)[2:]
        return np.stack(columns, axis=1)

    inside, ahead = terms(known), terms(at)
    some = np.abs(inside).sum(axis=0) > 0  # a group with a single expert has no separate terms
    inside, ahead = inside[:, some], ahead[:, some]

    def solved(c: float) -> tuple[float, Array]:
        target, root = np.log(known.y - c), (known.y - c) / known.y
        coefficients = least_squares(inside * root[:, None], target * root)
        return float(((root * (inside @ coefficients - target)) ** 2).sum()), np.asarray(coefficients, float)

    least = float(known.y.min())
    c = (
        floor * least
        if floor is not None
        else float(minimize_scalar(lambda c: solved(c)[0], bounds=(0.0, 0.98 * least), method="bounded").x)
    )
    return np.asarray(c + np.exp(ahead @ solved(c)[1]))


def candidates(known: Table) -> list[Candidate]:
    """Candidates for parameters and experts, with routers as groups."""
    if not set(PREDICTORS) <= set(known.names) or not known.positive:
        return []
    return [
        Candidate(
            f"experts, degree {degree}, {'floor fitted' if floor is None else f'floor {floor:g} of the smallest'}",
            partial(log_bilinear, degree, floor),
        )
        for degree in (1, 2, 3)
        for floor in (0.0, 0.5, 0.65, 0.75, None)
    ]
