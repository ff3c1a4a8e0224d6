"""The number of threads of the tokenizers library."""

import os


def set_tokenizer_threads(threads: int) -> None:
    """Set the number of threads, before the library first encodes."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
