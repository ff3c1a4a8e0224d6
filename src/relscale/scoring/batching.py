"""Windows to padded batches: contexts shared, rows of like length together.

A row holds one context and every continuation that follows it. A continuation sees the context and itself, not its
siblings, so four answers to a question cost one question and four answers::

    tokens     c c c a a b b b        segment  0 0 0 1 1 2 2 2        position  0 1 2 3 4 3 4 5
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.scoring.encoding import Window

# Shorter contexts are not worth a mask; the first windows of all documents begin with the same single token.
SHORTEST_SHARED_CONTEXT = 8


@dataclass(frozen=True)
class Batch:
    """``rows × length`` tokens and where in them the scored ones are predicted.

    Attributes
    ----------
    tokens, positions, segments
        ``int64[rows, length]``. Padding stands at the right, where causal attention keeps it out of sight.
    shared
        Whether a row has more than one continuation, and attention needs a mask.
    at
        ``int64[scored]``, index into the flattened tokens of the token that predicts each target.
    targets
        ``int64[scored]``, the tokens to score.
    windows
        ``int64[scored]``, the window that each target belongs to.
    """

    tokens: np.ndarray
    positions: np.ndarray
    segments: np.ndarray
    shared: bool
    at: np.ndarray
    targets: np.ndarray
    windows: np.ndarray


def batches(windows: Sequence[Window], tokens: int, share: bool) -> Iterator[Batch]:
    """Pack ``windows`` into batches of at most ``tokens`` tokens, padding counted, the longest rows first.

    Parameters
    ----------
    windows
        What to score; a window's number is its place here.
    tokens
        Budget of a batch; a single longer row is a batch of its own.
    share
        Whether continuations of one context may stand in one row.
    """
    rows = _rows(windows, tokens, share)
    rows.sort(key=lambda row: (-_length(windows, row), row))
    start = 0
    while start < len(rows):
        end = start + max(1, tokens // max(1, _length(windows, rows[start])))
        yield _batch(windows, rows[start:end])
        start = end


def _rows(windows: Sequence[Window], tokens: int, share: bool) -> list[list[int]]:
    """Numbers of the windows that stand in one row, for each row."""
    rows: dict[tuple, list[int]] = {}
    for number, window in enumerate(windows):
        together = share and len(window.context) >= SHORTEST_SHARED_CONTEXT
        rows.setdefault((window.context,) if together else (number,), []).append(number)
    fitting = [row for row in rows.values() if len(row) == 1 or _length(windows, row) <= tokens]
    split = [
        [number] for row in rows.values() if len(row) > 1 and _length(windows, row) > tokens for number in row
    ]
    return fitting + split


def _length(windows: Sequence[Window], row: list[int]) -> int:
    # The last token of a continuation is only predicted, never read.
    return len(windows[row[0]].context) + sum(len(windows[number].continuation) - 1 for number in row)


def _batch(windows: Sequence[Window], rows: list[list[int]]) -> Batch:
    length = max(_length(windows, row) for row in rows)
    tokens = np.zeros((len(rows), length), np.int64)
    positions = np.zeros((len(rows), length), np.int64)
    segments = np.zeros((len(rows), length), np.int64)
    at: list[int] = []
    targets: list[int] = []
    owners: list[int] = []
    for index, row in enumerate(rows):
        context = windows[row[0]].context
        here = len(context)
        tokens[index, :here] = context
        positions[index, :here] = np.arange(here)
        for segment, number in enumerate(row, start=1):
            continuation = windows[number].continuation
            read = len(continuation) - 1
            tokens[index, here : here + read] = continuation[:-1]
            positions[index, here : here + read] = np.arange(len(context), len(context) + read)
            segments[index, here : here + read] = segment
            at += [
                index * length + len(context) - 1,
                *range(index * length + here, index * length + here + read),
            ]
            targets += continuation
            owners += [number] * len(continuation)
            here += read
    shared = any(len(row) > 1 for row in rows)
    return Batch(tokens, positions, segments, shared, np.array(at), np.array(targets), np.array(owners))
