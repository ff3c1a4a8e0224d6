"""C-AdamC: cautious (Liang et al. 2024, arXiv 2411.16085), with corrected decay (Defazio 2025, arXiv 2506.02285)."""

from torch import nn

from relscale.design.run import Hyperparameters
from relscale.training.adam import Adam, build_adam


def build(model: nn.Module, hyperparameters: Hyperparameters) -> Adam:
    """C-AdamC over a model's parameters: the optimizer of arXiv 2510.24626."""
    return build_adam(model, hyperparameters, cautious=True, corrected=True)
