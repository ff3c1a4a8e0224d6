"""Retrieval datastore: the loss falls with the logarithm of its tokens, in addition to size and training.

    L = E + A · N^(−α) + B · D^(−β) − c · ln(1 + S / S_0)

N are parameters, D training tokens, S ≥ 0 tokens in the datastore, which cost no training compute, only memory and
look-ups.

Source: the observation of Shao et al., *Scaling Retrieval-Based Language Models with a Trillion-Token Datastore*, arXiv
2407.12854, that gains do not saturate; the form is relscale's.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws import parametric
from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum, compute
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

EXPONENTS = np.array([0.08, 0.2, 0.35, 0.55, 0.9])
TURNS = np.geomspace(1e-3, 10, 9)  # S_0, in units of the geometric mean of the datastores


def coordinates(x: Array) -> Array:
    """ln N, ln D and S."""
    return np.stack([np.log(x[0]), np.log(x[1]), x[2]])


def terms(g: Array, z: Array) -> Array:
    """The terms of E, A, B and c, (4, n, ...), of α, β, S_0 (3, ...) at ln N, ln D, S (3, n, ...)."""
    param_term, token_term = np.exp(-g[0] * z[0]), np.exp(-g[1] * z[1])
    columns = np.ones_like(param_term), param_term, token_term, -np.log1p(z[2] / g[2])
    return np.stack(np.broadcast_arrays(*columns))


def grid(z: Array) -> Array:
    """α, β and S_0."""
    datastores = z[2][z[2] > 0]
    middle = np.exp(np.log(datastores).mean()) if len(datastores) else 1.0
    return crossed(EXPONENTS, EXPONENTS, middle * TURNS)


LAW = separable(
    name="datastore",
    predictors=("params", "tokens", "datastore_tokens"),
    parameters=(
        Parameter("E", "unit of the loss", "the irreducible loss without a datastore", low=0),
        Parameter("A", "unit of the loss", "the amplitude of the parameter term, at N = 1", low=0, log=True),
        Parameter("B", "unit of the loss", "the amplitude of the token term, at D = 1", low=0, log=True),
        Parameter(
            "c", "unit of the loss", "the reduction per factor e of the datastore, far above S_0", low=0
        ),
        Parameter("alpha", "none", "the exponent of the parameters", low=0, high=5),
        Parameter("beta", "none", "the exponent of the training tokens", low=0, high=5),
        Parameter("S_0", "tokens", "the size from which a datastore helps", low=0, log=True),
    ),
    linear=("E", "A", "B", "c"),
    terms=terms,
    grid=grid,
    coordinates=coordinates,
    centre=lambda z: np.array([z[0].mean(), z[1].mean(), 0.0]),
    source="the observation of Shao et al., arXiv 2407.12854; the form is relscale's",
    formula="L = E + A · N^(−α) + B · D^(−β) − c · ln(1 + S / S_0)",
    traps="S_0 needs runs without a datastore and with small ones. The test data must not be in the datastore. In "
    "this law the gain is unlimited, unlike that of a real datastore.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    params, tokens = parametric.compute_optimal(theta[[0, 1, 2, 4, 5]], known["training_flops"])
    at = np.array([[params], [tokens], [known["datastore_tokens"]]])
    return {"params": params, "tokens": tokens, "loss": float(LAW.value(theta, at)[0])}


OPTIMUM = Optimum(
    {"training_flops": "compute, 6·N·D", "datastore_tokens": "tokens of the datastore"},
    _optimum,
    "Filling and searching the datastore is not included in the compute.",
    compute,
)
