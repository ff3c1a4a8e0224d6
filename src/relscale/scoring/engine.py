"""Log-probabilities of text under any causal language model of transformers, as an lm-eval model.

The output matrix is the dearest part of a small model, and only scored positions need it: hidden states are computed
for all tokens, gathered where something is predicted, and only those meet the vocabulary. Answers to one question
share its computation (``relscale.scoring.batching``). Neither changes a number: both are tried on the model itself
when it is loaded, and left off where its own forward pass says otherwise.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from relscale.errors import RelscaleError
from relscale.provenance import digest, file_digest
from relscale.scoring.batching import Batch, batches
from relscale.scoring.encoding import Encoder, Window

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Rows of hidden states that meet the vocabulary at once: their logits should stay in the processor's cache.
HEAD_BYTES = 4 * 2**20
TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "added_tokens.json",
    "*.model",
)
BATCH_TOKENS = {False: 2048, True: 65536}  # by whether there is a GPU
TOLERANCE = 1e-4  # nats, float32


class Engine(LM):
    """A checkpoint that scores text.

    Parameters
    ----------
    checkpoint
        A folder with ``config.json``, safetensors and a tokenizer. Code in it is never run.
    dtype
        ``float32``, ``bfloat16`` or ``float16``. The softmax is float32 and sums are float64 in any case.
    device
        ``auto`` (a GPU where there is one), or a torch device.
    batch_tokens
        Tokens of a batch, padding counted. By default what keeps a small model in a processor's cache, or a GPU busy.
    encoders
        Encoders of earlier engines, to which this one's is added: models that share a vocabulary encode a text once.

    Raises
    ------
    RelscaleError
        The folder is no checkpoint, or its tokenizer is not that of its model.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        dtype: str = "float32",
        device: str = "auto",
        batch_tokens: int | None = None,
        encoders: dict[str, Encoder] | None = None,
    ):
        super().__init__()
        self._device = torch.device(_best_device() if device == "auto" else device)
        self.batch_tokens = batch_tokens or BATCH_TOKENS[self._device.type == "cuda"]
        self.model = load_model(checkpoint, dtype)
        torch.nn.Module.to(self.model, self._device)
        self.encoder = load_encoder(checkpoint, self.model, {} if encoders is None else encoders)
        highest = max(self.encoder.tokenizer.get_vocab().values())
        if highest >= self.model.config.vocab_size:
            raise RelscaleError(
                f"{checkpoint}: the tokenizer has token {highest}, the model only {self.model.config.vocab_size} of "
                "them; put the model's own tokenizer beside it"
            )
        self._trunk, self._head = self.model.base_model, self.model.get_output_embeddings()
        self.direct = self._head is not None and self._agrees(direct=True, share=False)
        self.share = self._agrees(direct=self.direct, share=True)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """Log-probability in nats of each continuation after its context, and whether greedy decoding would give it."""
        windows = [self.encoder.pair(*request.args[:2]) for request in requests]
        logprobs, greedy = self.score(windows)
        return list(zip(logprobs.tolist(), greedy.tolist(), strict=True))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = True) -> list[float]:
        """Log-probability in nats of each whole text, in windows of the model's full context."""
        windows = [self.encoder.rolling(request.args[0]) for request in requests]
        logprobs, _ = self.score([window for text in windows for window in text])
        owners = np.repeat(np.arange(len(windows)), [len(text) for text in windows])
        return np.bincount(owners, weights=logprobs, minlength=len(windows)).tolist()

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:
        """Not offered: relscale measures probabilities of given text.

        Raises
        ------
        RelscaleError
            Always.
        """
        raise RelscaleError(
            f"task {requests[0].task_name}: tasks that generate text are not supported; use a multiple-choice, "
            "loglikelihood or rolling task"
        )

    def score(self, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability (float64, nats) of each window's continuation, and whether it is greedy.

        A window that occurs twice is computed once.
        """
        numbers: dict[Window, int] = {}
        places = [numbers.setdefault(window, len(numbers)) for window in windows]
        distinct = list(numbers)
        logprobs, greedy = np.zeros(len(distinct)), np.ones(len(distinct), bool)
        for batch in batches(distinct, self.batch_tokens, self.share):
            token_logprobs, best = self._score_batch(batch, self.direct)
            logprobs += np.bincount(batch.windows, weights=token_logprobs, minlength=len(distinct))
            np.logical_and.at(greedy, batch.windows, best)
        return logprobs[places], greedy[places]

    @torch.inference_mode()
    def _score_batch(self, batch: Batch, direct: bool) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability of each target in float64, and whether it is the likeliest token."""
        inputs: dict[str, Any] = {"input_ids": self._tensor(batch.tokens), "use_cache": False}
        if batch.shared:
            inputs["position_ids"] = self._tensor(batch.positions)
            inputs["attention_mask"] = _sibling_mask(self._tensor(batch.segments))
        at, targets = self._tensor(batch.at), self._tensor(batch.targets)
        states = (self._trunk if direct else self.model)(**inputs)[0].flatten(0, 1)
        logprobs, best = [], []
        rows = max(1, HEAD_BYTES // (4 * self.model.config.vocab_size))
        for chunk, target in zip(at.split(rows), targets.split(rows), strict=True):
            logits = (self._head(states[chunk]) if direct else states[chunk]).float()
            chosen = logits.gather(1, target[:, None])
            highest = logits.amax(1, keepdim=True)
            total = logits.sub_(highest).exp_().sum(1, keepdim=True)
            logprobs.append((chosen - highest - total.log())[:, 0])
            best.append((chosen == highest)[:, 0])
        return torch.cat(logprobs).double().cpu().numpy(), torch.cat(best).cpu().numpy()

    def _agrees(self, direct: bool, share: bool) -> bool:
        """Whether a short cut gives the numbers of the model's plain forward pass, tried on a few tokens.

        Models that cap or scale their logits have no short cut from the hidden states; models without attention, or
        with attention in windows, cannot read a row of siblings.
        """
        tokens = np.random.default_rng(0).integers(self.model.config.vocab_size, size=16).tolist()
        windows = [Window(tuple(tokens[:8]), tuple(tokens[start : start + 4])) for start in (8, 12)]
        try:
            (shortcut,) = batches(windows, 64, share)
            found, _ = self._score_batch(shortcut, direct)
        except (TypeError, ValueError, RuntimeError, NotImplementedError):
            return False
        (plain,) = batches(windows, 64, False)
        expected, _ = self._score_batch(plain, False)
        tolerance = TOLERANCE if self.model.dtype == torch.float32 else 300 * TOLERANCE
        return bool(np.allclose(found, expected, rtol=0, atol=tolerance))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


def load_model(checkpoint: str | Path, dtype: str = "float32") -> PreTrainedModel:
    """The model of a checkpoint folder, ready to score; safetensors only, and no code from the folder.

    Raises
    ------
    RelscaleError
        The folder is no checkpoint, or lacks weights that its configuration asks for.
    """
    folder = Path(checkpoint)
    if dtype not in DTYPES:
        raise RelscaleError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise RelscaleError(f"{folder}: not a checkpoint; it needs config.json and safetensors")
    transformers.logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            use_safetensors=True,
            trust_remote_code=False,
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
    return evaluated


def load_encoder(checkpoint: str | Path, model: PreTrainedModel, encoders: dict[str, Encoder]) -> Encoder:
    """The encoder of a checkpoint folder, taken from ``encoders`` or added to it.

    Raises
    ------
    RelscaleError
        There is no tokenizer in the folder.
    """
    folder = Path(checkpoint)
    files = sorted(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern))
    key = digest([*map(file_digest, files), context_length(model)])
    if key not in encoders:
        # Without these, transformers makes up an empty tokenizer for the model's type.
        if not any(path.stem in ("tokenizer", "vocab", "spiece", "sentencepiece") for path in files):
            raise RelscaleError(f"{folder}: no tokenizer; put the model's own beside it (tokenizer.json)")
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        except Exception as error:
            raise RelscaleError(f"{folder}: no readable tokenizer ({_first_line(error)})") from error
        encoders[key] = Encoder(tokenizer, context_length(model))
    return encoders[key]


def context_length(model: PreTrainedModel) -> int:
    """Tokens that a model can read; the names in its configuration, and their order, are those of lm-eval."""
    config = model.config.get_text_config()
    named = [getattr(config, name, None) for name in ("n_positions", "max_position_embeddings", "n_ctx")]
    return next((int(length) for length in named if length), 2048)


def _sibling_mask(segments: torch.Tensor) -> torch.Tensor:
    """``bool[rows, 1, length, length]``: a token sees those before it in the context and in its own segment."""
    length = segments.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    seen = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
    return (causal & seen)[:, None]


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
