"""Load a model and an encoder from a checkpoint folder, with minimal trust in its content."""

import re
import sys
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from lm_eval.models.utils import resolve_max_length
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from relscale.errors import RelscaleError, first_line
from relscale.provenance import digest, file_digest
from relscale.scoring.architecture import is_encoder_decoder
from relscale.scoring.encoding import Encoder
from relscale.scoring.model_code import refuse_kernels
from relscale.scoring.parameters import parameters_of, refuse_more_layers_than_weights
from relscale.scoring.safetensors_header import tensors, weight_files

ADAPTER = "adapter_config.json"
INTEGERS = (
    "I8",
    "U8",
    "I16",
    "I32",
)  # formats of quantised weights; masks and positions have others
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LAYER = re.compile(r"(?P<stack>.*?\.)\d+\.")  # in a tensor's name: the stack of layers, and a layer's number
TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "added_tokens.json",
    "*.model",
)
# Those of them that contain no vocabulary.
DESCRIPTIONS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def load_model(
    checkpoint: str | Path,
    dtype: str = "float32",
    device: torch.device | str = "cpu",
    use_safetensors: bool = True,
    trust_remote_code: bool = False,
) -> PreTrainedModel:
    """The model of a checkpoint folder, on its device and ready to score.

    Parameters
    ----------
    checkpoint
        A folder with ``config.json`` and weights.
    dtype
        ``float32``, ``bfloat16`` or ``float16``; weights stored in another format are converted.
    device
        Device of the model.
    use_safetensors
        Whether weights must be safetensors. Reading pickled weights can run code.
    trust_remote_code
        Whether code in the folder may run.

    Raises
    ------
    RelscaleError
        The folder is not a checkpoint, also contains an adapter, lacks weights, has more layers than its configuration,
        has integer weights without a quantization_config, or does not fit the device.
    """
    folder = Path(checkpoint)
    if dtype not in DTYPES:
        raise RelscaleError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
    safe = bool(weight_files(folder))
    if not (folder / "config.json").is_file() or not (safe or any(folder.glob("pytorch_model*.bin"))):
        raise RelscaleError(f"{folder}: not a checkpoint; it needs config.json and safetensors")
    if use_safetensors and not safe:
        raise RelscaleError(
            f"{folder}: its weights are pickled, and loading them can run code; "
            "set scoring.use_safetensors: false if you trust their source"
        )
    if (folder / ADAPTER).is_file():
        raise RelscaleError(
            f"{folder}: the folder has an adapter beside its weights ({ADAPTER}); merge it into the weights, or "
            "move it away"
        )
    config = _config(folder, trust_remote_code)
    if safe:
        _refuse_bare_integers(folder, config)
    if is_encoder_decoder(config):
        raise RelscaleError(
            f"{folder}: {config.model_type} is an encoder-decoder and has no log-probability of a text; "
            "choose a decoder"
        )
    _check_room(folder, config, DTYPES[dtype], torch.device(device), trust_remote_code)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()  # its messages on weights are replaced by those below
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            use_safetensors=safe,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # transformers, safetensors and json each raise their own for a broken folder
        raise RelscaleError(f"{folder}: not a readable checkpoint ({first_line(error)})") from error
    model, report = loaded
    lacking = [*report["missing_keys"], *map(str, report.get("mismatched_keys", ()))]
    if lacking:
        raise RelscaleError(f"{folder}: the checkpoint lacks weights, {min(lacking)} among them")
    if report["unexpected_keys"]:
        _report_unexpected(folder, model, sorted(report["unexpected_keys"]))
    evaluated: PreTrainedModel = model.eval()
    torch.nn.Module.to(evaluated, torch.device(device))
    return evaluated


