"""Test of causality: predictions of a causal language model do not depend on later tokens."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from relscale.errors import RelscaleError

# Rounding: in float32 of an expert that receives other tokens, in 16 bits of any operation.
TOLERANCE = {torch.float32: 1e-5}
COARSE = 0.004


def depends_on_later_tokens(
    logits: Callable[[torch.Tensor], torch.Tensor], tokens: Sequence[int], vocabulary: int
) -> bool:
    """Whether a prediction changes with later tokens.

    The same forward pass is run on the text, on the text with a different second half, and with a different last token.
    All three have the same shape, so that differences before the change are not due to rounding.

    Parameters
    ----------
    logits
        A model's forward pass, ``int64[1, length]`` to ``float[1, length, vocabulary]``.
    tokens
        A text of at least two tokens.
    vocabulary
        Other tokens are drawn below this.
    """
    text = np.array(tokens)
    length = len(text)
    draw = np.random.default_rng(length)
    before = _logprobs(logits, text)
    for n_unchanged in {length // 2, length - 1}:
        other = text.copy()
        other[n_unchanged:] = (
            text[n_unchanged:] + draw.integers(1, vocabulary, length - n_unchanged)
        ) % vocabulary
        after = _logprobs(logits, other)
        both = (
            before[:n_unchanged].isfinite() & after[:n_unchanged].isfinite()
        )  # nan and infinite values are not compared
        first, second = before[:n_unchanged][both], after[:n_unchanged][both]
        scale = (
            TOLERANCE.get(before.dtype, COARSE) * max(1.0, float(first.abs().max())) if len(first) else 0.0
        )
        if ((first - second).abs() > scale).any():
            return True
    return False


def _logprobs(logits: Callable[[torch.Tensor], torch.Tensor], tokens: np.ndarray) -> torch.Tensor:
    output = logits(torch.from_numpy(tokens[None]))[0]
    return output.float().log_softmax(-1).to(output.dtype)


def not_causal(name: str, kind: str, length: int) -> RelscaleError:
    """The error for a model whose predictions depend on later tokens."""
    return RelscaleError(
        f"{name}: {kind} is not a causal language model (over {length} tokens a prediction changes with the tokens "
        "after it), so its texts have no log-probability; choose a decoder"
    )
