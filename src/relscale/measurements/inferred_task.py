"""Inference of task facts that a log does not state: the delimiter before an answer, and some questions' labels.

lm-eval writes the task's settings into ``results_<time>.json`` beside the samples. If that file or the setting is
missing, the facts are inferred from the samples: the delimiter is the common text before the documents' own texts in
all continuations, and the label of a question is the one that agrees with its logged accuracy.
"""

import ast
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from relscale.scoring.items import ItemStatus
from relscale.scoring.labels import right_choices

DEFAULT_DELIMITER = " "  # lm-eval's
Label = tuple[list[int], ItemStatus]


@dataclass(frozen=True)
class Question:
    """One logged question.

    Attributes
    ----------
    doc
        The document of the question.
    target
        The label as logged by lm-eval.
    contexts, continuations
        Context and continuation of each choice.
    logprobs
        Log-probabilities of the continuations, nats.
    accuracy
        The accuracy logged by lm-eval, or None.
    """

    doc: Mapping[str, Any]
    target: Any
    contexts: Sequence[str]
    continuations: Sequence[str]
    logprobs: Sequence[float]
    accuracy: float | None

    @property
    def asks_contexts(self) -> bool:
        """Whether the choices are contexts with one continuation, as in Winogrande."""
        return len(self.contexts) > 1 and len(set(self.continuations)) == 1 and len(set(self.contexts)) > 1


def delimiter(
    questions: Sequence[Question], settings: Mapping[str, Any], chat_template: bool
) -> tuple[str, bool]:
    """The delimiter between contexts and answers, and whether it is known rather than assumed.

    Parameters
    ----------
    questions
        Questions of one task.
    settings
        The task's settings in lm-eval's results; empty without results.
    chat_template
        Whether prompts were put into a chat template: lm-eval then omits the delimiter, except after a
        ``gen_prefix`` that does not end in white space.
    """
    if settings.get("output_type") == "loglikelihood":
        return "", True
    common = _common([text for question in questions for text in question.continuations])
    setting = settings.get("target_delimiter")
    if isinstance(setting, str):
        prefix = settings.get("gen_prefix")
        if chat_template and (not prefix or str(prefix)[-1].isspace()):
            setting = ""
        if common.startswith(setting):
            return setting, True
    # A label that is text is the text of a choice; other texts of a document may look like one by coincidence.
    for source in ("target", "doc"):
        votes: Counter[str] = Counter()
        for question in questions:
            texts = {text for text in _texts(getattr(question, source)) if text}
            for continuation in question.continuations:
                before = {
                    continuation.removesuffix(text)
                    for text in texts
                    if continuation.endswith(text) and (text == continuation or not _is_number(text))
                }
                votes.update(candidate for candidate in before if common.startswith(candidate))
        if votes:
            most = max(votes.values())
            return min((candidate for candidate, count in votes.items() if count == most), key=len), True
    return (DEFAULT_DELIMITER if common.startswith(DEFAULT_DELIMITER) else ""), False


def labels(
    questions: Sequence[Question], choices: Sequence[Sequence[str]], settings: Mapping[str, Any]
) -> list[Label]:
    """The right choices of each question, as `relscale.scoring.labels.right_choices` gives them.

    A label that contradicts the accuracy logged by lm-eval is disputed, unless the task has custom rules.

    Parameters
    ----------
    questions
        Questions of one task.
    choices
        The answers of each question, without the delimiter.
    settings
        The task's settings in lm-eval's results.
    """
    if settings.get("output_type", "loglikelihood") == "loglikelihood" and all(
        len(texts) == 1 for texts in choices
    ):
        return [([0], ItemStatus.OK) for _ in questions]
    if any(question.asks_contexts for question in questions):
        positions = _labels_of_contexts(questions, settings)
    else:
        positions = _labels_of_answers(questions, choices)
    if settings.get("process_results"):
        return positions
    return [
        (indices, ItemStatus.DISPUTED)
        if status is ItemStatus.OK and _differs(indices, question)
        else (indices, status)
        for question, (indices, status) in zip(questions, positions, strict=True)
    ]


