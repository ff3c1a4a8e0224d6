"""Memory of a run during training, in bytes.

Weights, gradients and moments are exact for optimizers with two moments per parameter, such as the Adam family; Muon,
with one moment per matrix parameter, is counted with two. Activations, which autograd saves between the forward and
the backward pass, are estimated to within a quarter of this package's decoder. Communication buffers and fragmentation
are not included; ``relscale.design.placement`` reserves memory for them.
"""

from dataclasses import dataclass

from relscale.design.architecture import Architecture, parameters

WIDE = 4  # bytes of float32: weights, gradients, moments, and the residual stream at any precision
MOMENTS = 2
UPDATE = 4  # bytes per parameter of the optimizer's update before it is applied
LOGIT_ROWS = 128  # rows of logits that the loss computes at a time, with their gradient


@dataclass(frozen=True)
class Layout:
    """Layout of a step on devices.

    Attributes
    ----------
    sequences
        Sequences that a device processes at once.
    shards
        Number of devices that share weights, gradients and moments; 1 if each has a full copy.
    element
        Bytes per value in the layers: 4, or 2 for bf16 under autocast.
    recompute
        Whether only a layer's input is kept and its activations are recomputed in the backward pass.
    """

    sequences: int
    shards: int = 1
    element: int = WIDE
    recompute: bool = False


def state_bytes(params: int) -> int:
    """Bytes of float32 weights, gradients and two moments: 16 per parameter."""
    return (2 + MOMENTS) * WIDE * params


def activation_bytes(architecture: Architecture, layout: Layout) -> int:
    """Bytes of activations on a device at the start of the backward pass.

    Per token, a layer saves ``4h`` values in float32 (the residual stream and its norms, twice) and ``3(n + n_kv)·d +
    4m`` in the precision of its products: queries and keys before and after norm and rotation, values, the weighted
    sum, and gate, up, silu and their product in the MLP. The T × T attention scores are not saved. With recomputation
    each layer saves its input only, and one layer at a time all. In addition there are ``4h`` values per token (last
    norm, input of the loss and its gradient), the gradient of the output matrix before accumulation, and a chunk of
    logits.
    """
    a = architecture
    tokens = layout.sequences * a.sequence_length
    heads = 3 * (a.num_heads + a.num_kv_heads) * a.head_size
    layer = 4 * a.hidden_size * WIDE + (heads + 4 * a.intermediate_size) * layout.element
    inputs = a.hidden_size * WIDE
    layers = a.num_layers * inputs + layer if layout.recompute else a.num_layers * layer
    outer_activations = 4 * a.hidden_size * WIDE
    loss = (a.hidden_size + 2 * LOGIT_ROWS) * a.vocabulary_size * WIDE
    return tokens * (layers + outer_activations) + loss


def gathered_bytes(architecture: Architecture, layout: Layout) -> int:
    """Bytes of gathered weights and gradients on a device in addition to its shards; 0 without sharding.

    The embedding and output matrices are gathered during the whole step, and two layers at a time, the current and the
    next.
    """
    if layout.shards == 1:
        return 0
    a = architecture
    embedding_params = 2 * a.vocabulary_size * a.hidden_size
    layer = (parameters(a) - embedding_params) // a.num_layers
    return (embedding_params + 2 * layer) * (layout.element + WIDE)


def device_bytes(architecture: Architecture, layout: Layout) -> int:
    """Peak memory of a device during a step, in bytes: its shards of the state, plus activations or the update.

    ``16·P / shards + gathered + casts + max(activations, 4·P / shards)``; casts are the ``2·P`` bytes of autocast's
    bf16 copies of gathered weights.
    """
    params = parameters(architecture)
    casts = layout.element * params if layout.shards == 1 and layout.element < WIDE else 0
    state = -(-state_bytes(params) // layout.shards)
    update = -(-UPDATE * params // layout.shards)
    step = casts + gathered_bytes(architecture, layout) + activation_bytes(architecture, layout)
    return state + max(step, update)
