"""AdamC: AdamW whose decay is corrected by the learning rate (Defazio 2025, arXiv 2506.02285)."""

from torch import nn

from relscale.design.run import Hyperparameters
from relscale.training.adam import Adam, build_adam


def build(model: nn.Module, hyperparameters: Hyperparameters) -> Adam:
    """AdamC over a model's parameters."""
    return build_adam(model, hyperparameters, corrected=True)
