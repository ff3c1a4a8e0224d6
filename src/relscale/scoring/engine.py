"""Log-probabilities of text under causal language models of transformers, as an lm-eval model.

There are three optimizations. The output matrix is the most expensive part of a small model and is needed only at
scored positions: hidden states are computed for all tokens, and logits only for the scored ones. Answers to one
question share its computation (``relscale.scoring.batching``). Questions with the same beginning, such as the same
solved examples, share the keys and values of that prefix (``relscale.scoring.prefixes``).

They do not change results: an item's log-probability is that of the model's forward pass on this item alone. Sharing is
limited to the attention span in the model's configuration (``relscale.scoring.architecture``). Each optimization is
verified against the model's own forward pass when the model is loaded, and again on real text whenever a row is longer
than all verified before; it is disabled on any mismatch.
"""

import sys
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

from relscale.errors import RelscaleError, first_line
from relscale.hub import fetch_model
from relscale.scoring.architecture import describe
from relscale.scoring.batching import SHORTEST_SHARED_CONTEXT, batches, prefix_trees
from relscale.scoring.causality import depends_on_later_tokens, not_causal
from relscale.scoring.checkpoint import load_encoder, load_model
from relscale.scoring.encoding import Encoder, Window, move_spaces
from relscale.scoring.forward_pass import FAILURES, ForwardPass
from relscale.scoring.prefixes import shared_prefixes
from relscale.scoring.quantization import Quantization, quantize
from relscale.scoring.unknown_text import UnknownText

