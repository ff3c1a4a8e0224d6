"""Description of a decoder of the Qwen3 family: its parameters and FLOPs.

The model itself (``relscale.training.model``) is built from the same description, and the counts below are tested
against the built module.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Shape of a decoder-only transformer: RMSNorm, QK-norm, SwiGLU, RoPE, no biases, untied embeddings.

    ``num_heads * head_size`` need not equal ``hidden_size``.
    """

    vocabulary_size: int
    sequence_length: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_size: int
    intermediate_size: int


def parameters(architecture: Architecture) -> int:
    """Number of parameters, embedding and output matrices included.

    ``2·V·h`` for embedding and head; a layer has its query, key, value and output projections, three MLP matrices,
    two norms of width ``h`` and the query and key norms of width ``head_size``; ``h`` for the final norm.
    """
    a = architecture
    attention = a.hidden_size * (2 * a.num_heads + 2 * a.num_kv_heads) * a.head_size
    mlp = 3 * a.hidden_size * a.intermediate_size
    norms = 2 * a.hidden_size + 2 * a.head_size
    return 2 * a.vocabulary_size * a.hidden_size + a.num_layers * (attention + mlp + norms) + a.hidden_size


def activations_per_token(architecture: Architecture) -> int:
    """Number of outputs of the projections of all layers per token, without attention scores.

    A layer: attention output and MLP output ``2·h``, query, key and value ``(n + 2·n_kv)·d``, the heads' values
    ``n·d``, gate and up ``2·m``. Runtimes of image models follow it more closely than FLOPs (Dollár et al., arXiv
    2103.06877).
    """
    a = architecture
    heads = (2 * a.num_heads + 2 * a.num_kv_heads) * a.head_size
    return a.num_layers * (2 * a.hidden_size + heads + 2 * a.intermediate_size)


def forward_flops_per_token(architecture: Architecture) -> int:
    """FLOPs of one token's forward pass at full sequence length, a multiply-add counted as 2.

    A layer: MLP ``6·h·m``; query, key and value ``2·h·(n + 2·n_kv)·d``; attention scores ``2·T·n·d``, their softmax
    ``3·T·n`` and the weighted sum of values ``2·T·n·d``; output projection ``2·n·d·h``. The head: ``2·h·V``.
    The embedding is a look-up, and the attention counts all T positions: the convention of the paper
    (arXiv 2510.24626), which causal masking would halve.
    """
    a = architecture
    mlp = 6 * a.hidden_size * a.intermediate_size
    projections = 2 * a.hidden_size * (a.num_heads + 2 * a.num_kv_heads) * a.head_size
    output = 2 * a.num_heads * a.head_size * a.hidden_size
    attention = a.sequence_length * a.num_heads * (4 * a.head_size + 3)
    return a.num_layers * (mlp + projections + output + attention) + 2 * a.hidden_size * a.vocabulary_size


def training_flops_per_token(architecture: Architecture) -> int:
    """Forward and backward FLOPs of one token: three times the forward pass."""
    return 3 * forward_flops_per_token(architecture)
