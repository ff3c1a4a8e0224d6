"""Status of a measurement: a closed set of reasons not to use it, each with details.

A row's status is ``ok``, or one name or several, each followed by its detail: ``no number: 3 of 12 items; incomplete:
4 of 12 items``. Only ``ok`` is fitted; the detail is for people, and nothing reads it.
"""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """The problems of a row of measurements."""

    OK = "ok"
    DIVERGED = "diverged"  # the training did
    NO_NUMBER = "no number"  # a log-probability, or the value itself, is not finite, or impossible
    NOT_POSITIVE = "not positive"  # an error of 0, which has no logarithm
    IMPOSSIBLE = "impossible"  # a number that its metric cannot have
    TOO_SHORT = "too short"  # nothing of any document was scored
    UNLABELLED = "unlabelled"  # questions that do not say which choice is right
    OUTSIDE = "label outside the choices"
    DISPUTED = "disputed label"  # the accuracy that a log has contradicts what is taken as right
    EMPTY = "empty answer"  # bits per byte of no bytes
    CUT = "context cut"
    INCOMPLETE = "incomplete"  # documents that other models have are missing
    OTHER_ITEMS = "other items"  # documents that the prepared suite does not have
    REPEATED = "repeated"  # documents stand there more than once
    OTHER_PROMPT = "other prompt"  # a model was asked the same documents in other words
    OTHER_WINDOWS = "other windows"  # documents were read in other windows than the suite's
    SAME_NUMBERS = "same numbers"  # another model has the same, to the last digit


def of_items(status: Status, count: int, items: int) -> str:
    """A status that holds for some of a group's items."""
    link = " in" if status is Status.CUT else ":"
    return f"{status}{link} {count} of {items} items"


def together(statuses: Iterable[str]) -> str:
    """Several statuses as one; ``ok`` where there is no other."""
    return "; ".join(dict.fromkeys(status for status in statuses if status != Status.OK)) or str(Status.OK)
