"""Log-probabilities of windows of tokens in batches that fit in memory, as shared as the caller allows."""

from collections.abc import Sequence

import numpy as np
import torch

from relscale.errors import RelscaleError, first_line
from relscale.scoring.batching import batches, prefix_trees
from relscale.scoring.causality import depends_on_later_tokens, not_causal
from relscale.scoring.encoding import Window
from relscale.scoring.forward_pass import FAILURES, ForwardPass


class BatchScorer:
    """A model that scores windows of tokens in batches; nothing is verified.

    Parameters
    ----------
    name
        Name of the model, for messages.
    forward
        Its forward pass.
    batch_tokens
        Tokens per batch, including padding; halved when a batch does not fit in memory.

    Attributes
    ----------
    padded
        Rows that are longer than this share a batch only with rows of equal length.
    alone
        Whether each row has its own batch.
    """

    def __init__(self, name: str, forward: ForwardPass, batch_tokens: int) -> None:
        self.name, self.forward, self.batch_tokens = name, forward, batch_tokens
        self.architecture, self.kind = forward.architecture, type(forward.model).__name__
        self.padded, self.alone = self.architecture.padded, False

    def separate(self) -> None:
        """Let only rows of equal length share a batch; if that is so already, none."""
        self.alone, self.padded = self.padded == 0, 0

    def score(
        self, windows: Sequence[Window], members: Sequence[int], prefix: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability (float64, nats) of each window's continuation, and whether it is greedy.

        Of the windows ``members`` alone; others have log-probability 0 and are greedy.

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

    def matches_alone(
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
                known[windows[number]] = self.score(windows, [number], None)[0][number]
        alone = np.array([known[windows[number]] for number in numbers])
        return bool(np.all(self.forward.close(logprobs[list(numbers)], alone)))

    def refuse_unless_causal(self, tokens: Sequence[int], vocabulary: int) -> None:
        """Refuse a model whose predictions change with later tokens, drawn below ``vocabulary``."""
        try:
            later = len(tokens) > 1 and depends_on_later_tokens(self.forward.logits, tokens, vocabulary)
        except FAILURES as error:
            raise self.unreadable(len(tokens), error) from error
        if later:
            raise not_causal(self.name, self.kind, len(tokens))

    def unreadable(self, length: int, error: Exception) -> RelscaleError:
        """The error for a text that the model fails on."""
        return RelscaleError(
            f"{self.name}: {self.kind} cannot score a text of {length} tokens ({first_line(error)})"
        )
