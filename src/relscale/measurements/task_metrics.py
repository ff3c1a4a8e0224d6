"""lm-eval's own metrics of a group: the values of its documents made one number, as each task aggregates them.

The number itself comes from lm-eval's own function. Its standard error over documents is the delta method's where that
function is a smooth transform *g* of a ratio of sums,

    ``R = Σ a_i / Σ b_i,   value = g(R),   se = |g'(R)| · se(R)``,

with ``se(R)`` as in ``relscale.measurements.metrics``; a bootstrap's, over documents, for the median and Matthews'
correlation; and null for a function of the task's own, of which nothing is known (lm-eval gives none either).

=========================  =====================================  ==============
aggregation                a, b                                   g(R)
=========================  =====================================  ==============
``mean``                   value, 1                               R
``nanmean``                value, 1; a NaN counts as nothing      R
``perplexity``             log-probability, 1                     exp(−R)
``weighted_perplexity``    log-probability, words or bytes        exp(−R)
``bits_per_byte``          log-probability, bytes                 −R / ln 2
``brier_score``            squared distance from the truth, 1     R
``f1``                     2·true positives, positives of both    R
=========================  =====================================  ==============

Where a group has several tasks, each is aggregated alone, as lm-eval does: ``_micro`` weighs them by their documents
(lm-eval's ``weight_by_size``), ``_macro`` does not. A task without the metric does not count.
"""

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.measurements.draws import draws
from relscale.scoring.task_metrics import aggregations, metric_name, task_config

RESAMPLINGS = 200  # of a standard error that has no formula

Transform = tuple[Callable[[float], float], Callable[[float], float]]  # g, and |g'|
IDENTITY: Transform = (lambda ratio: ratio, lambda _: 1.0)
EXPONENTIAL: Transform = (lambda ratio: math.exp(-ratio), lambda ratio: math.exp(-ratio))
BITS: Transform = (lambda ratio: -ratio / math.log(2), lambda _: 1 / math.log(2))


@dataclass(frozen=True)
class TaskMetric:
    """One metric of one task or group: its value, its standard error (NaN where unknown), the documents behind it."""

    name: str
    value: float
    stderr: float
    documents: int


def task_metrics(values: pa.Table, prepared: Path | None, seed: int) -> list[TaskMetric]:
    """The metrics of one group under one prompt.

    Parameters
    ----------
    values
        Rows of ``relscale.scoring.task_metrics.SCHEMA``.
    prepared
        The folder of the prepared suite, where a task's own aggregations are.
    seed
        Of the bootstrap.
    """
    keys = ["metric", "filter", "subject", "task", "aggregation"]
    of_tasks = values.group_by(keys, use_threads=False).aggregate([("value", "list"), ("doc_id", "list")])
    by_metric: dict[str, list[tuple[str | None, TaskMetric]]] = {}
    for row in of_tasks.to_pylist():
        name = metric_name(row["metric"], row["filter"])
        by_metric.setdefault(name, []).append((row["subject"], _task_metric(name, row, prepared, seed)))
    several = any(subject is not None for tasks in by_metric.values() for subject, _ in tasks)
    found: list[TaskMetric] = []
    for name, tasks in by_metric.items():
        if not several:
            found.append(_by_size(name, [task for _, task in tasks]))
            continue
        found.append(_by_size(f"{name}_micro", [task for _, task in tasks]))
        subjects: dict[str | None, list[TaskMetric]] = {}
        for subject, task in tasks:
            subjects.setdefault(subject, []).append(task)
        found.append(_alike(f"{name}_macro", [_by_size(name, own) for own in subjects.values()]))
    return found


def _task_metric(name: str, row: Mapping[str, Any], prepared: Path | None, seed: int) -> TaskMetric:
    """One metric of one task; ``value_list`` and ``doc_id_list`` have its documents."""
    import lm_eval.api.metrics  # noqa: F401  (fills the registries)
    from lm_eval.api.registry import get_aggregation

    values = json.loads(f"[{','.join(row['value_list'])}]")  # at once: many are numbers of a few bytes
    if row["aggregation"] is not None:
        function = get_aggregation(row["aggregation"])
    elif prepared is None:
        return TaskMetric(name, math.nan, math.nan, len(values))
    else:
        function = _own_aggregations(prepared, row["task"])[row["metric"]]
    value = _number(function, values)
    stderr = _stderr(row["aggregation"], function, values, row["doc_id_list"], seed)
    return TaskMetric(name, value, stderr, len(values))


