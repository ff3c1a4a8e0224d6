"""The recipe of *Relative Scaling Laws for LLMs* (Held, Hall, Liang and Yang, arXiv 2510.24626, 2025)."""

import math

from relscale.design.architecture import Architecture, forward_flops_per_token
from relscale.design.recipes import Infeasible
from relscale.design.run import Hyperparameters

HEAD_SIZE = 128
TARGET_STEPS = 2**16
MIN_BATCH = 8
MAX_LEARNING_RATE = 0.01
FINE_GRID_UP_TO = 9e18  # forward FLOPs


def widths(forward_budget: float) -> tuple[int, ...]:
    """512 to 4096 in steps of 128, or of 256 for budgets above 9e18 forward FLOPs."""
    return tuple(range(512, 4096 + 1, 128 if forward_budget <= FINE_GRID_UP_TO else 256))


def architecture(hidden_size: int, sequence_length: int, vocabulary_size: int) -> Architecture:
    """``round(h / (64 + 4·log2(h) − 9))`` layers, head size 128, as many key-value heads as heads, MLP width 4h."""
    num_layers = round(hidden_size / (64 + 4 * math.log2(hidden_size) - 9))
    if num_layers < 1:
        raise Infeasible(f"width {hidden_size} gives no layer")
    num_heads = max(1, hidden_size // HEAD_SIZE)
    return Architecture(
        vocabulary_size=vocabulary_size,
        sequence_length=sequence_length,
        hidden_size=hidden_size,
        num_layers=num_layers,
        num_heads=num_heads,
        num_kv_heads=num_heads,
        head_size=HEAD_SIZE,
        intermediate_size=4 * hidden_size,
    )


def learning_rate(batch_size: int, hidden_size: int) -> float:
    """``0.33·√batch / h``."""
    return 0.33 * math.sqrt(batch_size) / hidden_size


def batch_size(forward_budget: float, architecture: Architecture) -> int:
    """Batch size that spends the budget in 2^16 steps, rounded up to a power of two.

    Halved while its learning rate is above 0.01; infeasible under 8 sequences.
    """
    flops_per_sequence = forward_flops_per_token(architecture) * architecture.sequence_length
    batch = 2 ** math.ceil(math.log2(forward_budget / flops_per_sequence / TARGET_STEPS))
    while learning_rate(batch, architecture.hidden_size) > MAX_LEARNING_RATE:
        batch /= 2
    if batch < MIN_BATCH:
        raise Infeasible(
            f"width {architecture.hidden_size} would need a batch of {batch:g} sequences, under {MIN_BATCH}"
        )
    return int(batch)


def hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int = 0
) -> Hyperparameters:
    """Betas 0.95 and ``0.98^(batch/128)``, ε 1e-15, decay 0.1, clipping at 1, warm-up–stable–decay 10–70–20%."""
    return Hyperparameters(
        optimizer=optimizer,
        learning_rate=learning_rate(batch_size, architecture.hidden_size),
        beta1=0.95,
        beta2=0.98 ** (batch_size / 128),
        epsilon=1e-15,
        weight_decay=0.1,
        gradient_clip=1.0,
        schedule="wsd",
        warmup=0.1,
        decay=0.2,
    )
