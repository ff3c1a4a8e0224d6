"""Trial of a model on random tokens when it is loaded: whether it scores text, and what computation it may share."""

from dataclasses import dataclass

import numpy as np
import torch

from relscale.errors import RelscaleError
from relscale.scoring.batch_scorer import BatchScorer
from relscale.scoring.encoding import Window
from relscale.scoring.forward_pass import FAILURES

TRIAL_TOKENS = 16  # random tokens on which a model is tested
MOST_TRIAL_TOKENS = 600  # the same if the model has a window or a change of positions within this length


@dataclass(frozen=True)
class Trial:
    """What a model was found to be valid for.

    Attributes
    ----------
    vocabulary
        Number of tokens that the model knows.
    share, reuse
        Whether answers share the computation of their question, and questions that of their prefix.
    """

    vocabulary: int
    share: bool
    reuse: bool


def trial(scorer: BatchScorer, max_length: int) -> Trial:
    """Check that the model gives finite numbers and is causal, and determine which optimizations are valid for it.

    Rows share a batch of ``scorer`` afterwards only as far as their scores do not depend on each other.

    Raises
    ------
    RelscaleError
        The model gives no usable log-probabilities.
    """
    forward, limits = scorer.forward, (scorer.architecture.span, scorer.architecture.padded)
    near = [2 * end + 3 for end in limits if 0 < end < max_length]
    lengths = sorted({min(end, max_length) for end in (TRIAL_TOKENS, *near) if end <= MOST_TRIAL_TOKENS})
    try:
        vocabulary = forward.vocabulary_size()
    except FAILURES as error:
        raise scorer.unreadable(1, error) from error
    tokens = np.random.default_rng(0).integers(vocabulary, size=lengths[-1]).tolist()
    text = torch.tensor([tokens[: lengths[0]]])
    try:
        logits = forward.logits(text)
        steady = forward.matches(forward.logits(text), logits)
    except FAILURES as error:
        raise scorer.unreadable(lengths[0], error) from error
    forward.use_no_cache(text, logits)
    vocabulary = min(vocabulary, logits.shape[-1])
    if not logits.float().log_softmax(-1).isfinite().any():
        raise RelscaleError(
            f"{scorer.name}: the model gives no finite number; its weights are damaged, or too large for "
            f"{str(forward.model.dtype).removeprefix('torch.')}"
        )
    if not steady:
        raise RelscaleError(
            f"{scorer.name}: {scorer.kind} gives different numbers each time, so it is not scored"
        )
    for end in lengths:
        scorer.refuse_unless_causal(tokens[:end], vocabulary)
    forward.direct = forward.is_direct(text, logits)
    known: dict[Window, float] = {}
    for end in lengths:
        _try_neighbours(scorer, tokens[:end], known)
    may_share = lengths[0] == TRIAL_TOKENS <= scorer.architecture.span and not scorer.alone
    share = may_share and _shares(scorer, tokens, 0)
    return Trial(vocabulary, share, reuse=share and _shares(scorer, tokens, 4))


def _try_neighbours(scorer: BatchScorer, tokens: list[int], known: dict[Window, float]) -> None:
    """Determine which texts may share a batch; ``known`` as in `BatchScorer.matches_alone`."""
    full = Window(tuple(tokens[:1]), tuple(tokens[1:]))
    half = Window(tuple(tokens[:1]), tuple(tokens[1 : 1 + len(tokens) // 2]))
    turned = Window(tuple(tokens[-1:]), tuple(tokens[-2::-1]))
    if len(tokens) < 4:
        return
    for windows in ([full, half], [full, turned]):
        try:
            scores, _ = scorer.score(windows, range(2), None)
            holds = scorer.matches_alone(windows, range(2), scores, known)
        except FAILURES:
            holds = False
        if not holds:
            scorer.separate()


def _shares(scorer: BatchScorer, tokens: list[int], prefix: int) -> bool:
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
        scores, _ = scorer.score(windows, range(4), prefix)
        with_changed_sibling, _ = scorer.score(others, range(4), prefix)
        return scorer.matches_alone(windows, range(4), scores) and bool(
            np.all(scorer.forward.close(scores[1:], with_changed_sibling[1:], 0.1))
        )
    except FAILURES:
        return False
