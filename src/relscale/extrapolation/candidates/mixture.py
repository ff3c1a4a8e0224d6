"""Mixtures of domains: the loss on one domain by the shares of all.

    L_g = c_g + k_g · ((ε + r_i)^−γ + Σ_{j≠i} b_j · r_j)        powers of the own share r_i
    L_g = c_g + k_g · exp(Σ_j t_j · r_j)                         Ye et al., arXiv 2403.16952, equation 5

Groups, such as model sizes, share the shape and have their own level and scale. The own share is the
one with the steepest decrease of the loss.
"""

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.form import Form, forecast
from relscale.extrapolation.table import Table
from relscale.laws.law import Array

PREFIX = "share_"


def target_share(known: Table, shares: tuple[str, ...]) -> int:
    """Position of the share with the steepest decrease of y minus its group's mean."""
    y = known.y.copy()
    for group in np.unique(known.group):
        y[known.group == group] -= y[known.group == group].mean()
    ranks = np.argsort(np.argsort(known.of(shares), axis=1, kind="stable"), axis=1)
    return int(np.argmin([np.corrcoef(rank, y)[0, 1] for rank in ranks]))


def _power(i: int, g: Array, x: Array) -> Array:
    others = np.delete(x, i, axis=0)
    shape = (np.exp(g[0]) + x[i]) ** -g[1] + g[2:] @ others
    return np.stack([np.ones_like(shape), shape], axis=1)


def _exponential(g: Array, x: Array) -> Array:
    shape = np.exp(g @ x)
    return np.stack([np.ones_like(shape), shape], axis=1)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for shares."""
    shares = tuple(name for name in known.names if name.startswith(PREFIX))
    if len(shares) < 2:
        return []
    i, rest = target_share(known, shares), len(shares) - 1
    power = Form(
        "mixture, powers of the own share",
        "arXiv 2403.16952",
        shares,
        (-6.0, 0.05, *[-2.0] * rest),
        (0.0, 1.5, *[2.0] * rest),
        lambda g, x: _power(i, g, x),
        start=(-3.0, 0.3, *[0.0] * rest),
    )
    exponential = Form(
        "mixture, exponential",
        "arXiv 2403.16952",
        shares,
        (-20.0,) * (rest + 1),
        (5.0,) * (rest + 1),
        _exponential,
    )
    return [
        Candidate(f"{form.name}, {loss}", forecast(form, delta))
        for form in (power, exponential)
        for loss, delta in (("squares", None), ("Huber", 1e-3))
    ]
