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

from relscale.scoring.batch_scorer import BatchScorer
from relscale.scoring.batching import SHORTEST_SHARED_CONTEXT, prefix_trees
from relscale.scoring.encoding import Window
from relscale.scoring.forward_pass import FAILURES, ForwardPass
from relscale.scoring.model_trial import trial
from relscale.scoring.prefixes import shared_prefixes


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
    batches
        The scorer of batches, by which texts share one as far as verified.
    vocabulary
        Number of tokens that the model knows.
    share, reuse
        Whether answers share the computation of their question, and questions that of their prefix.

    Raises
    ------
    RelscaleError
        The model gives no usable log-probabilities.
    """

    def __init__(self, name: str, forward: ForwardPass, max_length: int, batch_tokens: int) -> None:
        self.name, self.forward, self.architecture = name, forward, forward.architecture
        self.batches = BatchScorer(name, forward, batch_tokens)
        # Verified on real text: the longest row and the longest item of shared computation, without and after a prefix;
        # the longest row of a batch with padding, and of any batch.
        self._verified = {False: (0, 0), True: (0, 0)}
        self._verified_padded = self._verified_beside = 0
        found = trial(self.batches, max_length)
        self.vocabulary, self.share, self.reuse = found.vocabulary, found.share, found.reuse

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
            alone = self.batches.score(distinct, [number], None)
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

    def _score_shared(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The scores, verified against the model's own forward pass if a row or an item is longer than all before.

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
            scores = self.batches.score(windows, members, prefix)
        except FAILURES:
            scores = None
        probes = sorted({longest, furthest})
        if scores and (
            (row <= known[0] and item <= known[1]) or self.batches.matches_alone(windows, probes, scores[0])
        ):
            self._verified[prefix > 0] = max(row, known[0]), max(item, known[1])
            return scores
        self.share = self.reuse = False
        self._report(f"shared computation differs from the model's own over {row} tokens; ", "by itself")
        return None

    def _score_apart(
        self, windows: Sequence[Window], members: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The scores of windows that share only their batch, verified against each alone if longer than all before.

        Raises
        ------
        RelscaleError
            The model cannot read a text of this length, or is not causal at it.
        """
        longest = max(members, key=lambda number: _read_tokens(windows[number]))
        length = _read_tokens(windows[longest])
        try:
            scores = self.batches.score(windows, members, None)
        except FAILURES as error:
            if self.batches.alone:
                raise self.batches.unreadable(length, error) from error
            scores = None
        if scores and self._neighbours_match(windows, members, scores[0]):
            return scores
        self.batches.refuse_unless_causal(
            [*windows[longest].context, *windows[longest].continuation][:-1], self.vocabulary
        )
        self.batches.separate()
        how = "in its own batch" if self.batches.alone else "with texts of equal length"
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
            end = min(
                len(order), start + max(1, 1 if self.batches.alone else self.batches.batch_tokens // length)
            )
            if length > self.batches.padded:
                end = next((row for row in range(start, end) if lengths[row] < length), end)
            padded = lengths[end - 1] < length
            if end - start > 1 and length > (self._verified_padded if padded else self._verified_beside):
                if not self.batches.matches_alone(windows, [order[end - 1]], logprobs):
                    return False
                self._verified_beside = max(self._verified_beside, length)
                if padded:
                    self._verified_padded = max(self._verified_padded, length)
            start = end
        return True

    def _report(self, message: str, how: str) -> None:
        print(f"{self.name}: {message}every item is computed {how}", file=sys.stderr)


def _read_tokens(window: Window) -> int:
    """Tokens that the model reads: all but the last."""
    return len(window.context) + len(window.continuation) - 1
