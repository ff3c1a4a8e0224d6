"""InfoLaw: the loss as a function of the information learned from quality buckets, which are repeated once exhausted.

    L = α · I^(−β),    I = Σ_d e^(−θ·d) · M_d · ln K · (1 − e^(−λ·R_d / ln K)),    λ = a · ln N + b
    K_d = w_d · K,    M_d = min(K_d, U_d),    R_d = K_d / M_d

N are parameters, K training tokens, w_d is the share of bucket d = 0, 1, … from the best to the worst, and U_d its
unique tokens. Better text has more information, each repetition adds less, and a larger model learns more per pass. The
law is built for any number of buckets.

Source: *InfoLaw*, arXiv 2605.02364, as summarised elsewhere; logarithms are natural, tokens and parameters have unit
one.
"""

import numpy as np

from relscale.laws.law import Array, Family, Law, Parameter
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

SOURCE = "InfoLaw, arXiv 2605.02364"
FORMULA = "L = α · (Σ_d e^(−θ·d) · M_d · ln K · (1 − e^(−λ·R_d / ln K)))^(−β), λ = a · ln N + b"
TRAPS = (
    "Name the shares from the best bucket to the worst, then their unique tokens. θ needs different "
    "mixtures, λ buckets with many repetitions, a several sizes. α has the unit of I^β, so compare "
    "predictions. The paper does not state the units and base of its constants."
)
BETAS = np.array([0.03, 0.08, 0.2, 0.5])
THETAS = np.array([0.1, 0.4, 0.9, 1.8])
RATES = np.array([0.3, 1.0, 3.0, 10.0, 30.0])  # λ at the geometric mean of the sizes
GROWTH = np.array([0.3, 1.0])  # share of λ that is a · ln N


def parts(x: Array) -> tuple[Array, Array, Array, Array]:
    """ln N and ln K, (n, ...), and K_d and M_d, (d, n, ...)."""
    count = (len(x) - 2) // 2
    read = x[2 : 2 + count] * x[1]
    return np.log(x[0]), np.log(x[1]), read, np.minimum(read, x[2 + count :])


def by_bucket(g: Array, x: Array) -> tuple[Array, Array]:
    """The contribution of each bucket to I, (d, n, ...), and its derivative by λ, for θ, a, b (3, ...) at x."""
    theta, a, b = g
    log_n, log_k, read, unique = parts(x)
    rate = (a * log_n + b) / log_k
    quality = np.exp(-theta * np.arange(len(read)).reshape(-1, *[1] * (read.ndim - 1)))
    times = np.divide(read, unique, out=np.ones_like(read), where=unique > 0)
    return quality * unique * log_k * -np.expm1(-rate * times), quality * read * np.exp(-rate * times)


def terms(g: Array, x: Array) -> Array:
    """The term of α, (1, n, ...), of β, θ, a, b (4, ...) at x."""
    return np.asarray((by_bucket(g[1:], x)[0].sum(axis=0) ** -g[0])[None])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by α, β, θ, a, b, (5, n, ...)."""
    alpha, beta = theta[:2]
    per_bucket, by_rate = by_bucket(theta[2:], x)
    info = per_bucket.sum(axis=0)
    power = info**-beta
    by_info = -alpha * beta * power / info
    worse = np.arange(len(per_bucket)).reshape(-1, *[1] * (per_bucket.ndim - 1))
    by_total = by_info * by_rate.sum(axis=0)
    rows = (
        power,
        -alpha * power * np.log(info),
        -by_info * (worse * per_bucket).sum(axis=0),
        by_total * np.log(x[0]),
        by_total,
    )
    return np.stack(np.broadcast_arrays(*rows))


def grid(x: Array) -> Array:
    """β, θ, a, b."""
    beta, theta, level, growth = crossed(BETAS, THETAS, RATES, GROWTH)
    return np.stack([beta, theta, growth * level / np.log(x[0]).mean(), (1 - growth) * level])


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these buckets, from the best to the worst."""
    return separable(
        name="information",
        predictors=LAW.columns(columns),
        parameters=(
            Parameter("alpha", "unit of the loss", "the loss at I = 1", low=0, log=True),
            Parameter("beta", "none", "the exponent of the information", low=0, high=5),
            Parameter("theta", "per bucket", "the decrease of information per bucket", low=-2, high=10),
            Parameter("a", "none", "the increase of the learning rate λ with ln N"),
            Parameter("b", "none", "the constant of the learning rate λ"),
        ),
        linear=("alpha",),
        terms=terms,
        grid=grid,
        coordinates=np.asarray,
        jacobian=jacobian,
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
    )


LAW = Family(
    name="information",
    prefix="share_",
    make_law=make_law,
    source=SOURCE,
    first_predictors=("params", "tokens"),
    extra_prefixes=("unique_",),
)
