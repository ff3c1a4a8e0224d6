"""Multilingual scaling: exponents are averaged over languages, and synergy between languages adds effective data.

    L = A · N^(−α(p)) + B · D_x^(−β(p)) + E(p),    D_x = D · (1 + Σ_{i<j} s_ij · p_i · p_j)
    α(p) = Σ_k p_k · α_k,    β and E likewise

N are parameters, D training tokens, p_k is the share of language k. s_ij is the synergy of a pair, the paper's
γ · (τ_ij + τ_ji), because γ and the scale of τ are not identifiable. The law is built for any set of languages.

Source: *Scaling Laws for Code: Every Programming Language Matters*, arXiv 2512.13472, equations 6 and 7.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from relscale.laws import parametric
from relscale.laws.law import Array, Family, Law, Parameter
from relscale.laws.optimum import Optimum, compute
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

EXPONENTS = np.array([0.1, 0.2, 0.35, 0.6, 1.0])
SOURCE = "arXiv 2512.13472, equations 6 and 7"
FORMULA = "L = A · N^(−Σ p_k α_k) + B · (D · (1 + Σ s_ij p_i p_j))^(−Σ p_k β_k) + Σ p_k E_k"
TRAPS = (
    "Each language needs mixtures with different shares of it, each pair some mixtures with both; sizes and "
    "tokens must vary independently. A and B refer to one parameter and one token."
)


def surface(g: Array, x: Array) -> tuple[Array, Array, Array, Array]:
    """N^(−α), D_x^(−β), β and ln D_x, (n, ...), of α_k, β_k, s_ij at N, D, p_k (2 + k, n, ...)."""
    share, count = x[2:], len(x) - 2
    alpha, beta = (
        sum(e * p for e, p in zip(exponents, share, strict=True))
        for exponents in (g[:count], g[count : 2 * count])
    )
    pairs = combinations(range(count), 2)
    extra = sum(s * share[i] * share[j] for s, (i, j) in zip(g[2 * count :], pairs, strict=True))
    log_d = np.log(x[1] * (1 + extra))
    return np.exp(-alpha * np.log(x[0])), np.exp(-beta * log_d), beta, log_d


def terms(g: Array, x: Array) -> Array:
    """The terms of A, B and E_k, (2 + k, n, ...)."""
    param_term, token_term, *_ = surface(g, x)
    return np.stack(np.broadcast_arrays(param_term, token_term, *x[2:]))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by A, B, E_k, α_k, β_k, s_ij."""
    count = len(x) - 2
    param_term, token_term, beta, log_d = surface(theta[2 + count :], x)
    by_alpha, by_beta = -theta[0] * param_term * np.log(x[0]), -theta[1] * token_term * log_d
    by_extra = -theta[1] * beta * token_term * np.exp(np.log(x[1]) - log_d)
    rows = [param_term, token_term, *x[2:], *(by_alpha * p for p in x[2:]), *(by_beta * p for p in x[2:])]
    rows += [by_extra * x[2 + i] * x[2 + j] for i, j in combinations(range(count), 2)]
    return np.stack(np.broadcast_arrays(*rows))


def grid(x: Array) -> Array:
    """Equal exponents of all languages, without synergy."""
    count = len(x) - 2
    alpha, beta = crossed(EXPONENTS, EXPONENTS)
    no_synergy = np.zeros((count * (count - 1) // 2, len(alpha)))
    return np.vstack([np.tile(alpha, (count, 1)), np.tile(beta, (count, 1)), no_synergy])


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these languages."""
    names = [column.removeprefix("share_") for column in columns]
    floors = [Parameter(f"E_{k}", "unit of the loss", f"the irreducible loss on {k}", low=0) for k in names]
    return separable(
        name="multilingual",
        predictors=LAW.columns(columns),
        parameters=(
            *parametric.LAW.parameters[1:3],
            *floors,
            *(Parameter(f"alpha_{k}", "none", f"the exponent of parameters, {k}", 0, 5) for k in names),
            *(Parameter(f"beta_{k}", "none", f"the exponent of tokens, {k}", 0, 5) for k in names),
            *(
                Parameter(f"s_{i}_{j}", "none", f"the synergy of {i} and {j}", -4)
                for i, j in combinations(names, 2)
            ),
        ),
        linear=("A", "B", *(floor.name for floor in floors)),
        terms=terms,
        grid=grid,
        coordinates=np.asarray,
        jacobian=jacobian,
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
    )


LAW = Family(
    name="multilingual",
    prefix="share_",
    make_law=make_law,
    source=SOURCE,
    first_predictors=("params", "tokens"),
)


def make_optimum(columns: tuple[str, ...]) -> Optimum:
    """The allocation at given shares, where the law is ``parametric``."""

    def best(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
        share = np.array([known[column] for column in columns[2:]])
        floor, alpha, beta = theta[2 : 2 + 3 * len(share)].reshape(3, -1) @ share
        pairs = combinations(share, 2)
        extra = sum(s * p * q for s, (p, q) in zip(theta[2 + 3 * len(share) :], pairs, strict=True))
        at_shares = np.array([floor, theta[0], theta[1] * (1 + extra) ** -beta, alpha, beta])
        return dict(parametric.OPTIMUM.optimal_values(at_shares, known))

    given = {**parametric.OPTIMUM.fixed, **dict.fromkeys(columns[2:], "share")}
    return Optimum(given, best, derived=compute)
