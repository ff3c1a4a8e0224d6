"""Number of parameters of a checkpoint: those of the model in its configuration, each counted once.

Its files may contain more: masks and other buffers, tied weights twice, the same weights in another format, scales of
quantised weights, layers that are not loaded.
"""

from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relscale.errors import RelscaleError, first_line
from relscale.provenance import digest, file_digest
from relscale.scoring.model_code import refuse_kernels
from relscale.scoring.safetensors_header import tensors, weight_files
from relscale.storage.entries import Entry, read_entries, write_entries
from relscale.storage.user_cache import user_cache

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


class Counted(Entry):
    """The cached number of parameters of a configuration."""

    parameters: int


def count_parameters(folder: str | Path) -> int:
    """Number of parameters of the model in a checkpoint folder; no weight is read.

    The model is built without weights, once per ``config.json``; the result is kept in the user's
    cache, because importing transformers takes seconds.

    Raises
    ------
    RelscaleError
        There is no configuration, or transformers does not support it.
    """
    file = Path(folder) / "config.json"
    if not file.is_file():
        raise RelscaleError(f"{folder}: no config.json to count the model's parameters from")
    known = user_cache() / "parameters" / digest([file_digest(file), version("transformers")])
    with suppress(OSError, RelscaleError, ValueError, KeyError):  # not counted yet, or damaged
        (entry,) = read_entries(known, Counted)
        return entry.parameters
    from transformers import AutoConfig

    refuse_kernels(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        refuse_more_layers_than_weights(folder, config)
        count = parameters_of(config)
    except RelscaleError:
        raise
    except Exception as error:  # each class has its own for a configuration that it cannot use
        raise RelscaleError(f"{folder}: its parameters cannot be counted ({first_line(error)})") from error
    with suppress(OSError, RelscaleError):  # the cache is not writable: counted again next time
        write_entries(known, [Counted(parameters=count)])
    return count


def parameters_of(config: "PreTrainedConfig", **options: Any) -> int:
    """Number of parameters of the model of a configuration; tied weights are counted once.

    Parameters
    ----------
    config
        Configuration of a causal language model.
    options
        Options of ``from_config``.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **options)
    return sum(parameter.numel() for parameter in model.parameters())


def refuse_more_layers_than_weights(folder: str | Path, config: "PreTrainedConfig") -> None:
    """Refuse a configuration with implausibly many layers, which would take hours to build.

    Raises
    ------
    RelscaleError
        There are many more layers than weights, or a file of weights is broken.
    """
    from relscale.scoring.architecture import text_config

    if not weight_files(folder):
        return
    layers, stored = getattr(text_config(config), "num_hidden_layers", 0), len(tensors(folder))
    if isinstance(layers, int) and layers > 10 * stored:  # layers may share a tensor
        raise RelscaleError(
            f"{folder}: the checkpoint lacks weights (its configuration has {layers:,} layers, its files {stored:,} "
            "tensors)"
        )
