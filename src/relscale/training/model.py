"""A decoder of the Qwen3 family, built from an ``Architecture``; read it from top to bottom.

RMSNorm before each half of a layer, query and key norms over the head size, rotary positions, grouped queries, SwiGLU,
no biases, untied output layer. Modules have the names of transformers' ``Qwen3ForCausalLM``, so that a
checkpoint is the state dict with a prefix (``relscale.training.checkpoint``).

Weights start as N(0, 0.02²), the norms at 1: the initialisation of GPT-2 and of Qwen3's configuration. Depth does not
rescale it.
"""

import torch
from torch import Tensor, nn

from relscale.design.architecture import Architecture
from relscale.training import ops

INITIAL_STD = 0.02


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, with a gain."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., size]`` to ``[..., size]``."""
        return ops.rms_norm(x, self.weight)


class Attention(nn.Module):
    """Causal self-attention with normed, rotated queries and keys; several queries may share a key head."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.head_size = a.head_size
        self.q_proj = nn.Linear(a.hidden_size, a.num_heads * a.head_size, bias=False)
        self.k_proj = nn.Linear(a.hidden_size, a.num_kv_heads * a.head_size, bias=False)
        self.v_proj = nn.Linear(a.hidden_size, a.num_kv_heads * a.head_size, bias=False)
        self.o_proj = nn.Linear(a.num_heads * a.head_size, a.hidden_size, bias=False)
        self.q_norm = RMSNorm(a.head_size)
        self.k_norm = RMSNorm(a.head_size)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``[B, T, h]`` to ``[B, T, h]``."""
        heads = (*x.shape[:-1], -1, self.head_size)  # [B, T, n, d]
        q, k, v = ops.projections(x, self.q_proj.weight, self.k_proj.weight, self.v_proj.weight)
        q = ops.rms_norm_rotary(q.view(heads), self.q_norm.weight, cos, sin)
        k = ops.rms_norm_rotary(k.view(heads), self.k_norm.weight, cos, sin)
        return ops.linear(ops.attention(q, k, v.view(heads)).flatten(2), self.o_proj.weight)


class MLP(nn.Module):
    """SwiGLU: ``down(silu(gate(x)) · up(x))``."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(a.hidden_size, a.intermediate_size, bias=False)
        self.up_proj = nn.Linear(a.hidden_size, a.intermediate_size, bias=False)
        self.down_proj = nn.Linear(a.intermediate_size, a.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, h]`` to ``[B, T, h]``."""
        return ops.swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class Layer(nn.Module):
    """Attention and MLP, each on a normed copy of the residual stream and added back to it."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(a.hidden_size)
        self.self_attn = Attention(a)
        self.post_attention_layernorm = RMSNorm(a.hidden_size)
        self.mlp = MLP(a)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """``[B, T, h]`` to ``[B, T, h]``."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        x = x + self.mlp(self.post_attention_layernorm(x))
        return x


class Decoder(nn.Module):
    """The complete model.

    ``hidden`` returns the last hidden states, ``loss`` the training loss without materialising logits, and a call the
    logits.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(a.vocabulary_size, a.hidden_size)
        self.layers = nn.ModuleList(Layer(a) for _ in range(a.num_layers))
        self.norm = RMSNorm(a.hidden_size)
        self.lm_head = nn.Linear(a.hidden_size, a.vocabulary_size, bias=False)
        cos, sin = ops.rotary_tables(a.sequence_length, a.head_size)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=INITIAL_STD)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Last hidden states ``[B, T, h]`` of token ids ``[B, T]``, T up to the architecture's sequence length."""
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        x: Tensor = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cos, sin)
        x = self.norm(x)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[B, T, V]`` of token ids ``[B, T]``."""
        logits: Tensor = self.lm_head(self.hidden(tokens))
        return logits

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean nats per token of sequences ``[B, T + 1]``, each position predicting the next."""
        hidden = self.hidden(tokens[:, :-1])
        return ops.cross_entropy(hidden.flatten(0, 1), self.lm_head.weight, tokens[:, 1:].flatten())
