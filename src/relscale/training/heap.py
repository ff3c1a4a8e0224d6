"""Keep the memory that a step frees in the process for the next step."""

import ctypes

CHANGES_NO_NUMBER = "keeps freed memory for the next step"

# Parameters of glibc's mallopt, from malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
NEVER = 2**31 - 1
STEP = 2**26  # bytes by which the heap grows


def keep_freed_memory() -> None:
    """Make glibc keep and reuse freed memory of any block size.

    By default it returns blocks above 32 MB, and the free end of its heap, to the system at once: a step
    then has to map new pages, which takes up to a quarter of a narrow model's time. With another C library this does
    nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER), (TOP_PAD, STEP)):
            mallopt(option, value)
