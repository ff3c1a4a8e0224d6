"""Which choices of a question are right, from the label that its document has."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from relscale.scoring.items import ItemStatus


def right_choices(label: Any, choices: Sequence[str]) -> tuple[list[int], ItemStatus]:
    """The places of the right choices, and whether the label names choices at all.

    A label is a place from 0, the text of a choice, or a list of either, as lm-eval reads it. Test splits with hidden
    labels have -1, an empty text or nothing there.

    Parameters
    ----------
    label
        As the task's ``doc_to_target`` gives it.
    choices
        The texts of the choices.

    Returns
    -------
    places
        Without repetition; those that are known, even where the label as a whole is not.
    status
        ``OK``; ``UNLABELLED`` where nothing is named; ``OUTSIDE`` where something else than a choice is.

    Examples
    --------
    >>> right_choices(1, ["no", "yes"])[0], right_choices("no", ["no", "yes"])[0]
    ([1], [0])
    >>> str(right_choices(-1, ["no", "yes"])[1]), str(right_choices(2, ["no", "yes"])[1])
    ('unlabelled', 'label outside the choices')
    """
    labels = list(label) if isinstance(label, list | tuple | set) else [label]
    named = [each for each in labels if not _is_blank(each, choices)]
    if not named:
        return [], ItemStatus.UNLABELLED
    places = [_place(each, choices) for each in named]
    known = list(dict.fromkeys(place for place in places if place is not None))
    return known, ItemStatus.OK if len(named) == len(labels) and None not in places else ItemStatus.OUTSIDE


def _is_blank(label: Any, choices: Sequence[str]) -> bool:
    if isinstance(label, str):
        return label not in choices and label.strip() in ("", "-1", "None", "nan")
    return label is None or (isinstance(label, Real) and (label == -1 or label != label))


def _place(label: Any, choices: Sequence[str]) -> int | None:
    if isinstance(label, str):
        return choices.index(label) if label in choices else None
    if isinstance(label, Integral) or (isinstance(label, float) and label.is_integer()):
        place = int(label)
        return place if 0 <= place < len(choices) else None
    return None
