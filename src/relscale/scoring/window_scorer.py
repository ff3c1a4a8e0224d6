"""Log-probabilities of windows of tokens, by shared computation that is verified against the model's own.

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
from collections.abc import Sequence

import numpy as np
import torch

from relscale.errors import RelscaleError, first_line
from relscale.scoring.batching import SHORTEST_SHARED_CONTEXT, batches, prefix_trees
from relscale.scoring.causality import depends_on_later_tokens, not_causal
from relscale.scoring.encoding import Window
from relscale.scoring.forward_pass import FAILURES, ForwardPass
from relscale.scoring.prefixes import shared_prefixes

TRIAL_TOKENS = 16  # random tokens on which a model is tested when it is loaded
MOST_TRIAL_TOKENS = 600  # the same if the model has a window or a change of positions within this length


class WindowScorer:
    """A model that scores windows of tokens.

    Parameters
    ----------
    name
        Name of the model, for messages.
    forward
        Its forward pass.
    max_length
        Tokens of its context.
    batch_tokens
        Tokens per batch, including padding; halved when a batch does not fit in memory.

    Attributes
    ----------
    vocabulary
        Number of tokens that the model knows.
    share, reuse
        Whether answers share the computation of their question, and questions that of their prefix.
    padded
        Rows that are longer than this share a batch only with rows of equal length.
    alone
        Whether each row has its own batch.

    Raises
    ------
    RelscaleError
        The model gives no usable log-probabilities.
    """

    def __init__(self, name: str, forward: ForwardPass, max_length: int, batch_tokens: int) -> None:
        self.name, self.forward, self.max_length, self.batch_tokens = name, forward, max_length, batch_tokens
        self.architecture, self.kind = forward.architecture, type(forward.model).__name__
        self.share = self.reuse = self.alone = False
        self.padded = self.architecture.padded
        # Verified on real text: the longest row and the longest item of shared computation, without and after a prefix;
        # the longest row of a batch with padding, and of any batch.
        self._verified = {False: (0, 0), True: (0, 0)}
        self._verified_padded = self._verified_beside = 0
        self._examine()

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
            budget = 1 if self.alone else self.batch_tokens
            try:
                for batch, trees in batches(windows, pending, budget, prefix or 0, longest, self.padded):
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
                f"{self.name}: a row of {longest} tokens does not fit the memory of {self.forward.device}; "
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
            if self.alone:
                raise self._unreadable(length, error) from error
            scores = None
        if scores and self._neighbours_match(windows, members, scores[0]):
            return scores
        self._refuse_unless_causal([*windows[longest].context, *windows[longest].continuation][:-1])
        self.alone, self.padded = self.padded == 0, 0
        how = "in its own batch" if self.alone else "with texts of equal length"
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
            end = min(len(order), start + max(1, 1 if self.alone else self.batch_tokens // length))
            if length > self.padded:
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
        length = self.max_length
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
                f"{self.name}: the model gives no finite number; its weights are damaged, or too large for "
                f"{str(self.forward.model.dtype).removeprefix('torch.')}"
            )
        if not steady:
            raise RelscaleError(
                f"{self.name}: {self.kind} gives different numbers each time, so it is not scored"
            )
        for end in lengths:
            self._refuse_unless_causal(tokens[:end])
        self.forward.direct = self.forward.is_direct(text, logits)
        known: dict[Window, float] = {}
        for end in lengths:
            self._try_neighbours(tokens[:end], known)
        if lengths[0] == TRIAL_TOKENS <= self.architecture.span and not self.alone:
            self.share = self._shares(tokens, 0)
            self.reuse = self.share and self._shares(tokens, 4)

    def _refuse_unless_causal(self, tokens: Sequence[int]) -> None:
        try:
            later = len(tokens) > 1 and depends_on_later_tokens(self.forward.logits, tokens, self.vocabulary)
        except FAILURES as error:
            raise self._unreadable(len(tokens), error) from error
        if later:
            raise not_causal(self.name, self.kind, len(tokens))

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
                self.alone, self.padded = self.padded == 0, 0

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
            f"{self.name}: {self.kind} cannot score a text of {length} tokens ({first_line(error)})"
        )

    def _report(self, message: str, how: str) -> None:
        print(f"{self.name}: {message}every item is computed {how}", file=sys.stderr)


def _read_tokens(window: Window) -> int:
    """Tokens that the model reads: all but the last."""
    return len(window.context) + len(window.continuation) - 1
