"""C-AdamW, the cautious AdamW of Liang et al. (2024, arXiv 2411.16085)."""

from torch import nn

from relscale.design.run import Hyperparameters
from relscale.training.adam import Adam, build_adam


def build(model: nn.Module, hyperparameters: Hyperparameters) -> Adam:
    """C-AdamW over a model's parameters."""
    return build_adam(model, hyperparameters, cautious=True)
