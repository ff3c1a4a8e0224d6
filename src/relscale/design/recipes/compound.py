"""Shapes that grow mostly in width, because the time of a step depends on activations more than on FLOPs.

A base shape of width h₀ and L₀ layers, scaled to s times its FLOPs (Dollár et al., arXiv 2103.06877; pycls):

    L = L₀ · s^(w_d / Σ)      h = h₀ · s^(w_w / 2Σ)      Σ = w_d + w_w

so that L = L₀ · (h / h₀)^(2 w_d / w_w). With weights 1 and 8 the activations grow as s^0.56; with depth only they
would grow as s. The head size is 64, the width of the MLP 4h. The relation of runtime and activations was measured for
image models and may differ on other hardware (the plan's table has the column ``activations_per_token``).

Batch, learning rate and all other hyperparameters are those of ``held2025``.
"""

from relscale.design.architecture import Architecture
from relscale.design.recipes import Infeasible
from relscale.design.recipes.held2025 import batch_size, hyperparameters, widths

__all__ = ["architecture", "batch_size", "hyperparameters", "widths"]

BASE_WIDTH, BASE_LAYERS = 512, 8
DEPTH, WIDTH = 1, 8  # the weights
HEAD_SIZE = 64


def architecture(hidden_size: int, sequence_length: int, vocabulary_size: int) -> Architecture:
    """Architecture of a width: ``round(8·(h/512)^¼)`` layers."""
    if hidden_size < HEAD_SIZE:
        raise Infeasible(f"width {hidden_size} is narrower than a head of {HEAD_SIZE}")
    num_heads = hidden_size // HEAD_SIZE
    return Architecture(
        vocabulary_size=vocabulary_size,
        sequence_length=sequence_length,
        hidden_size=hidden_size,
        num_layers=round(BASE_LAYERS * (hidden_size / BASE_WIDTH) ** (2 * DEPTH / WIDTH)),
        num_heads=num_heads,
        num_kv_heads=num_heads,
        head_size=HEAD_SIZE,
        intermediate_size=4 * hidden_size,
    )
