"""Log-law: a score such as BLEU after fine-tuning grows as a power of the logarithm of the pre-training tokens.

    S(D) = c · (ln D − ln D_0)^β = (ln(A · D^α))^β,    α = c^(1/β),    A = D_0^(−α)

D_0 are the tokens at which the score would be 0, below all data. c and D_0 are less correlated than A and α.

Source: Isik et al., *Scaling Laws for Downstream Task Performance in Machine Translation*, arXiv 2402.04177.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import crossed, spread
from relscale.laws.separable import separable

BETAS = np.array([0.1, 0.25, 0.5, 0.8, 1.2, 2.0, 3.5])
DISTANCES = np.geomspace(
    0.01, 30, 14
)  # distance of ln D_0 below the smallest ln D, in units of the range of ln D


def terms(g: Array, z: Array) -> Array:
    """The term of c, (1, n, ...), of D_0, β (2, ...) at ln D (1, n, ...)."""
    return np.asarray(np.exp(g[1] * np.log(z[0] - np.log(g[0])))[None])


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of c, D_0 and β: the logarithm is positive at all data."""
    low, width = np.log(x[0].min()), spread(np.log(x[0]))
    return (
        np.array([-np.inf, np.exp(max(low - 100 * width, -600)), -np.inf]),
        np.array([np.inf, np.exp(low - 1e-3 * width), np.inf]),
    )


LAW = separable(
    name="log_law",
    predictors=("tokens",),
    parameters=(
        Parameter("c", "unit of the score", "the score at ln D = ln D_0 + 1", low=0, log=True),
        Parameter("D_0", "tokens", "the tokens at which the score would be 0", low=0, log=True),
        Parameter("beta", "none", "the power of the logarithm", low=0.01, high=10),
    ),
    linear=("c",),
    terms=terms,
    grid=lambda z: crossed(np.exp(np.maximum(z[0].min() - DISTANCES * spread(z[0]), -600)), BETAS),
    limits=limits,
    source="Isik et al., arXiv 2402.04177",
    formula="S = c · (ln D − ln D_0)^β",
    traps="y is a score, higher is better. Valid only if the pre-training data match the task: scores that "
    "fall while cross-entropy falls do not follow this law. D_0, c and β are correlated over few decades.",
)
