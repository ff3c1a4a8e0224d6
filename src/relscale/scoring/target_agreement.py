"""Whether a task of lm-eval with rules of its own has the right choices that its items have."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

PROBED = 20  # documents on which the task's right choices are compared with the items' targets


def targets_are_the_tasks(
    process_results: Callable[..., Any] | str | None,
    documents: Sequence[Mapping[str, Any]],
    targets: Sequence[Sequence[bool]],
) -> bool:
    """Whether a task with custom rules has the same right choices as its items.

    Determined by trial: for some documents, each choice in turn is made the likeliest, and one of the metrics must be 1
    if that choice is a target and 0 otherwise.

    Parameters
    ----------
    process_results
        The task's own function; None if it uses lm-eval's.
    documents, targets
        The documents, and for each which of its choices are right. Single answers and whole documents are always right.
    """
    if not callable(process_results) or all(len(choices) == 1 for choices in targets):
        return True
    agreeing: set[str] | None = None
    for doc, choices in zip(documents[:PROBED], targets[:PROBED], strict=True):
        for likeliest, target in enumerate(choices):
            results = [
                (-1.0 if place == likeliest else -20.0 - place, False) for place in range(len(choices))
            ]
            try:
                values = process_results(doc, results)
            except Exception:  # any exception of a task's own function
                return False
            right = {name for name, value in values.items() if _equal(value, target)}
            agreeing = right if agreeing is None else agreeing & right
    return bool(agreeing)


def _equal(value: Any, expected: bool) -> bool:
    try:
        return float(value) == float(expected)
    except (TypeError, ValueError):
        return False
