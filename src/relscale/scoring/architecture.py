"""Limits on shared computation between texts, from a model's configuration."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

UNLIMITED = 2**62
# Attention to all preceding tokens, or to a window of them; all other layers are recurrent.
ATTENTION = {"full_attention", "sliding_attention", "chunked_attention", "attention", "full", "sliding"}
WINDOW = re.compile(r"window|chunk|local_attention$|local_radius|floor_scale")
CHOICE = re.compile(r"index_topk")
OTHER = re.compile(r"num_|max_window_layers|pattern|layers|kernel|feed_forward|lm_head|mamba|indices")
# Names of the training length before the rotary frequencies were rescaled for longer texts.
ROTATED = ("original_max_position_embeddings", "max_position_embeddings")
# Rotary frequencies that depend on the position alone.
FIXED_ROTATION = {*ROPE_INIT_FUNCTIONS, "default", "mrope", "su"} - {"dynamic", "longrope", "su"}


@dataclass(frozen=True)
class Architecture:
    """The lengths, in tokens, up to which texts can share computation or a batch.

    Attributes
    ----------
    span
        Up to this length each token attends to all tokens before it; beyond it there are sliding windows and chunks.
        Texts share computation within it only. 0 for models with recurrent layers.
    padded
        Up to this length a text may be padded to the length of a longer one. Beyond it, rotary frequencies depend on
        the longest text of a batch, or each token selects the tokens it attends to from the whole batch length, which
        breaks ties differently.
    """

    span: int
    padded: int


def describe(config: "PreTrainedConfig") -> Architecture:
    """The architecture of a model, from its configuration."""
    text = text_config(config)
    values = text.to_dict()
    padded = min([UNLIMITED, *_rotations(values), *_lengths(values, CHOICE)])
    span = min([padded, *_lengths(values, WINDOW)])
    kinds = set(getattr(text, "layer_types", None) or ())
    return Architecture(span if kinds <= ATTENTION else 0, padded)


def text_config(config: "PreTrainedConfig") -> "PreTrainedConfig":
    """The configuration of the text model: of a part for models of images or sound, else of the whole."""
    return config.get_text_config(decoder=True)


def is_encoder_decoder(config: "PreTrainedConfig") -> bool:
    """Whether the model is an encoder-decoder: by the rule of lm-eval's ``hf`` model, or its configuration."""
    return config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES or bool(
        getattr(config, "is_encoder_decoder", False)
    )


def _lengths(config: dict[str, Any], names: re.Pattern[str]) -> Iterator[int]:
    """All lengths in a configuration whose names match ``names``."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _lengths(value, names)
        elif names.search(str(name)) and not OTHER.search(str(name)):
            yield from (length for length in _numbers(value) if length > 0)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, list | tuple):
        for element in value:
            yield from _numbers(element)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _rotations(config: dict[str, Any], known: tuple[int, ...] = ()) -> Iterator[int]:
    """For each rotary embedding, the length up to which its frequencies do not depend on the text's length."""
    known = known + tuple(int(config[name]) for name in ROTATED if config.get(name))
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _rotations(value, known)
        elif name in ("rope_type", "type") and isinstance(value, str) and value not in FIXED_ROTATION:
            yield min(known, default=0)
