"""Right choices of a question, from the label of its document."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from relscale.scoring.items import ItemStatus


def right_choices(label: Any, choices: Sequence[str]) -> tuple[list[int], ItemStatus]:
    """Indices of the right choices, and whether the label names choices at all.

    A label is an index from 0, the text of a choice, or a list of either, as lm-eval reads it. Test splits with hidden
    labels have -1, an empty text or no value.

    Parameters
    ----------
    label
        The label returned by the task's ``doc_to_target``.
    choices
        The texts of the choices.

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
    >>> str(right_choices(-1, ["no", "yes"])[1]), str(right_choices(2, ["no", "yes"])[1])
    ('unlabelled', 'label outside the choices')
    """
    labels = list(label) if isinstance(label, list | tuple | set) else [label]
    named = [label for label in labels if not _is_blank(label, choices)]
    if not named:
        return [], ItemStatus.UNLABELLED
    indices = [_place(label, choices) for label in named]
    known = list(dict.fromkeys(index for index in indices if index is not None))
    return known, ItemStatus.OK if len(named) == len(labels) and None not in indices else ItemStatus.OUTSIDE


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
