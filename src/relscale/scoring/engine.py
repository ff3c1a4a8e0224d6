"""Log-probabilities of text under any causal language model of transformers, as an lm-eval model.

Three short cuts. The output matrix is the dearest part of a small model, and only scored positions need it: hidden
states are computed for all tokens, gathered where something is predicted, and only those meet the vocabulary. Answers
to one question share its computation (``relscale.scoring.batching``). Questions that begin alike, with the same solved
examples, share the keys and values of that beginning (``relscale.scoring.prefixes``).

None changes a number. They are tried on the model when it is loaded, and again on real text whenever it is longer
than all that was tried before; where the model's own forward pass says otherwise, they are left off.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.utils import simple_parse_args_string
from transformers.cache_utils import Cache, DynamicLayer

from relscale.errors import RelscaleError
from relscale.hub import fetch_model
from relscale.scoring.batching import Batch, batches, plant
from relscale.scoring.checkpoint import load_encoder, load_model
from relscale.scoring.encoding import Encoder, Window
from relscale.scoring.prefixes import shared_prefixes

# Hidden states that meet the vocabulary at once, by whether there is a GPU: a product of fewer rows is slower, and the
# logits of more leave a processor's cache.
HEAD_ROWS = {False: 128, True: 1024}
BATCH_TOKENS = {False: 2048, True: 65536}  # by whether there is a GPU
TOLERANCE = 1e-4  # nats, float32
RELATIVE_TOLERANCE = 1e-6
# What a model raises that cannot be asked for several answers at once, or behind a prefix.
FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError)


@dataclass(frozen=True)
class Scores:
    """What a model says of texts, an entry each.

    Attributes
    ----------
    logprob
        ``float64``, nats; the sum over scored tokens.
    greedy
        ``bool``, whether each scored token is the likeliest one.
    tokens, bytes_scored
        ``int32``, scored tokens and UTF-8 bytes; both 0 where a text has nothing to score.
    cut
        ``bool``, whether the context lost tokens on its left to fit the model.
    """

    logprob: np.ndarray
    greedy: np.ndarray
    tokens: np.ndarray
    bytes_scored: np.ndarray
    cut: np.ndarray


class Engine(LM):
    """A checkpoint that scores text.

    Parameters
    ----------
    pretrained
        A folder with ``config.json``, safetensors and a tokenizer, or the name of a model on the hub.
    revision
        Of a model on the hub.
    dtype
        ``float32``, ``bfloat16`` or ``float16``. The softmax is float32 and sums are float64 in any case.
    device
        ``auto`` (a GPU where there is one), or a torch device.
    batch_tokens
        Tokens of a batch, padding counted. By default what keeps a small model in a processor's cache, or a GPU busy.
        Where memory does not hold a batch, this is halved.
    encoders
        Encoders of earlier engines, to which this one's is added: models that share a vocabulary encode a text once.
    use_safetensors, trust_remote_code
        As in transformers; by default weights are read from safetensors only, and no code from the folder runs.

    Raises
    ------
    RelscaleError
        The folder is no checkpoint, its tokenizer is not that of its model, or it does not fit the device.
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
    ):
        super().__init__()
        if not Path(pretrained).is_dir() and str(pretrained).count("/") == 1:
            pretrained = fetch_model(str(pretrained), revision, use_safetensors)
        self._device = torch.device(best_device() if device == "auto" else device)
        self.batch_tokens = batch_tokens or BATCH_TOKENS[self._device.type == "cuda"]
        self.model = load_model(pretrained, dtype, self._device, use_safetensors, trust_remote_code)
        self.encoder = load_encoder(
            pretrained, self.model, {} if encoders is None else encoders, trust_remote_code
        )
        self._name = str(pretrained)
        self._trunk, self._head = self.model.base_model, self.model.get_output_embeddings()
        tried = np.random.default_rng(0).integers(self.model.config.vocab_size, size=16).tolist()
        windows = [Window(tuple(tried[:8]), tuple(tried[start : start + 4])) for start in (8, 12)]
        self.direct = False
        self.direct = self._head is not None and self._agrees(windows, direct=True, prefix=None)
        self.share = self._agrees(windows, self.direct, prefix=0)
        self.reuse = self.share and self._agrees(windows, self.direct, prefix=4)
        self._verified = 0  # the longest context for which real text gave the same numbers shared and apart

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> "Engine":
        """An engine from lm-eval's ``model_args``; its batch sizes are left aside, since batches go by tokens.

        Raises
        ------
        RelscaleError
            There is an argument that the engine does not have.
        """
        given = arg_dict | {
            name: value
            for name, value in (additional_config or {}).items()
            if value is not None and name not in ("batch_size", "max_batch_size")
        }
        known = list(signature(cls.__init__).parameters)[1:]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise RelscaleError(f"model_args: no argument {unknown[0]!r}; there are {', '.join(known)}")
        return cls(**given)

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
        found: list[float] = self.score_texts([request.args[0] for request in requests]).logprob.tolist()
        return found

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

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Score each continuation after its context, with the boundaries of lm-eval.

        Raises
        ------
        RelscaleError
            A continuation has no token of its own, or is longer than the model's context.
        """
        windows = self.encoder.pairs(pairs)
        logprob, greedy = self.score(windows)
        moved = [c[len(c.rstrip()) :] if c.strip() else "" for c, _ in pairs]
        return Scores(
            logprob,
            greedy,
            np.array([len(window.continuation) for window in windows], np.int32),
            np.array(
                [len((space + text).encode()) for space, (_, text) in zip(moved, pairs, strict=True)],
                np.int32,
            ),
            np.array([window.cut for window in windows], bool),
        )

    def score_texts(self, texts: Sequence[str], context_tokens: int = 0, overlap: float = 0.0) -> Scores:
        """Score whole texts, in windows of the model's full context, each token once.

        Parameters
        ----------
        texts
            Documents.
        context_tokens
            So many tokens at the start of each are read and not scored.
        overlap
            Share of a full window that is text of the one before; 0 are lm-eval's disjoint windows.
        """
        windows = [self.encoder.rolling(text, context_tokens, overlap) for text in texts]
        logprobs, greedy = self.score([window for text in windows for window in text])
        owners = np.repeat(np.arange(len(windows)), [len(text) for text in windows])
        wrong = np.bincount(owners, weights=~greedy, minlength=len(windows))
        return Scores(
            np.bincount(owners, weights=logprobs, minlength=len(windows)),
            wrong == 0,
            np.array([sum(len(window.continuation) for window in text) for text in windows], np.int32),
            np.array([self.encoder.scored_bytes(text, context_tokens) for text in texts], np.int32),
            np.zeros(len(windows), bool),
        )

    def score(self, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability (float64, nats) of each window's continuation, and whether it is greedy.

        A window that occurs twice is computed once.
        """
        numbers: dict[tuple, int] = {}
        places = [numbers.setdefault(window[:2], len(numbers)) for window in windows]
        distinct = [Window(*key) for key in numbers]
        logprobs, greedy = np.zeros(len(distinct)), np.ones(len(distinct), bool)
        for members, prefix in self._groups(distinct):
            found = None if prefix is None else self._score_shared(distinct, members, prefix)
            found = found or self._score_group(distinct, members, None)
            logprobs += found[0]
            greedy &= found[1]
        return logprobs[places], greedy[places]

    def _groups(self, windows: Sequence[Window]) -> list[tuple[list[int], int | None]]:
        """Numbers of the windows that are computed behind one prefix, and its length; None: each by itself."""
        if not self.share:
            return [(list(range(len(windows))), None)]
        owners: dict[tuple[int, ...], list[int]] = {}
        for number, window in enumerate(windows):
            owners.setdefault(window.context, []).append(number)
        contexts = list(owners)
        groups = shared_prefixes(contexts) if self.reuse else [(list(range(len(contexts))), 0)]
        return [
            ([n for place in places for n in owners[contexts[place]]], shared) for places, shared in groups
        ]

    def _score_group(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`score` of some windows; those that are no members have log-probability 0 and are greedy.

        ``prefix`` is the number of tokens that their contexts begin with alike, and that are computed once; None
        computes every window by itself.
        """
        logprobs, greedy = np.zeros(len(windows)), np.ones(len(windows), bool)
        start = self._read(windows[members[0]].context[:prefix]) if prefix else []
        pending = plant(windows, members, prefix or 0, share=prefix is not None)
        while pending:
            done: set[int] = set()
            try:
                for batch, trees in batches(windows, pending, self.batch_tokens, prefix or 0):
                    token_logprobs, best = self._score_batch(batch, start, self.direct)
                    logprobs += np.bincount(batch.windows, weights=token_logprobs, minlength=len(windows))
                    np.logical_and.at(greedy, batch.windows, best)
                    done.update(map(id, trees))
            except torch.OutOfMemoryError:
                self._halve(max(tree.length for tree in pending if id(tree) not in done))
            pending = [tree for tree in pending if id(tree) not in done]
        return logprobs, greedy

    def _halve(self, longest: int) -> None:
        """A smaller budget after a batch that memory did not hold; a single row cannot be made smaller."""
        if self.batch_tokens <= longest:
            raise RelscaleError(
                f"{self._name}: a row of {longest} tokens does not fit the memory of {self._device}; "
                "choose a smaller dtype or a larger device"
            )
        self.batch_tokens //= 2
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _read(self, tokens: tuple[int, ...]) -> list[DynamicLayer]:
        """Keys and values of a prefix, layer by layer."""
        cache = Cache(layer_class_to_replicate=DynamicLayer)
        self._trunk(input_ids=self._tensor(np.array([tokens])), past_key_values=cache, use_cache=True)
        return [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]

    @torch.inference_mode()
    def _score_batch(
        self, batch: Batch, prefix: Sequence[DynamicLayer], direct: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability of each target in float64, and whether it is the likeliest token."""
        inputs: dict[str, Any] = {"input_ids": self._tensor(batch.tokens), "use_cache": False}
        if not batch.plain:
            inputs["position_ids"] = self._tensor(batch.positions)
            inputs["attention_mask"] = self._mask(batch, prefix)
        if prefix:
            inputs |= {
                "use_cache": True,
                "past_key_values": Cache(layers=[Behind(layer) for layer in prefix]),
            }
        at, place, targets = map(self._tensor, (batch.at, batch.place, batch.targets))
        states = (self._trunk if direct else self.model)(**inputs)[0].flatten(0, 1)
        totals, highest, chosen = (torch.empty(len(size), device=self._device) for size in (at, at, targets))
        rows = HEAD_ROWS[self._device.type == "cuda"]
        order = place.argsort(stable=True)
        ends = torch.searchsorted(
            place[order], torch.arange(0, len(at) + rows, rows, device=self._device)
        ).tolist()
        for number, first in enumerate(range(0, len(at), rows)):
            chunk = states[at[first : first + rows]]
            logits = (self._head(chunk) if direct else chunk).float()
            here = order[ends[number] : ends[number + 1]]
            chosen[here] = logits[place[here] - first, targets[here]]
            highest[first : first + rows] = top = logits.amax(1)
            totals[first : first + rows] = logits.sub_(top[:, None]).exp_().sum(1).log()
        logprobs = chosen - highest[place] - totals[place]
        return logprobs.double().cpu().numpy(), (chosen == highest[place]).cpu().numpy()

    def _mask(self, batch: Batch, prefix: Sequence[DynamicLayer]) -> torch.Tensor:
        """``[rows, 1, length, prefix + length]``, added to attention's scores: 0 where a token may look, else −∞.

        A token sees the prefix, and in its own tree what stands before it in the context and in its own branch.
        """
        trees, branches = self._tensor(batch.trees), self._tensor(batch.branches)
        length = trees.shape[1]
        seen = torch.ones(length, length, dtype=torch.bool, device=self._device).tril()
        seen = seen & (trees[:, None, :] == trees[:, :, None])
        seen &= (branches[:, None, :] == 0) | (branches[:, None, :] == branches[:, :, None])
        before = prefix[0].get_seq_length() if prefix else 0
        mask = torch.zeros(
            len(trees), 1, length, before + length, dtype=self.model.dtype, device=self._device
        )
        mask[:, 0, :, before:].masked_fill_(~seen, float("-inf"))
        return mask

    def _score_shared(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """`_score_group`, held against the model's own forward pass where it is longer than all that was before.

        None where the two differ, or the model cannot be asked so; from then on every item is computed by itself.
        """
        if not self.share:
            return None
        contexts = Counter(windows[number].context for number in members)
        shared = [number for number in members if prefix or contexts[windows[number].context] > 1]
        length, longest = max(((len(windows[number].context), number) for number in shared), default=(0, 0))
        try:
            found = self._score_group(windows, members, prefix)
            if length <= self._verified:
                return found
            alone, _ = self._score_group(windows, [longest], None)
            holds = bool(self._close(found[0][longest], alone[longest]))
        except FAILURES:
            holds = False
        if holds:
            self._verified = length
            return found
        self.share = self.reuse = False
        print(
            f"{self._name}: shared computation does not agree with the model's own over {length} tokens; "
            "every item is computed by itself",
            file=sys.stderr,
        )
        return None

    def _agrees(self, windows: list[Window], direct: bool, prefix: int | None) -> bool:
        """Whether a short cut gives the numbers of the model's plain forward pass, tried on a few tokens.

        Models that cap or scale their logits have no short cut from the hidden states; models without attention
        cannot read a row of siblings, nor go on behind a prefix.
        """
        before = self.direct
        try:
            self.direct = direct
            found, _ = self._score_group(windows, range(len(windows)), prefix)
            self.direct = False
            expected, _ = self._score_group(windows, range(len(windows)), None)
        except FAILURES:
            return False
        finally:
            self.direct = before
        return bool(np.all(self._close(found, expected)))

    def _close(self, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
        scale = 1 if self.model.dtype == torch.float32 else 1000
        return np.isclose(found, expected, rtol=scale * RELATIVE_TOLERANCE, atol=scale * TOLERANCE)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)


class Behind(DynamicLayer):
    """Keys and values of one layer that stand behind those of a prefix, which every row shares and none changes."""

    def __init__(self, prefix: DynamicLayer):
        super().__init__()
        self.prefix = prefix

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Those of the prefix, for every row, and the row's own after them."""
        return _behind(self.prefix.keys, key_states), _behind(self.prefix.values, value_states)

    def get_seq_length(self) -> int:
        """Tokens of the prefix."""
        length: int = self.prefix.get_seq_length()
        return length


def _behind(shared: torch.Tensor | None, own: torch.Tensor) -> torch.Tensor:
    """``[rows, heads, prefix + length, size]``: what all rows share, and after it their own."""
    assert shared is not None
    return torch.cat([shared.expand(len(own), -1, -1, -1), own], dim=-2)


def best_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
