"""Encoder-decoder models: the loss as a function of the parameters of encoder and decoder.

    L = A · N_e^(−p_e) · N_d^(−p_d) + L_∞

For a fixed number of parameters, the optimal share of the encoder is ``p_e / (p_e + p_d)``.

Source: Ghorbani et al., *Scaling Laws for Neural Machine Translation*, arXiv 2109.07740.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

POWERS = np.array([0.0, 0.05, 0.12, 0.22, 0.35, 0.55, 0.9])


def terms(g: Array, z: Array) -> Array:
    """The terms of A and L_∞, (2, n, ...), of p_e, p_d (2, ...) at ln N_e, ln N_d (2, n, ...)."""
    power = np.exp(-g[0] * z[0] - g[1] * z[1])
    return np.stack([power, np.ones_like(power)])


def encoder_share(theta: Array) -> Array:
    """The optimal share of parameters in the encoder, by A, p_e, p_d, L_∞ (4, ...)."""
    return np.asarray(theta[1] / (theta[1] + theta[2]))


LAW = separable(
    name="encoder_decoder",
    predictors=("encoder_params", "decoder_params"),
    parameters=(
        Parameter("A", "unit of the loss", "the amplitude, at one parameter each", low=0, log=True),
        Parameter("p_e", "none", "the exponent of the encoder", low=0, high=3),
        Parameter("p_d", "none", "the exponent of the decoder", low=0, high=3),
        Parameter("L_inf", "unit of the loss", "the irreducible loss", low=0),
    ),
    linear=("A", "L_inf"),
    terms=terms,
    grid=lambda z: crossed(POWERS, POWERS),
    centre=lambda z: z.mean(axis=1),
    source="Ghorbani et al., arXiv 2109.07740",
    formula="L = A · N_e^(−p_e) · N_d^(−p_d) + L_∞",
    traps="Both sides must vary independently. Embeddings are not counted. There is a single floor, which this "
    "law reaches even if only one side grows.",
)


SHARE = "encoder share of the parameters"


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    return {SHARE: float(encoder_share(theta))}


OPTIMUM = Optimum({}, _optimum, derived=lambda x: {SHARE: x[0] / (x[0] + x[1])}, shares=(SHARE,))
