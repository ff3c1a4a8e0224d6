"""Length of an answer in bytes, for requests of relscale and requests logged by lm-eval."""


def answer_bytes(continuation: str, delimiter: str) -> int:
    """UTF-8 bytes of an answer: the continuation that is scored, without the task's delimiter before it.

    These are the bytes that lm-eval divides by (``acc_bytes``; for ``acc_norm``, its characters): those of the
    choice returned by ``doc_to_choice``, including its own spaces. If the choices are contexts
    with one continuation, as in Winogrande, the continuation is the answer and is counted here, while lm-eval
    counts the contexts. A task without choices has no delimiter, and the whole target counts.

    Examples
    --------
    >>> answer_bytes("  the man fell", " ")
    13
    """
    return len(continuation.removeprefix(delimiter).encode())
