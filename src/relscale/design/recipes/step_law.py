"""Step Law: learning rate and batch from parameters and tokens (Li et al. 2025, arXiv 2503.04715).

    lr = 1.79 · N^−0.713 · D^0.307        B = 0.58 · D^0.571

N are the parameters without embedding and output layer, D the training tokens, B the batch in tokens. The law was
fitted to AdamW with a learning rate that falls to 1e-5; here a cosine ends at 0. It does not cover other optimizers,
nor betas, ε, decay and clipping, which have common values for AdamW. Widths and shapes are those of ``held2025``.
"""

from relscale.design.architecture import Architecture, forward_flops_per_token, parameters
from relscale.design.recipes.held2025 import architecture, widths
from relscale.design.run import Hyperparameters

__all__ = ["architecture", "batch_size", "hyperparameters", "widths"]


def learning_rate(hidden_parameters: int, tokens: float) -> float:
    """``1.79·N^−0.713·D^0.307``."""
    return float(1.79 * hidden_parameters**-0.713 * tokens**0.307)


def batch_tokens(tokens: float) -> float:
    """``0.58·D^0.571``."""
    return float(0.58 * tokens**0.571)


def hidden_parameters(architecture: Architecture) -> int:
    """Parameters without embedding and output layer."""
    return parameters(architecture) - 2 * architecture.vocabulary_size * architecture.hidden_size


def batch_size(forward_budget: float, architecture: Architecture) -> int:
    """Batch size for the budget's tokens, in whole sequences, at least 1."""
    tokens = forward_budget / forward_flops_per_token(architecture)
    return max(1, round(batch_tokens(tokens) / architecture.sequence_length))


def hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int
) -> Hyperparameters:
    """The law's learning rate; betas 0.9 and 0.95, ε 1e-8, decay 0.1, clipping at 1, cosine after 5% warm-up."""
    return Hyperparameters(
        optimizer=optimizer,
        learning_rate=learning_rate(hidden_parameters(architecture), tokens),
        beta1=0.9,
        beta2=0.95,
        epsilon=1e-8,
        weight_decay=0.1,
        gradient_clip=1.0,
        schedule="cosine",
        warmup=0.05,
        decay=0.0,
    )