@cache
def _own_aggregations(prepared: Path, task: str) -> Mapping[str, Callable[..., Any]]:
    return aggregations(task_config(prepared, task))


def _number(function: Callable[[list[Any]], Any], values: list[Any]) -> float:
    """What a function makes of values; NaN where it cannot, as for the correlation of nothing."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of scikit-learn, where a class does not occur
            return float(function(values))
    except Exception:  # whatever a task's own function raises
        return math.nan


def _by_size(name: str, tasks: Sequence[TaskMetric]) -> TaskMetric:
    """Several tasks weighed by their documents."""
    if len(tasks) == 1:
        return TaskMetric(name, tasks[0].value, tasks[0].stderr, tasks[0].documents)
    size = np.array([task.documents for task in tasks], float)
    value = float(np.dot([task.value for task in tasks], size) / size.sum())
    stderr = float(np.linalg.norm(np.array([task.stderr for task in tasks]) * size) / size.sum())
    return TaskMetric(name, value, stderr, int(size.sum()))


def _alike(name: str, subjects: Sequence[TaskMetric]) -> TaskMetric:
    """The mean of several subjects, with equal weights."""
    value = float(np.mean([subject.value for subject in subjects]))
    stderr = float(np.linalg.norm([subject.stderr for subject in subjects]) / len(subjects))
    return TaskMetric(name, value, stderr, sum(subject.documents for subject in subjects))


def _stderr(
    aggregation: str | None,
    function: Callable[[list[Any]], Any],
    values: list[Any],
    doc_ids: list[str],
    seed: int,
) -> float:
    if len(values) < 2:
        return math.nan
    try:
        if aggregation in RATIOS:
            columns, (_, slope) = RATIOS[aggregation]
            a, b = columns(values)
            n = len(a)
            with np.errstate(all="ignore"):  # of values that are no numbers there is no error either
                ratio = a.sum() / b.sum()
                variance = n / (n - 1) * ((a - ratio * b) ** 2).sum() / b.sum() ** 2
            return slope(ratio) * math.sqrt(variance)
        if aggregation in BOOTSTRAPPED:
            weights = draws(doc_ids, RESAMPLINGS, seed).astype(int)
            resampled = [
                _number(
                    function,
                    [value for value, times in zip(values, drawn, strict=True) for _ in range(times)],
                )
                for drawn in weights.T
            ]
            return float(np.std(resampled, ddof=1))
    except (ArithmeticError, ValueError, TypeError, IndexError):
        pass
    return math.nan


Columns = tuple[np.ndarray, np.ndarray]
BOOTSTRAPPED = ("median", "matthews_corrcoef")


def _single(values: list[Any]) -> Columns:
    a = np.array(values, float)
    return a, np.ones_like(a)


def _without_nan(values: list[Any]) -> Columns:
    a = np.array(values, float)
    return np.nan_to_num(a), (~np.isnan(a)).astype(float)


def _pairs(values: list[Any]) -> Columns:
    a, b = np.array(values, float).T
    return a, b


def _squared_distance(values: list[Any]) -> Columns:
    gold, probabilities = zip(*values, strict=True)
    truth = np.eye(len(probabilities[0]))[list(gold)]
    return _single(((np.array(probabilities, float) - truth) ** 2).sum(axis=1).tolist())


def _agreement(values: list[Any]) -> Columns:
    gold, predicted = np.array(values, int).T
    return 2.0 * ((gold == 1) & (predicted == 1)), (gold == 1).astype(float) + (predicted == 1)


RATIOS: Mapping[str | None, tuple[Callable[[list[Any]], Columns], Transform]] = {
    "mean": (_single, IDENTITY),
    "nanmean": (_without_nan, IDENTITY),
    "perplexity": (_single, EXPONENTIAL),
    "weighted_perplexity": (_pairs, EXPONENTIAL),
    "bits_per_byte": (_pairs, BITS),
    "brier_score": (_squared_distance, IDENTITY),
    "f1": (_agreement, IDENTITY),
}
