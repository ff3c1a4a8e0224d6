"""Keep the memory that arrays free in the process for the next ones."""

import ctypes

CHANGES_NO_NUMBER = "keeps freed memory"

# Parameters of glibc's mallopt, from malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
NEVER = 2**31 - 1
GROWTH = 2**26  # bytes by which the heap grows
LARGE, MOST = 2**25, 2**28  # bytes of a block that is returned, and of the free end of a heap that is kept


def keep_freed_memory() -> None:
    """Make glibc keep freed blocks of up to 32 MB, and up to 256 MB in all at the end of its heap.

    By default it returns the free end of its heap, and at first each block above 128 kB, to the system at once: each
    temporary array then maps new pages, which takes as long as its arithmetic. With another C library this does
    nothing.
    """
    _set({MMAP_THRESHOLD: LARGE, TRIM_THRESHOLD: MOST, TOP_PAD: GROWTH})


def keep_all_freed_memory() -> None:
    """Make glibc keep and reuse freed memory of any block size, for a training, whose steps need the same again.

    Mapping new pages for the blocks above 32 MB of every step takes up to a quarter of a narrow model's time.
    """
    _set({MMAP_MAX: 0, TRIM_THRESHOLD: NEVER, TOP_PAD: GROWTH})


def _set(options: dict[int, int]) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in options.items():
            mallopt(option, value)
