"""A model's forward pass on batches of shared computation, and its verification."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

from relscale.scoring.architecture import Architecture, text_config
from relscale.scoring.batching import Batch
from relscale.to_device import to_device

# Hidden states multiplied by the output matrix at once, by whether there is a GPU: a product of fewer rows is slower,
# and the logits of more do not fit a processor's cache.
HEAD_ROWS = {False: 128, True: 1024}
TOLERANCE = 5e-5  # nats, float32; the documented accuracy of items is twice that
RELATIVE_TOLERANCE = 5e-7
COARSE = 2000  # times TOLERANCE for 16-bit formats
# Exceptions of models that do not support several answers at once, or a prefix.
FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError)


class ForwardPass:
    """A causal language model, its layers and its output matrix.

    Attributes
    ----------
    options
        Arguments of every forward pass.
    direct
        Whether logits are computed for scored positions only.
    """

    def __init__(self, model: PreTrainedModel, architecture: Architecture, device: torch.device):
        self.model, self.architecture, self.device = model, architecture, device
        self.trunk, self.head = model.base_model, model.get_output_embeddings()
        self.options: dict[str, Any] = {}
        self.direct = False

    @torch.inference_mode()
    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """The model's own forward pass on one text: ``[1, length]`` to ``[1, length, vocabulary]``."""
        logits: torch.Tensor = self.model(input_ids=tokens.to(self.device), **self.options).logits
        return logits

    def vocabulary_size(self) -> int:
        """Number of tokens in the model's vocabulary."""
        rows = getattr(self.model.get_input_embeddings(), "weight", None)
        return len(rows) if rows is not None else int(text_config(self.model.config).vocab_size)

    def use_no_cache(self, text: torch.Tensor, logits: torch.Tensor) -> None:
        """Disable the unused cache of keys and values if the model has that option and its results do not change."""
        before, self.options = self.options, {"use_cache": False}
        try:
            matches = self.matches(self.logits(text), logits)
        except FAILURES:
            matches = False
        self.options = self.options if matches else before

    @torch.inference_mode()
    def is_direct(self, text: torch.Tensor, logits: torch.Tensor) -> bool:
        """Whether the output matrix on the hidden states gives the model's logits; some models cap or scale them."""
        if self.head is None:
            return False
        try:
            states = self.trunk(input_ids=text.to(self.device), **self.options)[0]
            return self.matches(self.head(states), logits)
        except FAILURES:
            return False

    @torch.inference_mode()
    def read_prefix(self, tokens: tuple[int, ...]) -> list[DynamicLayer]:
        """Keys and values of a prefix, layer by layer."""
        cache = Cache(layer_class_to_replicate=DynamicLayer)
        self.trunk(input_ids=self._tensor(np.array([tokens])), past_key_values=cache, use_cache=True)
        return [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]

    @torch.inference_mode()
    def score_batch(self, batch: Batch, prefix: Sequence[DynamicLayer]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability of each target in float64, and whether it is the likeliest token."""
        inputs: dict[str, Any] = {"input_ids": self._tensor(batch.tokens), **self.options}
        if not batch.plain:
            inputs["position_ids"] = self._tensor(batch.positions)
            inputs["attention_mask"] = self._mask(batch, prefix)
        if prefix:
            inputs |= {
                "use_cache": True,
                "past_key_values": Cache(layers=[PrefixedLayer(layer) for layer in prefix]),
            }
        token_index, row_index, targets = map(
            self._tensor, (batch.token_index, batch.row_index, batch.targets)
        )
        if batch.tokens.shape[1] > self.architecture.padded:
            self.logits(torch.zeros(1, 1, dtype=torch.int64))  # dynamic factors persist until a short text
        output = self.trunk(**inputs)[0] if self.direct else self.model(**inputs).logits
        states = output.flatten(0, 1)
        totals, highest, target_logits = (
            torch.empty(len(size), device=self.device) for size in (token_index, token_index, targets)
        )
        # A target is greedy if it is the first of the largest logits, as in lm-eval; never if it is not finite.
        greedy = torch.zeros(len(targets), dtype=torch.bool, device=self.device)
        rows = HEAD_ROWS[self.device.type == "cuda"]
        by_row = batch.row_index.argsort(kind="stable")
        ends = np.searchsorted(batch.row_index[by_row], np.arange(0, len(token_index) + rows, rows)).tolist()
        order = self._tensor(by_row)
        for number, first in enumerate(range(0, len(token_index), rows)):
            chunk = states[token_index[first : first + rows]]
            logits = (self.head(chunk) if self.direct else chunk).float()
            in_chunk = order[ends[number] : ends[number + 1]]
            target_logits[in_chunk] = logits[row_index[in_chunk] - first, targets[in_chunk]]
            top = logits.amax(1)
            highest[first : first + rows] = top
            is_top = in_chunk[target_logits[in_chunk] == top[row_index[in_chunk] - first]]
            greedy[is_top] = logits[row_index[is_top] - first].argmax(1) == targets[is_top]
            totals[first : first + rows] = logits.sub_(top[:, None]).exp_().sum(1).log()
        logprobs = target_logits - highest[row_index] - totals[row_index]
        return logprobs.double().cpu().numpy(), greedy.cpu().numpy()

    def _mask(self, batch: Batch, prefix: Sequence[DynamicLayer]) -> torch.Tensor:
        """``[rows, 1, length, prefix + length]``, added to the attention scores: 0 for visible tokens, else −∞.

        Visible to a token are the prefix and, within its own tree, earlier tokens of the context and of its own branch.
        """
        trees, branches = self._tensor(batch.trees), self._tensor(batch.branches)
        length = trees.shape[1]
        visible = torch.ones(length, length, dtype=torch.bool, device=self.device).tril()
        visible = visible & (trees[:, None, :] == trees[:, :, None])
        visible &= (branches[:, None, :] == 0) | (branches[:, None, :] == branches[:, :, None])
        before = prefix[0].get_seq_length() if prefix else 0
        mask = torch.zeros(len(trees), 1, length, before + length, dtype=self.model.dtype, device=self.device)
        mask[:, 0, :, before:].masked_fill_(~visible, float("-inf"))
        return mask

    def close(self, logprobs: np.ndarray, expected: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Which log-probabilities are equal within a share of the tolerance of the model's number format."""
        scale = share * (1 if self.model.dtype == torch.float32 else COARSE)
        equal: np.ndarray = np.isclose(
            logprobs, expected, rtol=scale * RELATIVE_TOLERANCE, atol=scale * TOLERANCE, equal_nan=True
        )
        return equal

    def matches(self, logits: torch.Tensor, expected: torch.Tensor) -> bool:
        """Whether logits give the same log-probability to every token."""
        if logits.shape != expected.shape:
            return False
        first, second = (array.float().log_softmax(-1) for array in (logits, expected))
        return bool(np.all(self.close(first.cpu().numpy(), second.cpu().numpy(), 0.2)))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return to_device(torch.from_numpy(array), self.device)


class PrefixedLayer(DynamicLayer):
    """Keys and values of one layer after those of a prefix, which all rows share and none changes."""

    def __init__(self, prefix: DynamicLayer):
        super().__init__()
        self.prefix = prefix

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the prefix, for every row, followed by the row's own."""
        return _with_prefix(self.prefix.keys, key_states), _with_prefix(self.prefix.values, value_states)

    def get_seq_length(self) -> int:
        """Tokens of the prefix."""
        length: int = self.prefix.get_seq_length()
        return length


def _with_prefix(shared: torch.Tensor | None, states: torch.Tensor) -> torch.Tensor:
    """``[rows, heads, prefix + length, size]``: the shared states, followed by each row's own."""
    assert shared is not None
    return torch.cat([shared.expand(len(states), -1, -1, -1), states], dim=-2)