BATCH_TOKENS = {False: 2048, True: 65536}  # by whether there is a GPU
TRIAL_TOKENS = 16  # random tokens on which a model is tested when it is loaded
MOST_TRIAL_TOKENS = 600  # the same if the model has a window or a change of positions within this length


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
    unknown
        ``bool``, whether the vocabulary lacks some of the scored text (`relscale.scoring.unknown_text`).
    """

    logprob: np.ndarray
    greedy: np.ndarray
    tokens: np.ndarray
    bytes_scored: np.ndarray
    cut: np.ndarray
    unknown: np.ndarray


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
        self.batch_tokens = batch_tokens or BATCH_TOKENS[self._device.type == "cuda"]
        self.model = load_model(pretrained, dtype, self._device, use_safetensors, trust_remote_code)
        quantize(self.model, quantization)
        self.encoder = load_encoder(
            pretrained, self.model, {} if encoders is None else encoders, trust_remote_code
        )
        self.unknown_text = UnknownText(self.encoder.tokenizer)
        self._name = str(pretrained)
        self.architecture = describe(self.model.config)
        self.forward = ForwardPass(self.model, self.architecture, self._device)
        self.share = self.reuse = False
        self._padded = self.architecture.padded  # longer rows share a batch only with rows of equal length
        self._alone = False  # whether each row has its own batch
        # Verified on real text: the longest row and the longest item of shared computation, without and after a prefix;
        # the longest row of a batch with padding, and of any batch.
        self._verified = {False: (0, 0), True: (0, 0)}
        self._verified_padded = self._verified_beside = 0
        self._highest = max(self.encoder.tokenizer.get_vocab().values(), default=0)
        self._examine()

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
        logprob, greedy = self.score(windows)
        return Scores(
            logprob,
            greedy,
            np.array([len(window.continuation) for window in windows], np.int32),
            np.array([len(move_spaces(*pair)[1].encode()) for pair in pairs], np.int32),
            np.array([window.cut for window in windows], bool),
            np.array([self.unknown_text.is_in("".join(pair), len(pair[0])) for pair in pairs], bool),
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
        logprobs, greedy = self.score([window for text in windows for window in text])
        owners = np.repeat(np.arange(len(windows)), [len(text) for text in windows])
        wrong = np.bincount(owners, weights=~greedy, minlength=len(windows))
        return Scores(
            np.bincount(owners, weights=logprobs, minlength=len(windows)),
            wrong == 0,
            np.array([sum(len(window.continuation) for window in text) for text in windows], np.int32),
            np.array([self.encoder.scored_bytes(text, context_tokens) for text in texts], np.int32),
            np.zeros(len(windows), bool),
            np.array([self.unknown_text.is_in(text) for text in texts], bool),
        )

    def _refuse_unknown(self, texts: Iterable[tuple[str, Window]]) -> None:
        """Refuse texts with tokens outside the model's vocabulary; a tokenizer may have others."""
        if self._highest < self.vocabulary:
            return
        for text, window in texts:
            highest = max(*window.context, *window.continuation)
            if highest >= self.vocabulary:
                raise RelscaleError(
                    f"{self._name}: the text {text[:40]!r} has token {highest} "
                    f"({self.encoder.tokenizer.convert_ids_to_tokens(highest)!r}), but the model has "
                    f"{self.vocabulary:,} tokens; use the model's own tokenizer"
                )

    def score(self, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability (float64, nats) of each window's continuation, and whether it is greedy.

        A window that occurs twice is computed once.
        """
        numbers: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        indices = [
            numbers.setdefault((window.context, window.continuation), len(numbers)) for window in windows
        ]
        distinct = [Window(*key) for key in numbers]
        logprobs, greedy = np.zeros(len(distinct)), np.ones(len(distinct), bool)
        for members, prefix in self._groups(distinct):
            scores = None if prefix is None else self._score_shared(distinct, members, prefix)
            scores = scores or self._score_apart(distinct, members)
            logprobs += scores[0]
            greedy &= scores[1]
        # A value that is not finite spreads to the rest of its row, and may come from padding.
        for number in np.flatnonzero(~np.isfinite(logprobs)).tolist():
            alone = self._score_group(distinct, [number], None)
            logprobs[number], greedy[number] = alone[0][number], alone[1][number]
        return logprobs[indices], greedy[indices]

    def _groups(self, windows: Sequence[Window]) -> list[tuple[list[int], int | None]]:
        """Numbers of the windows that are computed after one prefix, and its length; None for separate computation."""
        owners: dict[tuple[int, ...], list[int]] = {}
        apart = []
        for number, window in enumerate(windows):
            if self.share and _read_tokens(window) <= self.architecture.span:
                owners.setdefault(window.context, []).append(number)
            else:
                apart.append(number)
        contexts = list(owners)
        groups: list[tuple[list[int], int | None]] = []
        for members, prefix in shared_prefixes(contexts) if self.reuse else [([*range(len(contexts))], 0)]:
            together: list[int] = []
            for member in members:
                context_owners = owners[contexts[member]]
                alone = not prefix and (
                    len(context_owners) == 1 or len(contexts[member]) < SHORTEST_SHARED_CONTEXT
                )
                (apart if alone else together).extend(context_owners)
            groups.append((together, prefix))
        return [group for group in [*groups, (apart, None)] if group[0]]

    def _score_group(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`score` of the windows ``members``; others have log-probability 0 and are greedy.

        ``prefix`` is the number of common first tokens of their contexts, which are computed once; None computes every
        window separately.
        """
        logprobs, greedy = np.zeros(len(windows)), np.ones(len(windows), bool)
        start = self.forward.read_prefix(windows[members[0]].context[:prefix]) if prefix else []
        longest = self.architecture.span - (prefix or 0)
        pending = prefix_trees(windows, members, prefix or 0, share=prefix is not None, longest=longest)
        while pending:
            done: set[int] = set()
            budget = 1 if self._alone else self.batch_tokens
            try:
                for batch, trees in batches(windows, pending, budget, prefix or 0, longest, self._padded):
                    token_logprobs, best = self.forward.score_batch(batch, start)
                    logprobs += np.bincount(batch.windows, weights=token_logprobs, minlength=len(windows))
                    np.logical_and.at(greedy, batch.windows, best)
                    done.update(map(id, trees))
            except torch.OutOfMemoryError:
                self._halve(max(tree.length for tree in pending if id(tree) not in done))
            pending = [tree for tree in pending if id(tree) not in done]
        return logprobs, greedy

    def _halve(self, longest: int) -> None:
        """Halve the budget after a batch that did not fit in memory; a single row cannot be made smaller."""
        if self.batch_tokens <= longest:
            raise RelscaleError(
                f"{self._name}: a row of {longest} tokens does not fit the memory of {self._device}; "
                "choose a smaller dtype or a larger device"
            )
        self.batch_tokens //= 2
        torch.cuda.empty_cache()

    def _score_shared(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """`_score_group`, verified against the model's own forward pass if a row or an item is longer than all before.

        None if the two differ, or the model fails; from then on every item is computed by itself.
        """
        if not self.share:
            return None
        trees = prefix_trees(windows, members, prefix, True, self.architecture.span - prefix)
        tallest = max(trees, key=lambda tree: tree.length)
        row = prefix + max(tallest.length, min(prefix, sum(tree.length for tree in trees)))
        # An error affects the longest item, and the one that is furthest from its own positions in a row.
        furthest = tallest.windows[-1]
        longest = max(members, key=lambda number: (_read_tokens(windows[number]), number == furthest))
        item = _read_tokens(windows[longest])
        known = self._verified[prefix > 0]
        try:
            scores = self._score_group(windows, members, prefix)
        except FAILURES:
            scores = None
        probes = sorted({longest, furthest})
        if scores and (
            (row <= known[0] and item <= known[1]) or self._matches_alone(windows, probes, scores[0])
        ):
            self._verified[prefix > 0] = max(row, known[0]), max(item, known[1])
            return scores
        self.share = self.reuse = False
        self._report(f"shared computation differs from the model's own over {row} tokens; ", "by itself")
        return None

    def _score_apart(
        self, windows: Sequence[Window], members: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """`_score_group` of windows that share only their batch, verified against each alone if it is longer than all
        before.

        Raises
        ------
        RelscaleError
            The model cannot read a text of this length, or is not causal at it.
        """
        longest = max(members, key=lambda number: _read_tokens(windows[number]))
        length = _read_tokens(windows[longest])
        try:
            scores = self._score_group(windows, members, None)
        except FAILURES as error:
            if self._alone:
                raise self._unreadable(length, error) from error
            scores = None
        if scores and self._neighbours_match(windows, members, scores[0]):
            return scores
        self._refuse_unless_causal([*windows[longest].context, *windows[longest].continuation][:-1])
        self._alone, self._padded = self._padded == 0, 0
        how = "in its own batch" if self._alone else "with texts of equal length"
        self._report(f"a text's scores depend on the other texts of its batch over {length} tokens; ", how)
        return self._score_apart(windows, members)

    def _neighbours_match(
        self, windows: Sequence[Window], members: Sequence[int], logprobs: np.ndarray
    ) -> bool:
        """Whether the shortest window of each batch, which has the most padding, has the same score alone.

        Only batches longer than all before are tested.
        """
        order = sorted(members, key=lambda number: -_read_tokens(windows[number]))
        start, lengths = 0, [_read_tokens(windows[number]) for number in order]
        while start < len(order):
            length = lengths[start]
            if length <= min(self._verified_padded, self._verified_beside):
                return True
            end = min(len(order), start + max(1, 1 if self._alone else self.batch_tokens // length))
            if length > self._padded:
                end = next((row for row in range(start, end) if lengths[row] < length), end)
            padded = lengths[end - 1] < length
            if end - start > 1 and length > (self._verified_padded if padded else self._verified_beside):
                if not self._matches_alone(windows, [order[end - 1]], logprobs):
                    return False
                self._verified_beside = max(self._verified_beside, length)
                if padded:
                    self._verified_padded = max(self._verified_padded, length)
            start = end
        return True

    def _examine(self) -> None:
        """Check that the model gives finite numbers and is causal, and determine which optimizations are valid for it.

        Raises
        ------
        RelscaleError
            The model gives no usable log-probabilities.
        """
        length = self.encoder.max_length
        near = [2 * end + 3 for end in (self.architecture.span, self.architecture.padded) if 0 < end < length]
        lengths = sorted(
            {min(TRIAL_TOKENS, length), *(min(end, length) for end in near if end <= MOST_TRIAL_TOKENS)}
        )
        try:
            self.vocabulary = self.forward.vocabulary_size()
        except FAILURES as error:
            raise self._unreadable(1, error) from error
        tokens = np.random.default_rng(0).integers(self.vocabulary, size=lengths[-1]).tolist()
        text = torch.tensor([tokens[: lengths[0]]])
        try:
            logits = self.forward.logits(text)
            steady = self.forward.matches(self.forward.logits(text), logits)
        except FAILURES as error:
            raise self._unreadable(lengths[0], error) from error
        self.forward.use_no_cache(text, logits)
        self.vocabulary = min(self.vocabulary, logits.shape[-1])
        if not logits.float().log_softmax(-1).isfinite().any():
            raise RelscaleError(
                f"{self._name}: the model gives no finite number; its weights are damaged, or too large for "
                f"{str(self.model.dtype).removeprefix('torch.')}"
            )
        if not steady:
            raise RelscaleError(
                f"{self._name}: {type(self.model).__name__} gives different numbers each time, so it is not scored"
            )
        for end in lengths:
            self._refuse_unless_causal(tokens[:end])
        self.forward.direct = self.forward.is_direct(text, logits)
        known: dict[Window, float] = {}
        for end in lengths:
            self._try_neighbours(tokens[:end], known)
        if lengths[0] == TRIAL_TOKENS <= self.architecture.span and not self._alone:
            self.share = self._shares(tokens, 0)
            self.reuse = self.share and self._shares(tokens, 4)

    def _refuse_unless_causal(self, tokens: Sequence[int]) -> None:
        try:
            later = len(tokens) > 1 and depends_on_later_tokens(self.forward.logits, tokens, self.vocabulary)
        except FAILURES as error:
            raise self._unreadable(len(tokens), error) from error
        if later:
            raise not_causal(self._name, type(self.model).__name__, len(tokens))

    def _try_neighbours(self, tokens: list[int], known: dict[Window, float]) -> None:
        """Determine which texts may share a batch; ``known`` as in `_matches_alone`."""
        full = Window(tuple(tokens[:1]), tuple(tokens[1:]))
        half = Window(tuple(tokens[:1]), tuple(tokens[1 : 1 + len(tokens) // 2]))
        turned = Window(tuple(tokens[-1:]), tuple(tokens[-2::-1]))
        if len(tokens) < 4:
            return
        for windows in ([full, half], [full, turned]):
            try:
                scores, _ = self._score_group(windows, range(2), None)
                holds = self._matches_alone(windows, range(2), scores, known)
            except FAILURES:
                holds = False
            if not holds:
                self._alone, self._padded = self._padded == 0, 0

    def _shares(self, tokens: list[int], prefix: int) -> bool:
        """Whether answers with a shared context, and questions after a prefix, have the model's own scores.

        The scores must not change if another answer is changed: models without attention would read a row of siblings
        as one text.
        """
        start, rest = tuple(tokens[:4]), tokens[4:]
        first, second, third = (tuple(rest[place : place + 4]) for place in (0, 4, 8))
        question = (*start, *first)
        windows = [Window(question, second), Window(question, third)]
        windows += [Window((*start, token), second) for token in rest[1:3]]
        others = [Window(question, second[::-1]), *windows[1:]]
        try:
            scores, _ = self._score_group(windows, range(4), prefix)
            with_changed_sibling, _ = self._score_group(others, range(4), prefix)
            return self._matches_alone(windows, range(4), scores) and bool(
                np.all(self.forward.close(scores[1:], with_changed_sibling[1:], 0.1))
            )
        except FAILURES:
            return False

    def _matches_alone(
        self,
        windows: Sequence[Window],
        numbers: Sequence[int],
        logprobs: np.ndarray,
        known: dict[Window, float] | None = None,
    ) -> bool:
        """Whether windows have these log-probabilities when each is computed alone.

        ``known`` contains the scores computed alone so far; new ones are added to it.
        """
        known = {} if known is None else known
        for number in numbers:
            if windows[number] not in known:
                known[windows[number]] = self._score_group(windows, [number], None)[0][number]
        alone = np.array([known[windows[number]] for number in numbers])
        return bool(np.all(self.forward.close(logprobs[list(numbers)], alone)))

    def _unreadable(self, length: int, error: Exception) -> RelscaleError:
        return RelscaleError(
            f"{self._name}: {type(self.model).__name__} cannot score a text of {length} tokens ({first_line(error)})"
        )

    def _report(self, message: str, how: str) -> None:
        print(f"{self._name}: {message}every item is computed {how}", file=sys.stderr)


def _read_tokens(window: Window) -> int:
    """Tokens that the model reads: all but the last."""
    return len(window.context) + len(window.continuation) - 1


def best_device() -> str:
    """A GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
