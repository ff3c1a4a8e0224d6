"""Log-probabilities of text under causal language models of transformers, as an lm-eval model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.utils import simple_parse_args_string

from relscale.errors import RelscaleError
from relscale.hub import fetch_model
from relscale.scoring.architecture import describe
from relscale.scoring.checkpoint import load_encoder, load_model
from relscale.scoring.encoding import Encoder, Window, move_spaces
from relscale.scoring.forward_pass import ForwardPass
from relscale.scoring.quantization import Quantization, quantize
from relscale.scoring.unknown_text import UnknownText
from relscale.scoring.window_scorer import WindowScorer

BATCH_TOKENS = {False: 2048, True: 65536}  # by whether there is a GPU


@dataclass(frozen=True)
class Scores:
    """Scores of texts, one entry per text.

    Attributes
    ----------
    logprob
        ``float64``, nats; the sum over scored tokens.
    greedy
        ``bool``, whether each scored token is the likeliest one.
    tokens, bytes_scored
        ``int32``, scored tokens and UTF-8 bytes; both 0 if a text has nothing to score.
    cut
        ``bool``, whether the context lost tokens on its left to fit the model.
    bytes_unknown
        ``int32``, scored bytes that the vocabulary lacks (`relscale.scoring.unknown_text`).
    """

    logprob: np.ndarray
    greedy: np.ndarray
    tokens: np.ndarray
    bytes_scored: np.ndarray
    cut: np.ndarray
    bytes_unknown: np.ndarray


class Engine(LM):
    """A checkpoint that scores text.

    Parameters
    ----------
    pretrained
        A folder with ``config.json``, safetensors and a tokenizer, or the name of a model on the hub.
    revision
        Revision of a model on the hub.
    quantization
        ``none``, or ``int8`` or ``int4``, to which the weights are rounded (``relscale.scoring.quantization``).
    dtype
        ``float32``, ``bfloat16`` or ``float16``. The softmax is float32 and sums are float64 in any case.
    device
        ``auto`` (a GPU if there is one), or a torch device.
    batch_tokens
        Tokens per batch, including padding. By default chosen for a processor's cache, or for a GPU. It is halved when
        a batch does not fit in memory.
    encoders
        Encoders of earlier engines, to which this one's is added: models that share a vocabulary encode a text once.
    use_safetensors, trust_remote_code
        As in transformers; by default weights are read from safetensors only, and no code from the folder runs.

    Raises
    ------
    RelscaleError
        The folder is not a checkpoint, its tokenizer is not that of its model, or it does not fit the device.
    """

    def __init__(
        self,
        pretrained: str | Path,
        dtype: str = "float32",
        device: str = "auto",
        batch_tokens: int | None = None,
        encoders: dict[str, Encoder] | None = None,
        use_safetensors: bool = True,
        trust_remote_code: bool = False,
        revision: str | None = None,
        quantization: Quantization = "none",
    ):
        super().__init__()
        if not Path(pretrained).is_dir() and str(pretrained).count("/") == 1:
            pretrained = fetch_model(str(pretrained), revision, use_safetensors)
        self._device = torch.device(best_device() if device == "auto" else device)
        self.model = load_model(pretrained, dtype, self._device, use_safetensors, trust_remote_code)
        quantize(self.model, quantization)
        self.encoder = load_encoder(
            pretrained, self.model, {} if encoders is None else encoders, trust_remote_code
        )
        self.unknown_text = UnknownText(self.encoder.tokenizer)
        self._name = str(pretrained)
        self._highest = max(self.encoder.tokenizer.get_vocab().values(), default=0)
        forward = ForwardPass(self.model, describe(self.model.config), self._device)
        batch_tokens = batch_tokens or BATCH_TOKENS[self._device.type == "cuda"]
        self.scorer = WindowScorer(self._name, forward, self.encoder.max_length, batch_tokens)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> "Engine":
        """An engine from lm-eval's ``model_args``; batch sizes are ignored, since batches are limited by tokens.

        Raises
        ------
        RelscaleError
            An argument is unknown.
        """
        arguments = arg_dict | {
            name: value
            for name, value in (additional_config or {}).items()
            if value is not None and name not in ("batch_size", "max_batch_size")
        }
        known = list(signature(cls.__init__).parameters)[1:]
        unknown = [name for name in arguments if name not in known]
        if unknown:
            raise RelscaleError(f"model_args: no argument {unknown[0]!r}; there are {', '.join(known)}")
        return cls(**arguments)

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: dict[str, Any] | None = None
    ) -> "Engine":
        """The same from the text ``pretrained=FOLDER,dtype=bfloat16``."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """Log-probability in nats of each continuation after its context, and whether greedy decoding would give it."""
        scores = self.score_pairs([request.args[:2] for request in requests])
        return list(zip(scores.logprob.tolist(), scores.greedy.tolist(), strict=True))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = True) -> list[float]:
        """Log-probability in nats of each whole text, in windows of the model's full context."""
        logprobs: list[float] = self.score_texts([request.args[0] for request in requests]).logprob.tolist()
        return logprobs

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = True) -> list[str]:
        """Not supported: relscale measures probabilities of given text.

        Raises
        ------
        RelscaleError
            Always.
        """
        raise RelscaleError(
            f"task {requests[0].task_name}: tasks that generate text are not supported; use a multiple-choice, "
            "loglikelihood or rolling task"
        )

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Score each continuation after its context, with the boundaries of lm-eval.

        Raises
        ------
        RelscaleError
            A continuation has no token of its own or is longer than the model's context, or a text has a token outside
            the model's vocabulary.
        """
        windows = self.encoder.pairs(pairs)
        self._refuse_unknown(zip(map("".join, pairs), windows, strict=True))
        logprob, greedy = self.scorer.score(windows)
        return Scores(
            logprob,
            greedy,
            np.array([len(window.continuation) for window in windows], np.int32),
            np.array([len(move_spaces(*pair)[1].encode()) for pair in pairs], np.int32),
            np.array([window.cut for window in windows], bool),
            np.array([self.unknown_text.bytes_in("".join(pair), len(pair[0])) for pair in pairs], np.int32),
        )

    def score_texts(self, texts: Sequence[str], context_tokens: int = 0, overlap: float = 0.0) -> Scores:
        """Score whole texts, in windows of the model's full context, each token once.

        Parameters
        ----------
        texts
            Documents.
        context_tokens
            Number of tokens at the start of each document that are context only.
        overlap
            Share of a full window that overlaps with the previous one; 0 for lm-eval's disjoint windows.
        """
        windows = [self.encoder.rolling(text, context_tokens, overlap) for text in texts]
        self._refuse_unknown(
            (text, window)
            for text, text_windows in zip(texts, windows, strict=True)
            for window in text_windows
        )
        logprobs, greedy = self.scorer.score([window for text in windows for window in text])
        owners = np.repeat(np.arange(len(windows)), [len(text) for text in windows])
        wrong = np.bincount(owners, weights=~greedy, minlength=len(windows))
        return Scores(
            np.bincount(owners, weights=logprobs, minlength=len(windows)),
            wrong == 0,
            np.array([sum(len(window.continuation) for window in text) for text in windows], np.int32),
            np.array([self.encoder.scored_bytes(text, context_tokens) for text in texts], np.int32),
            np.zeros(len(windows), bool),
            np.array(
                [
                    self.unknown_text.bytes_in(text, self.encoder.scored_from(text, context_tokens))
                    for text in texts
                ],
                np.int32,
            ),
        )

    def _refuse_unknown(self, texts: Iterable[tuple[str, Window]]) -> None:
        """Refuse texts with tokens outside the model's vocabulary; a tokenizer may have others."""
        if self._highest < self.scorer.vocabulary:
            return
        for text, window in texts:
            highest = max(*window.context, *window.continuation)
            if highest >= self.scorer.vocabulary:
                raise RelscaleError(
                    f"{self._name}: the text {text[:40]!r} has token {highest} "
                    f"({self.encoder.tokenizer.convert_ids_to_tokens(highest)!r}), but the model has "
                    f"{self.scorer.vocabulary:,} tokens; use the model's own tokenizer"
                )


def best_device() -> str:
    """A GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
