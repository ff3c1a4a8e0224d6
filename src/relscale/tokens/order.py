"""Seeded permutation of the blocks of a corpus in one epoch."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_STORED = 1 << 20  # maximum number of blocks whose permutation is stored (8 MB)
ROUNDS = 6


def shuffled_index(numbers: NDArray[np.int64], blocks: int, key: tuple[int, ...]) -> NDArray[np.int64]:
    """Indices of the blocks at the steps ``numbers`` of an epoch; each block occurs once in ``blocks`` steps.

    Memory and time depend on ``numbers`` only, not on the number of blocks. The permutation of up to ``MAX_STORED``
    blocks is stored; otherwise a Feistel network permutes the integers below the next power of four, and is applied
    again while its result is not below ``blocks`` (Black and Rogaway 2002, *Ciphers with arbitrary finite domains*).

    Parameters
    ----------
    numbers
        Steps, each in [0, ``blocks``).
    key
        Integers that seed the permutation.
    """
    if blocks <= MAX_STORED:
        return _stored_order(blocks, key)[numbers]
    half = np.uint64(((blocks - 1).bit_length() + 1) // 2)
    keys = np.random.SeedSequence(list(key)).generate_state(ROUNDS, np.uint64).astype(np.uint64)
    permuted = _network(numbers.astype(np.uint64), half, keys)
    while (outside := permuted >= blocks).any():
        permuted[outside] = _network(permuted[outside], half, keys)
    return permuted.astype(np.int64)


@lru_cache(maxsize=8)
def _stored_order(blocks: int, key: tuple[int, ...]) -> NDArray[np.int64]:
    return np.random.default_rng(list(key)).permutation(blocks)


def _network(values: NDArray[np.uint64], half: np.uint64, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bijection of the integers of twice ``half`` bits: each round mixes one half into the other."""
    low = (np.uint64(1) << half) - np.uint64(1)
    high_half, low_half = values >> half, values & low
    for key in keys:
        high_half, low_half = low_half, high_half ^ (_mixed(low_half ^ key) & low)
    return (high_half << half) | low_half


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
