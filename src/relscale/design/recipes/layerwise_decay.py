"""Learning rate and weight decay by width, such that the singular values of matrices do not depend on it.

    matrices:        η = η_base · h_base / h      λ = λ_base · √(h / h_base)
    all other weights: η = η_base                 λ = 0

Under AdamW the scale of a matrix converges to √(η/λ), at which decay and updates balance. Its largest singular value
was observed to grow as √(η/λ)·h^0.75, which is constant under these rules: √(h⁻¹ / h^½)·h^0.75 = 1 (arXiv 2510.15262).
Convergence takes about 3/(η·λ) steps. Embeddings and norms have the learning rate of the base; the output
layer counts as a matrix.

``width-transfer`` has λ ∝ h instead, which keeps η·λ, the inverse time scale of the weights, constant; η of matrices is
the same. The base is ``held2025`` at width 512; all other hyperparameters are those of ``held2025``.
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
    """Those of ``held2025`` at width 512 and this batch, rescaled to the width; they do not depend on the tokens."""
    base, width_ratio = base_hyperparameters(optimizer, architecture, batch_size, tokens)
    return replace(
        base,
        learning_rate=base.learning_rate / width_ratio,
        weight_decay=base.weight_decay * math.sqrt(width_ratio),
        vector_learning_rate=base.learning_rate,
    )