def _refuse_bare_integers(folder: Path, config: PreTrainedConfig) -> None:
    """Refuse integer weights without a quantization_config, which transformers would read as plain numbers."""
    if getattr(config, "quantization_config", None) is not None:
        return
    for entry in tensors(folder):
        if entry["dtype"] in INTEGERS and len(entry["shape"]) == 2 and min(entry["shape"]) > 1:
            raise RelscaleError(
                f"{folder}: its weights are integers ({entry['dtype']}), but config.json has no "
                "quantization_config; add it, or convert the weights"
            )


def _report_unexpected(folder: Path, model: PreTrainedModel, names: list[str]) -> None:
    """Report unused tensors; extra layers mean that the configuration belongs to another model."""
    parameters = [name for name, _ in model.named_parameters()]
    layers = {match[0] for name in parameters if (match := LAYER.match(name))}
    stacks = {layer.rstrip(".0123456789") for layer in layers}
    for name in names:
        match = LAYER.match(name)
        if match and match[0] not in layers and match["stack"].rstrip(".") in stacks:
            raise RelscaleError(
                f"{folder}: its files have more layers than config.json describes ({name} …); use the "
                "model's own configuration"
            )
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    print(
        f"{folder}: ignored, because they are not part of the model in config.json: {names[0]}{more}",
        file=sys.stderr,
    )


def _config(folder: Path, trust_remote_code: bool) -> PreTrainedConfig:
    if not trust_remote_code:
        refuse_kernels(folder)
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            folder, trust_remote_code=trust_remote_code, local_files_only=True
        )
        return config
    except Exception as error:
        if "custom code" in str(error):
            raise RelscaleError(
                f"{folder}: it is loaded by its own code (auto_map in config.json); set "
                "scoring.trust_remote_code: true if you trust its source"
            ) from error
        raise RelscaleError(f"{folder}: no readable config.json ({first_line(error)})") from error


def load_encoder(
    checkpoint: str | Path,
    model: PreTrainedModel,
    encoders: dict[str, Encoder],
    trust_remote_code: bool = False,
) -> Encoder:
    """The encoder of a checkpoint folder, from ``encoders`` or added to it.

    Raises
    ------
    RelscaleError
        There is no tokenizer in the folder, or the model's context length is not positive.
    """
    folder = Path(checkpoint)
    files = sorted(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern) if path.is_file())
    key = digest([*map(file_digest, files), resolve_max_length(model.config)])
    if key not in encoders:
        # Without these files, transformers creates an empty tokenizer for the model's type.
        if not any(path.name not in DESCRIPTIONS for path in files):
            raise RelscaleError(f"{folder}: no tokenizer; add the model's tokenizer.json")
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=trust_remote_code, local_files_only=True
            )
            tokenizer("a text")  # some tokenizers load but cannot encode
        except Exception as error:
            raise RelscaleError(f"{folder}: no readable tokenizer ({first_line(error)})") from error
        length = resolve_max_length(model.config, tokenizer)  # the rule of lm-eval's hf model
        if length < 1:
            raise RelscaleError(f"{folder}: its configuration has a context length of {length} tokens")
        encoders[key] = Encoder(tokenizer, length)
    return encoders[key]


def available_bytes(device: torch.device) -> int:
    """Free memory of a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _check_room(
    folder: Path, config: PreTrainedConfig, dtype: torch.dtype, device: torch.device, code: bool
) -> None:
    """Check for damage and for memory before reading weights, which are converted while loading."""
    refuse_more_layers_than_weights(folder, config)
    try:
        needed = parameters_of(config, trust_remote_code=code) * dtype.itemsize
    except Exception as error:  # each class raises its own exception for an invalid configuration
        raise RelscaleError(f"{folder}: not a readable checkpoint ({first_line(error)})") from error
    free = available_bytes(device)
    if needed > free:
        raise RelscaleError(
            f"{folder}: its weights need {needed / 1e9:.1f} GB as {str(dtype).removeprefix('torch.')}, and {device} "
            f"has {free / 1e9:.1f} GB free; choose a smaller dtype or a larger device"
        )
