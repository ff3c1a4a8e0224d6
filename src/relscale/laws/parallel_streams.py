"""Parallel streams: P parallel forward passes of one model act like additional parameters.

    L = E + A · (N · (1 + k · ln P))^(−α)

N are the parameters without embeddings. With P = 1 it is a power law of N with a floor.

Source: Chen et al., *Parallel Scaling Law for Language Models*, arXiv 2505.10475, equation 5;
its A is ``A^(1/α)`` here.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

ALPHAS = np.array([0.05, 0.1, 0.2, 0.35, 0.6, 1.0, 1.6])
GAINS = np.array([0.0, 0.1, 0.3, 0.6, 1.2, 2.5])


def terms(g: Array, z: Array) -> Array:
    """The terms of E and A, (2, n, ...), of α, k (2, ...) at ln N, ln P (2, n, ...)."""
    alpha, k = g
    power = np.exp(-alpha * (z[0] + np.log1p(k * z[1])))
    return np.stack([np.ones_like(power), power])


LAW = separable(
    name="parallel_streams",
    predictors=("params", "streams"),
    parameters=(
        Parameter("E", "unit of the loss", "the irreducible loss", low=0),
        Parameter("A", "unit of the loss", "the amplitude of the parameter term, at N = 1", low=0, log=True),
        Parameter("alpha", "none", "the exponent of the parameters", low=0, high=2),
        Parameter(
            "k",
            "none",
            "the gain of streams: P streams multiply the effective parameters by 1 + k · ln P",
            low=0,
            high=20,
        ),
    ),
    linear=("E", "A"),
    terms=terms,
    grid=lambda z: crossed(ALPHAS, GAINS),
    centre=lambda z: np.array([z[0].mean(), 0.0]),
    source="Chen et al., arXiv 2505.10475, equation 5",
    formula="L = E + A · (N · (1 + k · ln P))^(−α)",
    traps="E, A and α are correlated over a narrow range of sizes; k is well determined nevertheless.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    """The largest ``N · (1 + k · ln P)`` at the given N · P: ``ln P = 1 − 1/k``, or one stream if k ≤ 1."""
    k = theta[3]
    streams = float(np.exp(1 - 1 / k)) if k > 1 else 1.0
    params = known["params_times_streams"] / streams
    loss = float(LAW.value(theta, np.array([[params], [streams]]))[0])
    return {"params": params, "streams": streams, "loss": loss}


OPTIMUM = Optimum(
    {"params_times_streams": "N·P, to which the compute per token is proportional"},
    _optimum,
    "At the same compute a single stream is best unless k exceeds 1; streams save memory, not compute.",
    lambda x: {"params_times_streams": x[0] * x[1]},
)
