"""Tiny random models with tokenizers of their own, for benchmarks and tests."""

import argparse
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

END = "<|endoftext|>"
# Text that every machine has, to train a tokenizer on.
PYTHON_FILES = (argparse.__file__, textwrap.__file__)


def byte_level_tokenizer(vocabulary: int, texts: Iterable[str] | None = None) -> Any:
    """A byte-level BPE tokenizer trained on some texts, by default on files of Python's library."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    if texts is None:
        tokenizer.train(list(PYTHON_FILES), trainer)
    else:
        tokenizer.train_from_iterator(texts, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END
    )


def random_qwen3(
    vocabulary: int,
    context: int,
    width: int = 32,
    spread: float = 1.0,
    seed: int = 0,
    layers: int = 2,
    heads: int = 2,
    mlp_ratio: int = 2,
) -> Any:
    """A Qwen3 with random weights.

    Parameters
    ----------
    vocabulary, context, width
        Tokens of its vocabulary; tokens of its context; hidden size.
    spread
        Standard deviation of the weights.
    layers, heads
        Layers, and heads per layer.
    mlp_ratio
        Width of the MLP over the hidden size.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    config = transformers.Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=width // heads,
        intermediate_size=mlp_ratio * width,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        initializer_range=spread,
    )
    return transformers.Qwen3ForCausalLM(config)


def save_checkpoint(
    folder: str | Path, vocabulary: int = 400, context: int = 64, spread: float = 1.0, seed: int = 0
) -> Path:
    """A random Qwen3 and its tokenizer in a folder, as Hugging Face's libraries read them."""
    tokenizer = byte_level_tokenizer(vocabulary)
    random_qwen3(vocabulary, context, spread=spread, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Path(folder)