def _labels_of_answers(questions: Sequence[Question], choices: Sequence[Sequence[str]]) -> list[Label]:
    """Labels as logged by lm-eval, which does not distinguish index and text: "1" is the second choice, or the text
    1."""
    pairs = list(zip(questions, choices, strict=True))
    as_text = [right_choices(_label(question.target, texts), texts) for question, texts in pairs]
    as_place = [
        right_choices(_label(question.target, [text for text in texts if not _is_number(text)]), texts)
        for question, texts in pairs
    ]
    return as_text if _contradictions(questions, as_text) < _contradictions(questions, as_place) else as_place


def _labels_of_contexts(questions: Sequence[Question], settings: Mapping[str, Any]) -> list[Label]:
    """Labels of questions whose target is the common continuation, so that the log does not name the right context.

    They are in the document: in the column that the task names, else in the one that agrees with every accuracy. With
    two choices, the accuracy alone determines the right one.
    """
    unknown: Label = [], ItemStatus.UNLABELLED
    named = str(settings.get("doc_to_text")).strip("{} ")
    if all(named in question.doc for question in questions):
        return [right_choices(_label(question.doc[named], ()), question.contexts) for question in questions]
    known = [_from_accuracy(question) for question in questions]
    if all(place is not None for place in known):
        return [([place], ItemStatus.OK) for place in known if place is not None]
    columns = {tuple(column) for column in _columns(questions) if _agree(column, questions)}
    if len(columns) != 1:
        return [unknown if place is None else ([place], ItemStatus.OK) for place in known]
    return [([place], ItemStatus.OK) for place in columns.pop()]


def _from_accuracy(question: Question) -> int | None:
    if question.accuracy is None or not np.isfinite(question.logprobs).all():
        return None
    first = int(np.argmax(question.logprobs))
    if question.accuracy == 1:
        return first
    return 1 - first if len(question.contexts) == 2 else None


def _columns(questions: Sequence[Question]) -> Iterator[list[int]]:
    """Every column of the documents that can be read as an index, from 0 or from 1."""
    shared = set.intersection(*(set(question.doc) for question in questions))
    for name in sorted(shared):
        read = [_ordinal(question.doc[name]) for question in questions]
        for first in (0, 1):
            indices = [value - first for value in read if value is not None]
            if len(indices) == len(read) and all(
                0 <= place < len(question.contexts)
                for place, question in zip(indices, questions, strict=True)
            ):
                yield indices


def _ordinal(value: Any) -> int | None:
    if isinstance(value, str):
        value = value.strip()
        if len(value) == 1 and value in string.ascii_uppercase:
            return string.ascii_uppercase.index(value)
        return int(value) if value.isascii() and value.isdigit() else None
    return int(value) if isinstance(value, int) else None


def _agree(labels: Sequence[int], questions: Sequence[Question]) -> bool:
    """Whether labels agree with all logged accuracies; False without any."""
    logged = [
        (place, question)
        for place, question in zip(labels, questions, strict=True)
        if question.accuracy is not None
    ]
    return bool(logged) and not any(_differs([place], question) for place, question in logged)


def _contradictions(questions: Sequence[Question], read: Sequence[Label]) -> int:
    """Number of labels that name no choice or contradict the logged accuracy."""
    return sum(
        status is not ItemStatus.OK or _differs(indices, question)
        for question, (indices, status) in zip(questions, read, strict=True)
    )


def _differs(labels: Sequence[int], question: Question) -> bool:
    if question.accuracy is None or not np.isfinite(question.logprobs).all():
        return False
    return (int(np.argmax(question.logprobs)) in labels) != (question.accuracy == 1)


def _label(target: Any, texts: Sequence[str]) -> Any:
    """The original label from its logged text: one of ``texts``, a list, a number or a boolean."""
    if not isinstance(target, str) or target in texts:
        return target
    try:
        value = ast.literal_eval(target.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return target
    return value if value is None or isinstance(value, bool | int | float | list | tuple) else target


def _common(texts: Sequence[str]) -> str:
    """The common prefix of all texts, which is that of the first and last in sorted order."""
    first, last = min(texts), max(texts)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _texts(value: Any) -> Iterator[str]:
    """All texts of a document, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
