"""Shared prefixes of contexts, such as the five examples before every question of a subject, detected from tokens."""

from collections.abc import Sequence
from itertools import pairwise

# A shorter prefix, or one shared by fewer contexts, is not worth a separate forward pass.
SHORTEST = 32
FEWEST = 3


def shared_prefixes(contexts: Sequence[tuple[int, ...]]) -> list[tuple[list[int], int]]:
    """Divide contexts into groups so that computing each group's common prefix once saves most tokens.

    A group of *n* contexts that share *m* tokens saves ``(n − 1)·m``. Sorted, contexts that share a beginning are
    neighbours; joining neighbours in descending order of shared tokens gives a tree, and the best division of a node is
    either one group or the best divisions of its two children.

    Parameters
    ----------
    contexts
        Token sequences, none empty.

    Returns
    -------
    list of (numbers, shared)
        Indices into ``contexts`` and the number of shared tokens, fewer than the shortest has; 0 for a group that
        shares too little. Each context is in one group; all those without a shared prefix form one group.
    """
    order = sorted(range(len(contexts)), key=contexts.__getitem__)
    shared = [_common(contexts[a], contexts[b]) for a, b in pairwise(order)]
    # For each run of neighbours: its end, the tokens saved, and the groups (start, end, shared) that save them.
    runs: dict[int, tuple[int, int, list[tuple[int, int, int]]]] = {
        start: (start + 1, 0, []) for start in range(len(order))
    }
    begins = list(range(len(order) + 1))  # start of the run with a given end
    begins[1:] = range(len(order))
    for gap in sorted(range(len(shared)), key=lambda gap: -shared[gap]):
        start, middle = begins[gap + 1], gap + 1
        _, left_saving, left_groups = runs.pop(start)
        end, right_saving, right_groups = runs.pop(middle)
        merged_saving = (
            (end - start - 1) * shared[gap] if shared[gap] >= SHORTEST and end - start >= FEWEST else 0
        )
        if merged_saving > left_saving + right_saving:
            runs[start] = (end, merged_saving, [(start, end, shared[gap])])
        else:
            runs[start] = (end, left_saving + right_saving, left_groups + right_groups)
        begins[end] = start
    groups = [group for _, _, run_groups in runs.values() for group in run_groups]
    result = [(sorted(order[start:end]), length) for start, end, length in groups]
    alone = set(range(len(contexts))).difference(*(numbers for numbers, _ in result))
    return [*result, *([(sorted(alone), 0)] if alone else [])]


def _common(first: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Length of the common prefix, at most one less than the shorter."""
    most = min(len(first), len(other)) - 1
    if first[:most] == other[:most]:
        return most
    low, high = 0, most  # equal up to low, unequal somewhere before high
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
