"""A recipe for models of width 16 to a few hundred, trained in seconds on a laptop's cores.

The paper's rules (``held2025``) end at width 94, where the learning rate exceeds its bound, and give no layer below
width 40, so small models need other rules. These were tuned by hand on the default experiment's documentation corpus
(``benchmarks/laptop_recipe.py`` repeats the scan).
"""

import math

from relscale.design.architecture import Architecture, forward_flops_per_token
from relscale.design.recipes import Infeasible
from relscale.design.run import Hyperparameters

TARGET_STEPS = 320
MIN_BATCH = 2
MAX_HEAD_SIZE = 64
# Factor of the learning rate per optimizer, by default 1: near the minimum of a parabola through losses at multiples of
# the rate, at 2e11 FLOPs and width 24. In five other cells, of 1e11 to 5e11 FLOPs, the loss was at most 1% above that
# of the best of 1/4, 1/2, 1 and 2 times the rate (benchmarks/laptop_recipe.py).
MULTIPLE = {"adamw": 2 / 3, "adamc": 2 / 3}


def widths(forward_budget: float) -> tuple[int, ...]:
    """16 to 128, for any budget."""
    return (16, 24, 32, 48, 64, 96, 128)


def architecture(hidden_size: int, sequence_length: int, vocabulary_size: int) -> Architecture:
    """One layer per 64 of width, at least one; the largest even head size up to 64 that divides the width."""
    heads = [d for d in range(2, MAX_HEAD_SIZE + 1, 2) if hidden_size % d == 0]
    if not heads:
        raise Infeasible(f"width {hidden_size} is odd, and rotary embeddings need an even head size")
    head_size = max(heads)
    return Architecture(
        vocabulary_size=vocabulary_size,
        sequence_length=sequence_length,
        hidden_size=hidden_size,
        num_layers=max(1, hidden_size // 64),
        num_heads=hidden_size // head_size,
        num_kv_heads=hidden_size // head_size,
        head_size=head_size,
        intermediate_size=4 * hidden_size,
    )


def batch_size(forward_budget: float, architecture: Architecture) -> int:
    """Batch size that spends the budget in 320 steps, rounded, at least 2 sequences.

    It is not a power of two, because jumps of the batch size between widths would be jumps of the loss.
    """
    flops_per_sequence = forward_flops_per_token(architecture) * architecture.sequence_length
    return max(MIN_BATCH, round(forward_budget / flops_per_sequence / TARGET_STEPS))


def hyperparameters(
    optimizer: str, architecture: Architecture, batch_size: int, tokens: int = 0
) -> Hyperparameters:
    """Learning rate ``0.1·√batch / h``, at most 0.02, times the optimizer's multiple; otherwise as in the paper."""
    return Hyperparameters(
        optimizer=optimizer,
        learning_rate=MULTIPLE.get(optimizer, 1.0)
        * min(0.02, 0.1 * math.sqrt(batch_size) / architecture.hidden_size),
        beta1=0.95,
        beta2=0.98 ** (batch_size / 128),
        epsilon=1e-15,
        weight_decay=0.1,
        gradient_clip=1.0,
        schedule="wsd",
        warmup=0.1,
        decay=0.2,
    )
