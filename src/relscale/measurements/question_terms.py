"""Numerators and denominators of the metrics of questions and documents (``relscale.measurements.metrics``).

====================================  =========================================================================
``bits_per_byte_answer_mean``         mean over questions of the right answer's bits per byte of the answer
``bits_per_byte_answer_pooled``       bits of all right answers over their bytes
``bits_per_byte_scored_mean``         the same two over the bytes of the scored strings, with their delimiters
``bits_per_byte_scored_pooled``
``bits_per_byte_other_mean``          mean over questions of the mean over its wrong answers of bits per byte
``nats_answer_mean``                  mean over questions of the right answer's nats
``bits_per_byte_document_pooled``     bits of all documents over their bytes
``bits_per_byte_document_mean``       mean over documents of bits per byte
``accuracy``, ``error_rate``          share of questions whose likeliest choice is right, and one minus that
``probability``                       probability of the right choice among the choices
``log_probability``                   its logarithm, nats
``brier``                             squared distance of the choices' probabilities from the truth, summed over choices
====================================  =========================================================================

The last five also exist with ``_per_byte``: each choice's log-probability is divided by its answer's UTF-8 bytes before
choices are compared (lm-eval's ``acc_norm`` divides by characters). A task without choices (one continuation, right if
it is greedy) has no probability among choices and no Brier score.

A question with an invalid log-probability or without a right choice is NaN in every ratio, as is each metric of its
group. An answer without bytes is NaN in the ratios that divide by each answer's bytes.
"""

import numpy as np
import pyarrow as pa

from relscale.measurements.metric import BITS, DOCUMENT_METRICS, OTHER, PER_BYTE, Metric

Terms = tuple[np.ndarray, np.ndarray]  # numerator and denominator of each question


def document_terms(items: pa.Table, unusable: np.ndarray) -> dict[str, Terms]:
    """The terms of each metric of documents, of which ``unusable`` have none."""
    bits = np.where(unusable, np.nan, -items["logprob"].to_numpy() / np.log(2))
    size = items["bytes_scored"].to_numpy().astype(float)
    return dict(zip(DOCUMENT_METRICS, [(bits, size), (bits / size, np.ones_like(bits))], strict=True))


def question_terms(
    items: pa.Table, question: np.ndarray, choice: np.ndarray, unusable: np.ndarray
) -> dict[str, Terms]:
    """The terms of each metric of questions.

    Parameters
    ----------
    items
        The choices of all questions.
    question, choice
        The question of each item, and its number in it, from 0.
    unusable
        Which questions have no metric.
    """
    shape = (len(unusable), choice.max(initial=0) + 1)

    def grid(name: str, missing: float) -> np.ndarray:
        """``[questions, choices]``; questions may have different numbers of choices."""
        filled = np.full(shape, missing)
        filled[question, choice] = items[name].to_numpy(zero_copy_only=False)
        return filled

    logprob, target = grid("logprob", -np.inf), grid("target", 0) == 1
    logprob[unusable] = np.nan
    answer, scored = (_sizes(grid(name, 1)) for name in ("bytes_answer", "bytes_scored"))
    rows = np.arange(len(logprob))
    right = target.argmax(axis=1)  # the first right answer, if there are several
    bits = -logprob[rows, right] / np.log(2)
    ones = np.ones_like(bits)
    columns = {}
    for divisor, size in (("answer", answer[rows, right]), ("scored", scored[rows, right])):
        columns[Metric.of(BITS, divisor, "mean").name] = bits / size, ones
        columns[Metric.of(BITS, divisor, "pooled").name] = _pooled(bits, size)
    columns[Metric.of("nats", "answer", "mean").name] = bits * np.log(2), ones
    if shape[1] == 1:
        correct = np.where(unusable, np.nan, grid("greedy", 0)[:, 0])
        return {**columns, "accuracy": (correct, ones), "error_rate": (1 - correct, ones)}
    other = ~target & (grid("choice", -1) >= 0)
    if other.any(axis=1).all():
        per_byte = np.where(other, -logprob / answer / np.log(2), 0.0)
        columns[Metric.of(OTHER, None, "mean").name] = (per_byte.sum(axis=1) / other.sum(axis=1), ones)
    return (
        columns | _choice_metrics(logprob, target, "") | _choice_metrics(logprob / answer, target, PER_BYTE)
    )


def _sizes(counts: np.ndarray) -> np.ndarray:
    """Bytes as a denominator: NaN for 0."""
    return np.where(counts == 0, np.nan, counts)


def _pooled(bits: np.ndarray, size: np.ndarray) -> Terms:
    return np.where(np.isnan(size), np.nan, bits), np.nan_to_num(size)


def _choice_metrics(logprob: np.ndarray, target: np.ndarray, suffix: str) -> dict[str, Terms]:
    """Metrics that compare the choices of a question, from ``float64[questions, choices]``; missing choices are −∞."""
    ones = np.ones(len(logprob))
    known = ~np.isnan(logprob).any(axis=1)
    correct = np.where(known, target[np.arange(len(logprob)), logprob.argmax(axis=1)], np.nan)
    highest = logprob.max(axis=1, keepdims=True)
    normaliser = highest + np.log(np.exp(logprob - highest).sum(axis=1, keepdims=True))
    probability = np.exp(logprob - normaliser)
    # log Σ exp over the right answers, so that an answer too improbable for a float still has a logarithm.
    among = np.where(target | ~known[:, None], logprob, -np.inf)
    top = among.max(axis=1, keepdims=True)
    log_probability = (top + np.log(np.exp(among - top).sum(axis=1, keepdims=True)) - normaliser)[:, 0]
    columns = {
        "accuracy": correct,
        "error_rate": 1 - correct,
        "probability": np.exp(log_probability),
        "log_probability": log_probability,
        "brier": ((probability - target) ** 2).sum(axis=1),
    }
    return {f"{name}{suffix}": (column, ones) for name, column in columns.items()}
