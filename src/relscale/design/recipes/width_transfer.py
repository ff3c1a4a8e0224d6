"""Learning rate and weight decay carried from a base width to any other.

    lr = lr_base · h_base / h        λ = λ_base · h / h_base

The first is µP's rule for the hidden matrices under Adam (Yang et al. 2022, arXiv 2203.03466). µP also keeps the
learning rate of embeddings and norms and scales the output; here one rate serves all weights, as in ``held2025``, so
this is its rule and not the whole of it. The second keeps lr·λ, and so the number of steps that weights remember, which
a fixed λ would let grow with width (Wang & Aitchison 2024, arXiv 2405.13698).

The base is ``held2025`` at width 512, and all else is that recipe's: its rate already falls as 1/h, and what differs is
weight decay.
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
    """Those of ``held2025`` at width 512 and this batch, carried to the width; the same for any number of tokens."""
    base, wider = base_hyperparameters(optimizer, architecture, batch_size, tokens)
    return replace(base, learning_rate=base.learning_rate / wider, weight_decay=base.weight_decay * wider)


def base_hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int
) -> tuple[Hyperparameters, float]:
    """Those of ``held2025`` at width 512 and this batch, and the width by 512."""
    narrow = replace(architecture, hidden_size=BASE_WIDTH)
    base = held2025.hyperparameters(optimizer, narrow, batch_size, tokens)
    return base, architecture.hidden_size / BASE_WIDTH
