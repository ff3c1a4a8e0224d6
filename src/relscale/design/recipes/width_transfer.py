"""Learning rate and weight decay rescaled from a base width.

    lr = lr_base · h_base / h        λ = λ_base · h / h_base

The first is µP's rule for the hidden matrices under Adam (Yang et al. 2022, arXiv 2203.03466). µP also has a
constant learning rate of embeddings and norms and a scaled output; here all weights have the same rate, as in
``held2025``. The second rule keeps lr·λ constant, the inverse time scale of the weights, which would decrease with
width for constant λ (Wang & Aitchison 2024, arXiv 2405.13698).

The base is ``held2025`` at width 512, whose learning rate already falls as 1/h, so that only the weight decay differs
from ``held2025``.
"""

from dataclasses import replace

from relscale.design.architecture import Architecture
from relscale.design.recipes import held2025
from relscale.design.recipes.held2025 import architecture, batch_size, widths
from relscale.design.run import Hyperparameters

__all__ = ["architecture", "batch_size", "hyperparameters", "widths"]

BASE_WIDTH = 512


def hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int
) -> Hyperparameters:
    """Those of ``held2025`` at width 512 and this batch, rescaled to the width; they do not depend on the tokens."""
    base, width_ratio = base_hyperparameters(optimizer, architecture, batch_size, tokens)
    return replace(
        base, learning_rate=base.learning_rate / width_ratio, weight_decay=base.weight_decay * width_ratio
    )


def base_hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int
) -> tuple[Hyperparameters, float]:
    """Those of ``held2025`` at width 512 and this batch, and the ratio of the width to 512."""
    at_base_width = replace(architecture, hidden_size=BASE_WIDTH)
    base = held2025.hyperparameters(optimizer, at_base_width, batch_size, tokens)
    return base, architecture.hidden_size / BASE_WIDTH
