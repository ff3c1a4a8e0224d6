"""Vocabulary scaling: the loss by model parameters, vocabulary size and training text.

    L = E + A · N^(−α) + V · v^(−ν) + B · C^(−β)

N are parameters without those of the vocabulary, v vocabulary entries, C characters of training text, which unlike
tokens do not depend on the vocabulary. L is the loss minus the unigram loss, so that vocabularies are comparable; it is
negative, as is E.

Source: Tao et al., *Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies*, arXiv 2407.13623; their
law has the parameters of the vocabulary, its entries times the width, in place of v.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

EXPONENTS = np.array([0.05, 0.15, 0.3, 0.5, 0.8, 1.3])


def terms(g: Array, z: Array) -> Array:
    """The terms of E, A, V and B, (4, n, ...), of α, ν, β (3, ...) at ln N, ln v, ln C (3, n, ...)."""
    powers = [np.exp(-g[i] * z[i]) for i in range(3)]
    return np.stack(np.broadcast_arrays(np.ones_like(powers[0]), *powers))


LAW = separable(
    name="vocabulary",
    predictors=("params", "vocabulary", "characters"),
    parameters=(
        Parameter(
            "E", "unit of the loss", "the loss without any of the limits; negative relative to unigrams"
        ),
        Parameter("A", "unit of the loss", "the amplitude of the parameter term, at N = 1", low=0, log=True),
        Parameter(
            "V", "unit of the loss", "the amplitude of the vocabulary term, at one entry", low=0, log=True
        ),
        Parameter(
            "B", "unit of the loss", "the amplitude of the text term, at one character", low=0, log=True
        ),
        Parameter("alpha", "none", "the exponent of the parameters", low=0, high=5),
        Parameter("nu", "none", "the exponent of the entries", low=0, high=5),
        Parameter("beta", "none", "the exponent of the characters", low=0, high=5),
    ),
    linear=("E", "A", "V", "B"),
    signed=("E",),
    terms=terms,
    grid=lambda z: crossed(EXPONENTS, EXPONENTS, EXPONENTS),
    centre=lambda z: z.mean(axis=1),
    source="Tao et al., arXiv 2407.13623",
    formula="L = E + A · N^(−α) + V · v^(−ν) + B · C^(−β)",
    traps="Fit with --residual linear if the loss is relative to unigrams. With a plain loss per token, "
    "larger vocabularies look worse because they have fewer, harder tokens. The optimal vocabulary at "
    "fixed compute also depends on the cost of its parameters. The paper's law has the parameters "
    "of the vocabulary in place of its entries. Small models on little text are worse with larger vocabularies, which "
    "no positive V describes: on 1,080 of the paper's released runs V vanishes, from the law's own starts and from "
    "60 random ones alike, also with the parameters of the vocabulary in place of its entries, and the fit is "
    "'not converged'.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    """The lowest loss over N and v at the compute; convex in their logarithms."""
    from scipy.optimize import minimize

    level, powers, beta = theta[0], theta[[4, 5]], theta[6]
    width, characters = known["width"], known["training_flops"] / 6 * known["characters_per_token"]
    unit = np.array([np.sqrt(known["training_flops"] / 120), 1e4])  # of N and v

    def least(logs: Array) -> tuple[float, Array, Array]:
        amounts = unit * np.exp(logs)
        cost = amounts * [1.0, width]  # parameters of the network and of the vocabulary
        share = cost / cost.sum()
        size, text = theta[[1, 2]] * amounts**-powers, theta[3] * (characters / cost.sum()) ** -beta
        curvature = np.diag(powers**2 * size + text * beta * share) + text * beta * (beta - 1) * np.outer(
            share, share
        )
        return float(size.sum() + text), text * beta * share - powers * size, curvature

    norm = least(np.zeros(2))[0]
    try:
        found = minimize(
            lambda logs: least(logs)[0] / norm,
            np.zeros(2),
            jac=lambda logs: least(logs)[1] / norm,
            hess=lambda logs: least(logs)[2] / norm,
            method="trust-exact",
            options={"gtol": 1e-11, "max_trust_radius": 10.0},
        )
    except ValueError:  # a step to where the law overflows
        return dict.fromkeys(("params", "vocabulary", "characters", "loss"), np.nan)
    params, entries = unit * np.exp(found.x)
    tokens = known["training_flops"] / 6 / (params + width * entries)
    return {
        "params": float(params),
        "vocabulary": float(entries),
        "characters": float(tokens * known["characters_per_token"]),
        "loss": float(level + least(found.x)[0]),
    }


OPTIMUM = Optimum(
    {
        "training_flops": "compute, 6·(N + v·width)·tokens",
        "width": "parameters per entry of the vocabulary",
        "characters_per_token": "of the tokenizer",
    },
    _optimum,
    "Characters per token are constant here; with larger vocabularies they grow, so that the true optimum is larger.",
)
