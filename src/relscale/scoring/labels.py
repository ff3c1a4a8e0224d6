"""Right choices of a question, from the label of its document."""

import string
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from relscale.errors import RelscaleError
from relscale.scoring.items import ItemStatus

TRUTH = ("true", "false")


def right_choices(label: Any, choices: Sequence[object]) -> tuple[list[int], ItemStatus]:
    """Indices of the right choices, and whether the label names choices at all.

    A label is an index from 0, the text of a choice, or a list of either, as lm-eval reads it. If a choice is the word
    true or false, in any case, the labels true and false are these words, of which lm-eval would take those at 1 and 0,
    and for the text of a label in another case none.
    Test splits with hidden labels have -1, an empty text or no value.

    Parameters
    ----------
    label
        The label returned by the task's ``doc_to_target``.
    choices
        The choices: texts, or numbers or booleans that stand for their texts.

    Returns
    -------
    places
        Distinct indices; the valid ones, even if the label as a whole is not valid.
    status
        ``OK``; ``UNLABELLED`` if nothing is named; ``OUTSIDE`` if something other than a choice is named.

    Examples
    --------
    >>> right_choices(1, ["no", "yes"])[0], right_choices("no", ["no", "yes"])[0]
    ([1], [0])
    >>> right_choices(True, ["true", "false"])[0], right_choices(True, ["no", "yes"])[0]
    ([0], [1])
    >>> str(right_choices(-1, ["no", "yes"])[1]), str(right_choices(2, ["no", "yes"])[1])
    ('unlabelled', 'label outside the choices')
    """
    labels, texts = list(label) if isinstance(label, list | tuple | set) else [label], _texts(choices)
    named = [label for label in labels if not _is_blank(label, texts)]
    if not named:
        return [], ItemStatus.UNLABELLED
    indices = [_place(label, texts) for label in named]
    known = list(dict.fromkeys(index for index in indices if index is not None))
    return known, ItemStatus.OK if len(named) == len(labels) and None not in indices else ItemStatus.OUTSIDE


def check_counted_from_zero(labels: Sequence[Any], choices: Sequence[Sequence[object]], task: str) -> None:
    """Refuse labels that count the choices from 1: read from 0, as lm-eval does, all but the last name a wrong choice.

    That is whole numbers, none of them 0, one of which is the number of choices of its document. They may be written as
    text, unless it is the text of a choice; lm-eval would find no choice of that text.

    Parameters
    ----------
    labels, choices
        Of all documents of a task.

    Raises
    ------
    RelscaleError
        The labels count from 1.

    Examples
    --------
    >>> check_counted_from_zero([0, 2], [["a", "b"], ["a", "b"]], "quiz")
    >>> check_counted_from_zero([1, 2], [["a", "b"], ["a", "b"]], "quiz")
    Traceback (most recent call last):
    relscale.errors.RelscaleError: quiz: the labels are from 1 to 2 for 2 choices, so they count from 1, and lm-eval \
counts from 0; subtract 1 in doc_to_target, as in {{answer|int - 1}}
    """
    numbers = [_whole(label, _texts(of)) for label, of in zip(labels, choices, strict=True)]
    known = [number for number in numbers if number is not None and number >= 0]
    beyond = [of for number, of in zip(numbers, choices, strict=True) if number == len(of)]
    if known and min(known) > 0 and beyond:
        raise RelscaleError(
            f"{task}: the labels are from {min(known)} to {max(known)} for {len(beyond[0])} choices, so they count "
            "from 1, and lm-eval counts from 0; subtract 1 in doc_to_target, as in {{answer|int - 1}}"
        )


def also_texts(labels: Sequence[Any], choices: Sequence[Sequence[object]]) -> bool:
    """Whether every label is a number, and its digits are the text of a choice at another position of some document.

    lm-eval makes a number of what a template renders as digits, so the answer "2" of the choices 3, 1 and 2 becomes
    the last one by chance only. A label that is still a text is read as one.

    Examples
    --------
    >>> also_texts([2, 1], [["3", "2", "1"], ["3", "1", "2"]]), also_texts([0, 1], [["1", "2"], ["1", "2"]])
    (True, False)
    """
    places = [None if isinstance(label, str) else _whole(label, ()) for label in labels]
    texts, written = [str(place) for place in places], [_texts(of) for of in choices]
    return all(text in of for text, of in zip(texts, written, strict=True)) and any(
        of.index(text) != place for text, place, of in zip(texts, places, written, strict=True)
    )


def _texts(choices: Sequence[object]) -> list[str]:
    """Choices as lm-eval writes them into requests; a template such as {{[a, b]}} keeps numbers and booleans."""
    return [str(choice) for choice in choices]


def _whole(label: Any, choices: Sequence[str]) -> int | None:
    """A label as a whole number, None if it is none or the text of a choice."""
    if isinstance(label, str):
        return int(label) if label.isdecimal() and label not in choices else None
    whole = (isinstance(label, Integral) and not isinstance(label, bool)) or (
        isinstance(label, float) and label.is_integer()
    )
    return int(label) if whole else None


def _is_blank(label: Any, choices: Sequence[str]) -> bool:
    if isinstance(label, str):
        return label not in choices and label.strip() in ("", "-1", "None", "nan")
    return label is None or (isinstance(label, Real) and (label == -1 or label != label))


def _word(text: str) -> str:
    """A text without punctuation around it, in lower case."""
    return text.strip(string.whitespace + string.punctuation).casefold()


def _place(label: Any, choices: Sequence[str]) -> int | None:
    if isinstance(label, str) and label in choices:
        return choices.index(label)
    words = [_word(choice) for choice in choices]
    if isinstance(label, str | bool) and _word(str(label)) in TRUTH and not set(TRUTH).isdisjoint(words):
        word = _word(str(label))
        return words.index(word) if words.count(word) == 1 else None
    if isinstance(label, Integral) or (isinstance(label, float) and label.is_integer()):
        place = int(label)
        return place if 0 <= place < len(choices) else None
    return None
