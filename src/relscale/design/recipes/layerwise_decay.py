"""Learning rate and weight decay of matrices that keep their scale from a base width to any other.

    matrices:        η = η_base · h_base / h      λ = λ_base · √(h / h_base)
    all other weights: η = η_base                 λ = 0

Under AdamW a matrix settles where decay and updates balance, at a scale of √(η/λ). Its largest singular value was seen
to grow as √(η/λ)·h^0.75, which these two hold constant: √(h⁻¹ / h^½)·h^0.75 = 1 (arXiv 2510.15262). It takes many more
than 1/(η·λ) steps to settle. Embeddings and norms keep the rate of the base; the output layer counts as a matrix.

``width-transfer`` has λ ∝ h instead, which keeps η·λ, the steps that weights remember; the two agree on η of matrices.
The base is ``held2025`` at width 512, and all else is that recipe's.
"""

import math
from dataclasses import replace

from relscale.design.architecture import Architecture
from relscale.design.recipes.held2025 import architecture, batch_size, widths
from relscale.design.recipes.width_transfer import base_hyperparameters
from relscale.design.run import Hyperparameters

__all__ = ["architecture", "batch_size", "hyperparameters", "widths"]


def hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int
) -> Hyperparameters:
    """Those of ``held2025`` at width 512 and this batch, carried to the width; the same for any number of tokens."""
    base, wider = base_hyperparameters(optimizer, architecture, batch_size, tokens)
    return replace(
        base,
        learning_rate=base.learning_rate / wider,
        weight_decay=base.weight_decay * math.sqrt(wider),
        vector_learning_rate=base.learning_rate,
    )
