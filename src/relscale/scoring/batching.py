"""Batching of windows: shared contexts, shared prefixes, and rows of similar length.

A *tree* is one context and all of its continuations. A continuation attends to the context and itself, not to its
siblings, so four answers to a question cost one question and four answers::

    tokens     c c c a a b b b        branch  0 0 0 1 1 2 2 2        position  0 1 2 3 4 3 4 5

If contexts begin with the same tokens (such as five solved questions), these are a *prefix* that is computed once; rows
then contain the remaining tokens, several trees in one row, and every token attends to the whole prefix.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.scoring.encoding import Window

# Sharing a shorter context saves less than its mask costs; all first windows of documents share a single token.
SHORTEST_SHARED_CONTEXT = 8


@dataclass(frozen=True)
class PrefixTree:
    """The numbers of the windows that share ``context``, and their number of tokens in a row, without the prefix."""

    context: tuple[int, ...]
    windows: tuple[int, ...]
    length: int


@dataclass(frozen=True)
class Batch:
    """``rows × length`` tokens after a prefix, and the positions at which scored tokens are predicted.

    Attributes
    ----------
    tokens, positions
        ``int64[rows, length]``; positions count from the start of the prefix. Rows are padded on the right.
    trees, branches
        ``int64[rows, length]``: which tree of its row a token belongs to (−1: padding), and which continuation of it
        (0: the context).
    plain
        Whether each row is one window without a prefix, for which causal attention suffices.
    token_index
        ``int64[rows]``, index into the flattened tokens of each token that predicts something.
    row_index
        ``int64[scored]``, index into ``token_index``: continuations of one context share the row of the token before
        them.
    targets, windows
        ``int64[scored]``, the tokens to score, and the number of the window that each belongs to.
    """

    tokens: np.ndarray
    positions: np.ndarray
    trees: np.ndarray
    branches: np.ndarray
    plain: bool
    token_index: np.ndarray
    row_index: np.ndarray
    targets: np.ndarray
    windows: np.ndarray


def prefix_trees(
    windows: Sequence[Window], numbers: Sequence[int], prefix: int, share: bool, longest: int | None = None
) -> list[PrefixTree]:
    """Trees of the windows ``numbers``, each without the first ``prefix`` tokens of its context.

    Parameters
    ----------
    windows
        All windows; a window's number is its index.
    numbers
        Numbers of the windows in the trees.
    prefix
        Number of prefix tokens, which are computed before.
    share
        Whether continuations of one context may share a tree.
    longest
        Maximum number of tokens of a tree; further continuations form another tree. None for no limit.
    """
    together: dict[tuple[int, ...], list[int]] = {}
    for number in numbers:
        context = windows[number].context
        alone = not share or len(context) < SHORTEST_SHARED_CONTEXT
        together.setdefault((number,) if alone else context, []).append(number)
    trees = []
    for members in together.values():
        context = windows[members[0]].context[prefix:]
        length = len(context)
        branches: list[int] = []
        for number in members:
            read = len(windows[number].continuation) - 1  # the last token is only predicted, never read
            if branches and longest is not None and length + read > longest:
                trees.append(PrefixTree(context, tuple(branches), length))
                length, branches = len(context), []
            length += read
            branches.append(number)
        trees.append(PrefixTree(context, tuple(branches), length))
    return trees


def batches(
    windows: Sequence[Window],
    trees: Sequence[PrefixTree],
    tokens: int,
    prefix: int = 0,
    longest: int | None = None,
    padded: int | None = None,
) -> Iterator[tuple[Batch, list[PrefixTree]]]:
    """Pack trees into batches of at most ``tokens`` tokens, padding counted, the longest rows first.

    Without a prefix, a row is one tree. After a prefix of *p* tokens, rows are filled up to *p* tokens or the longest
    tree: a token then attends over at most about twice the necessary length, and there is hardly any padding.

    Parameters
    ----------
    windows, trees
        The windows and trees to pack.
    tokens
        Maximum number of tokens per batch.
    prefix
        Number of prefix tokens, which are computed before.
    longest
        Maximum number of tokens of a row with several trees; None for no limit.
    padded
        Longer rows share a batch only with rows of the same length, so that none is padded; None for no limit.

    Yields
    ------
    Batch, list of PrefixTree
        The batch and its trees. A single tree longer than ``tokens`` is one batch.
    """
    room = min(length for length in (prefix, tokens, longest) if length is not None)
    for rows in _grouped(_rows(trees, room), tokens, padded):
        yield _batch(windows, rows, prefix), [tree for row in rows for tree in row]


def _rows(trees: Sequence[PrefixTree], room: int) -> list[list[PrefixTree]]:
    """Pack trees into rows of at most ``room`` tokens, the longest first (first fit)."""
    rows: list[list[PrefixTree]] = []
    free: list[int] = []
    for tree in sorted(trees, key=lambda tree: (-tree.length, tree.windows)):
        row = next((row for row, free_tokens in enumerate(free) if free_tokens >= tree.length), None)
        if row is None:
            rows.append([tree])
            free.append(max(room, tree.length) - tree.length)
        else:
            rows[row].append(tree)
            free[row] -= tree.length
    return sorted(rows, key=lambda row: -sum(tree.length for tree in row))


def _grouped(
    rows: list[list[PrefixTree]], tokens: int, padded: int | None
) -> Iterator[list[list[PrefixTree]]]:
    lengths = [sum(tree.length for tree in row) for row in rows]
    start = 0
    while start < len(rows):
        end = min(len(rows), start + max(1, tokens // max(1, lengths[start])))
        if padded is not None and lengths[start] > padded:
            end = next((row for row in range(start, end) if lengths[row] < lengths[start]), end)
        yield rows[start:end]
        start = end


def _batch(windows: Sequence[Window], rows: list[list[PrefixTree]], prefix: int) -> Batch:
    length = max(sum(tree.length for tree in row) for row in rows)
    tokens, positions, branches = (np.zeros((len(rows), length), np.int64) for _ in range(3))
    trees = np.full((len(rows), length), -1, np.int64)
    token_index: list[int] = []
    row_index: list[int] = []
    targets: list[int] = []
    owners: list[int] = []
    for row, row_trees in enumerate(rows):
        position = 0
        for index, tree in enumerate(row_trees):
            end = position + len(tree.context)
            tokens[row, position:end] = tree.context
            positions[row, position:end] = np.arange(prefix, prefix + end - position)
            trees[row, position : position + tree.length] = index
            next_position = prefix + end - position
            first = len(token_index)
            token_index.append(row * length + end - 1)
            position = end
            for branch, number in enumerate(tree.windows, start=1):
                continuation = windows[number].continuation
                read = len(continuation) - 1
                tokens[row, position : position + read] = continuation[:-1]
                positions[row, position : position + read] = np.arange(next_position, next_position + read)
                branches[row, position : position + read] = branch
                row_index += [first, *range(len(token_index), len(token_index) + read)]
                token_index += range(row * length + position, row * length + position + read)
                targets += continuation
                owners += [number] * len(continuation)
                position += read
    plain = prefix == 0 and all(len(row) == 1 and len(row[0].windows) == 1 for row in rows)
    numbers = (np.array(values, np.int64) for values in (token_index, row_index, targets, owners))
    return Batch(tokens, positions, trees, branches, plain, *numbers)
