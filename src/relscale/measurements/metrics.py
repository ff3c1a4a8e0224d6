"""Items into metrics, each a ratio of two sums over questions.

A metric is ``R = Σ w_i·a_i / Σ w_i·b_i`` over questions or documents *i*. For a mean ``b_i = 1``; for a pooled value
``b_i`` is the bytes of the answer or document. The weights are 1 for the value itself and a bootstrap draw's counts for
a replicate, so all draws of all metrics are two matrix products. The standard error over items is the delta method's,

    ``se(R)² = n / (n − 1) · Σ (a_i − R·b_i)² / (Σ b_i)²``,

which for a mean is the sample standard deviation over √n.

====================================  =========================================================================
``bits_per_byte_answer_mean``         mean over questions of the right answer's bits per byte of the answer
``bits_per_byte_answer_pooled``       bits of all right answers over their bytes
``bits_per_byte_scored_pooled``       the same over the bytes of the scored strings, with their delimiters
``bits_per_byte_document_pooled``     bits of all documents over their bytes
``bits_per_byte_document_mean``       mean over documents of bits per byte
``accuracy``, ``error_rate``          share of questions whose likeliest choice is right, and one minus that
``accuracy_per_byte``                 the same with each log-probability over its answer's bytes
``probability``                       probability of the right choice among the choices
``log_probability``                   its logarithm, nats
``brier``                             squared distance of the choices' probabilities from the truth, summed over choices
====================================  =========================================================================

A task without choices (one continuation, right if it is greedy) has no probability among choices and no Brier score.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Sums:
    """What the metrics of one group of items are ratios of.

    Attributes
    ----------
    metrics
        Their names.
    numerators, denominators
        ``float64[questions, metrics]``, *a* and *b* above.
    doc_ids
        The document behind each question.
    bytes
        Scored UTF-8 bytes of the right answers, or of the documents.
    cut
        Number of questions whose context did not fit the model.
    """

    metrics: tuple[str, ...]
    numerators: np.ndarray
    denominators: np.ndarray
    doc_ids: list[str]
    bytes: int
    cut: int


def sums(items: pa.Table) -> Sums:
    """The sums of the items of one group under one prompt; choices of a question stand together, from choice 0 on."""
    choice = items["choice"].to_numpy()
    starts = np.flatnonzero(choice == 0)
    question = np.cumsum(choice == 0) - 1
    doc_ids = items["doc_id"].take(pa.array(starts)).to_pylist()
    cut = np.unique(question[items["status"].to_numpy(zero_copy_only=False) != "ok"]).size
    columns = (
        _document_columns(items) if items["greedy"].null_count else _question_columns(items, question, choice)
    )
    numerators, denominators = (np.stack(side, axis=1) for side in zip(*columns.values(), strict=True))
    pooled = "bits_per_byte_document_pooled" if items["greedy"].null_count else "bits_per_byte_scored_pooled"
    size = int(denominators[:, list(columns).index(pooled)].sum())
    return Sums(tuple(columns), numerators, denominators, doc_ids, size, cut)


def values(group: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Value and standard error over items of each metric, ``float64[metrics]``; the error of a single item is NaN."""
    total = group.denominators.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = group.numerators.sum(axis=0) / total
        n = len(group.numerators)
        residual = group.numerators - value * group.denominators
        variance = np.float64(n) / (n - 1) * (residual**2).sum(axis=0) / total**2
    return value, np.sqrt(variance)


def replicate_values(group: Sums, weights: np.ndarray) -> np.ndarray:
    """The metrics with questions weighted, ``float64[draws, metrics]``.

    Parameters
    ----------
    group
        Of n questions.
    weights
        ``[n, draws]``, how often each question is drawn. A draw without any question gives NaN.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights.T @ group.numerators) / (weights.T @ group.denominators)


Column = tuple[np.ndarray, np.ndarray]


def _document_columns(items: pa.Table) -> dict[str, Column]:
    bits = -items["logprob"].to_numpy() / np.log(2)
    size = items["bytes_scored"].to_numpy().astype(float)
    return {
        "bits_per_byte_document_pooled": (bits, size),
        "bits_per_byte_document_mean": (bits / size, np.ones_like(bits)),
    }


def _question_columns(items: pa.Table, question: np.ndarray, choice: np.ndarray) -> dict[str, Column]:
    shape = (question[-1] + 1, choice.max() + 1)

    def grid(name: str, missing: float) -> np.ndarray:
        """``[questions, choices]``; questions may have different numbers of choices."""
        filled = np.full(shape, missing)
        filled[question, choice] = items[name].to_numpy(zero_copy_only=False)
        return filled

    logprob, target = grid("logprob", -np.inf), grid("target", 0) == 1
    answer, scored = grid("bytes_answer", 1), grid("bytes_scored", 1)
    rows = np.arange(len(logprob))
    right = target.argmax(axis=1)  # the first right answer, where there are several
    bits = -logprob[rows, right] / np.log(2)
    one = np.ones_like(bits)
    columns = {
        "bits_per_byte_answer_mean": (bits / answer[rows, right], one),
        "bits_per_byte_answer_pooled": (bits, answer[rows, right]),
        "bits_per_byte_scored_pooled": (bits, scored[rows, right]),
    }
    if shape[1] == 1:
        correct = grid("greedy", 0)[:, 0]
        return {**columns, "accuracy": (correct, one), "error_rate": (1 - correct, one)}
    correct = target[rows, logprob.argmax(axis=1)].astype(float)
    per_byte = target[rows, (logprob / answer).argmax(axis=1)].astype(float)
    highest = logprob.max(axis=1, keepdims=True)
    normaliser = highest + np.log(np.exp(logprob - highest).sum(axis=1, keepdims=True))
    probability = np.exp(logprob - normaliser)
    # log Σ exp over the right answers, so that an answer too improbable for a float still has a logarithm.
    among = np.where(target, logprob, -np.inf)
    top = among.max(axis=1, keepdims=True)
    log_probability = (top + np.log(np.exp(among - top).sum(axis=1, keepdims=True)) - normaliser)[:, 0]
    return {
        **columns,
        "accuracy": (correct, one),
        "error_rate": (1 - correct, one),
        "accuracy_per_byte": (per_byte, one),
        "probability": (np.exp(log_probability), one),
        "log_probability": (log_probability, one),
        "brier": (((probability - target) ** 2).sum(axis=1), one),
    }
