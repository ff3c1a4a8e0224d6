"""Status of a measurement: ok, or reasons not to use it from a closed set, each with details.

A row's status is ``ok``, or one or more names, each followed by its detail: ``no number: 3 of 12 items; incomplete:
4 of 12 items``. Only rows with ``ok`` are fitted; the details are for the reader and are never parsed.
"""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """The problems of a row of measurements."""

    OK = "ok"
    DIVERGED = "diverged"  # training diverged
    NO_NUMBER = "no number"  # a log-probability or the value is not finite or invalid
    NOT_POSITIVE = "not positive"  # an error of 0, which has no logarithm
    IMPOSSIBLE = "impossible"  # outside the range of the metric
    TOO_SHORT = "too short"  # no token of any document was scored
    UNLABELLED = "unlabelled"  # questions without a label of the right choice
    OUTSIDE = "label outside the choices"
    DISPUTED = "disputed label"  # labels that contradict the logged accuracy
    EMPTY = "empty answer"  # bits per byte of no bytes
    UNKNOWN = "unknown characters"  # the vocabulary lacks some of the scored text
    CUT = "context cut"
    INCOMPLETE = "incomplete"  # documents of other models are missing
    OTHER_ITEMS = "other items"  # documents that are not in the prepared suite
    REPEATED = "repeated"  # documents occur more than once
    OTHER_PROMPT = "other prompt"  # the same documents have other prompts
    OTHER_WINDOWS = "other windows"  # documents were scored in windows other than the suite's
    SAME_NUMBERS = "same numbers"  # another model has exactly the same scores


def of_items(status: Status, count: int, items: int) -> str:
    """A status that applies to some of a group's items."""
    link = " in" if status is Status.CUT else ":"
    return f"{status}{link} {count} of {items} items"


def unknown_characters(share: float) -> str:
    """The status of numbers of text of which the vocabulary lacks this share."""
    return f"{Status.UNKNOWN}: {100 * share:.3g}% of the scored bytes"


def joined(statuses: Iterable[str]) -> str:
    """Several statuses as one; ``ok`` if there are none."""
    return "; ".join(dict.fromkeys(status for status in statuses if status != Status.OK)) or str(Status.OK)
