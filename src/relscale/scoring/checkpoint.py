"""A checkpoint folder into a model and an encoder, with nothing in it trusted more than it must be."""

from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from relscale.errors import RelscaleError
from relscale.provenance import digest, file_digest
from relscale.scoring.encoding import Encoder
from relscale.scoring.safetensors_header import weights_bytes

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "added_tokens.json",
    "*.model",
)


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
        Where it goes.
    use_safetensors
        Whether weights must be safetensors. Pickled weights run code when they are read.
    trust_remote_code
        Whether code that stands in the folder may run.

    Raises
    ------
    RelscaleError
        The folder is no checkpoint, lacks weights that its configuration asks for, or does not fit the device.
    """
    folder = Path(checkpoint)
    if dtype not in DTYPES:
        raise RelscaleError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
    safe = any(folder.glob("*.safetensors"))
    if not (folder / "config.json").is_file() or not (safe or any(folder.glob("*.bin"))):
        raise RelscaleError(f"{folder}: not a checkpoint; it needs config.json and safetensors")
    if use_safetensors and not safe:
        raise RelscaleError(
            f"{folder}: its weights are pickled, and reading them can run code; "
            "set scoring.use_safetensors: false if you trust their source"
        )
    if safe:
        _check_room(folder, DTYPES[dtype], torch.device(device))
    transformers.logging.disable_progress_bar()
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
        raise RelscaleError(f"{folder}: not a readable checkpoint ({_first_line(error)})") from error
    model, report = loaded
    if report["missing_keys"]:
        raise RelscaleError(
            f"{folder}: the checkpoint lacks weights, {min(report['missing_keys'])} among them"
        )
    evaluated: PreTrainedModel = model.eval()
    torch.nn.Module.to(evaluated, torch.device(device))
    return evaluated


def load_encoder(
    checkpoint: str | Path,
    model: PreTrainedModel,
    encoders: dict[str, Encoder],
    trust_remote_code: bool = False,
) -> Encoder:
    """The encoder of a checkpoint folder, taken from ``encoders`` or added to it.

    Raises
    ------
    RelscaleError
        There is no tokenizer in the folder, or it has tokens that the model does not know.
    """
    folder = Path(checkpoint)
    files = sorted(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern) if path.is_file())
    key = digest([*map(file_digest, files), context_length(model)])
    if key not in encoders:
        # Without these, transformers makes up an empty tokenizer for the model's type.
        if not any(path.stem in ("tokenizer", "vocab", "spiece", "sentencepiece") for path in files):
            raise RelscaleError(f"{folder}: no tokenizer; put the model's own beside it (tokenizer.json)")
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=trust_remote_code, local_files_only=True
            )
        except Exception as error:
            raise RelscaleError(f"{folder}: no readable tokenizer ({_first_line(error)})") from error
        encoders[key] = Encoder(tokenizer, context_length(model))
    encoder = encoders[key]
    highest = max(encoder.tokenizer.get_vocab().values())
    if highest >= model.config.get_text_config().vocab_size:
        raise RelscaleError(
            f"{checkpoint}: the tokenizer has token {highest}, the model only "
            f"{model.config.get_text_config().vocab_size} of them; put the model's own tokenizer beside it"
        )
    return encoder


def context_length(model: PreTrainedModel) -> int:
    """Tokens that a model can read; the names in its configuration, and their order, are those of lm-eval."""
    config = model.config.get_text_config()
    named = [getattr(config, name, None) for name in ("n_positions", "max_position_embeddings", "n_ctx")]
    return next((int(length) for length in named if length), 2048)


def available_bytes(device: torch.device) -> int:
    """Memory that is free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _check_room(folder: Path, dtype: torch.dtype, device: torch.device) -> None:
    """Refuse what cannot fit before a byte of it is read; weights are converted while they are loaded."""
    stored = weights_bytes(folder)
    config = folder.joinpath("config.json").read_text(encoding="utf-8")
    halved = '"bfloat16"' in config or '"float16"' in config
    needed = stored * dtype.itemsize // (2 if halved else 4)
    free = available_bytes(device)
    if needed > free:
        raise RelscaleError(
            f"{folder}: its weights need {needed / 1e9:.1f} GB as {str(dtype).removeprefix('torch.')}, and {device} "
            f"has {free / 1e9:.1f} GB free; choose a smaller dtype or a larger device"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
