"""A trained decoder as a folder that ``transformers.AutoModelForCausalLM.from_pretrained`` loads."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from relscale.design.architecture import Architecture
from relscale.training.model import INITIAL_STD
from relscale.training.ops import EPSILON, THETA


def export(
    weights: Mapping[str, Tensor],
    architecture: Architecture,
    end_of_text: int,
    tokenizer: Iterable[Path],
    folder: Path,
) -> None:
    """Write ``config.json``, ``model.safetensors`` and the tokenizer's files into an existing folder.

    ``weights`` are a decoder's, by their names in it.

    Transformers is not imported, because that takes seconds and only a state dict with a prefix is needed.
    """
    named = {
        name if name.startswith("lm_head.") else f"model.{name}": weight.detach().cpu().contiguous()
        for name, weight in weights.items()
    }
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(huggingface_config(architecture, end_of_text), indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    for file in tokenizer:
        shutil.copyfile(file, folder / file.name)


def huggingface_config(architecture: Architecture, end_of_text: int) -> dict[str, Any]:
    """The ``config.json`` of transformers' Qwen3 for an architecture."""
    a = architecture
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": a.vocabulary_size,
        "hidden_size": a.hidden_size,
        "intermediate_size": a.intermediate_size,
        "num_hidden_layers": a.num_layers,
        "num_attention_heads": a.num_heads,
        "num_key_value_heads": a.num_kv_heads,
        "head_dim": a.head_size,
        "hidden_act": "silu",
        "max_position_embeddings": a.sequence_length,
        "rms_norm_eps": EPSILON,
        "rope_parameters": {"rope_type": "default", "rope_theta": THETA},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "initializer_range": INITIAL_STD,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "pad_token_id": end_of_text,
        "dtype": "float32",
    }
