"""Length of an answer in bytes, for requests of relscale and requests logged by lm-eval."""


def answer_bytes(continuation: str, delimiter: str) -> int:
    """UTF-8 bytes of an answer: the continuation that is scored, without the task's delimiter before it.

    These are the bytes that lm-eval divides by (``acc_bytes``, and its characters for ``acc_norm``): those of the
    choice as ``doc_to_choice`` gives it, with the spaces of its own that it may have. Where the choices are contexts
    with one continuation, as in Winogrande, it is the continuation that is answered and counted here, while lm-eval
    counts the contexts. A task without choices has no delimiter: the whole target counts.

    Examples
    --------
    >>> answer_bytes("  the man fell", " ")
    13
    """
    return len(continuation.removeprefix(delimiter).encode())
