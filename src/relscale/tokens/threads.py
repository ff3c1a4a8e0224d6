"""How many threads the tokenizers library uses."""

import os


def set_tokenizer_threads(threads: int) -> None:
    """Set the number of threads; the library reads it when it first encodes."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
