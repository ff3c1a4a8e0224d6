"""The order in which a pass takes the blocks of a corpus: a permutation that a seed decides."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LISTED = 1 << 20  # so many blocks have their order written out: 8 MB
ROUNDS = 6


def shuffled_index(numbers: NDArray[np.int64], blocks: int, key: tuple[int, ...]) -> NDArray[np.int64]:
    """The blocks that a pass takes at ``numbers``, its steps counted from 0; each block once in ``blocks`` steps.

    Memory and time are those of ``numbers``, whatever the number of blocks. A permutation of few blocks is written out;
    of many it is computed where it is asked for: a Feistel network over the next power of four, walked along its cycle
    until it falls below ``blocks`` (Black and Rogaway 2002, *Ciphers with arbitrary finite domains*).

    Parameters
    ----------
    numbers
        Each in [0, ``blocks``).
    key
        Whole numbers; each gives an order of its own.
    """
    if blocks <= LISTED:
        return _listed(blocks, key)[numbers]
    half = np.uint64(((blocks - 1).bit_length() + 1) // 2)
    keys = np.random.SeedSequence(list(key)).generate_state(ROUNDS, np.uint64).astype(np.uint64)
    found = _network(numbers.astype(np.uint64), half, keys)
    while (outside := found >= blocks).any():
        found[outside] = _network(found[outside], half, keys)
    return found.astype(np.int64)


@lru_cache(maxsize=8)
def _listed(blocks: int, key: tuple[int, ...]) -> NDArray[np.int64]:
    return np.random.default_rng(list(key)).permutation(blocks)


def _network(values: NDArray[np.uint64], half: np.uint64, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of the numbers of twice ``half`` bits: each round mixes one half into the other."""
    low = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & low
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & low)
    return (left << half) | right


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
