"""lm-eval's own metrics of a group: the values of its documents, aggregated as each task defines.

The value is computed by lm-eval's own function. Its standard error over documents is the delta method's if that
function is a smooth transform *g* of a ratio of sums,

    ``R = Σ a_i / Σ b_i,   value = g(R),   se = |g'(R)| · se(R)``,

with ``se(R)`` as in ``relscale.measurements.metrics``; that of a bootstrap over documents for the median and Matthews'
correlation; and null for a function of the task's own (as in lm-eval).

A replicate is lm-eval's metric of resampled documents, with the draws that all metrics share
(``relscale.measurements.draws``): ``g(Σ w_i·a_i / Σ w_i·b_i)``, or the function of the documents, each repeated as
often as drawn. A function of the task's own has no replicates, because its documents may be dependent; nor has a value
that the formula does not reproduce.

=========================  =====================================  ==============
aggregation                a, b                                   g(R)
=========================  =====================================  ==============
``mean``                   value, 1                               R
``nanmean``                value, 1; NaN is excluded              R
``perplexity``             log-probability, 1                     exp(−R)
``weighted_perplexity``    log-probability, words or bytes        exp(−R)
``bits_per_byte``          log-probability, bytes                 −R / ln 2
``brier_score``            squared distance from the truth, 1     R
``f1``                     2·true positives, positives of both    R
=========================  =====================================  ==============

If a group has several tasks, each is aggregated separately, as in lm-eval: ``_micro`` weights them by their documents
(lm-eval's ``weight_by_size``), ``_macro`` does not. A task without the metric is excluded.
"""

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.measurements.draws import Draws
from relscale.scoring.declared_metrics import aggregations, metric_name, task_config

RESAMPLINGS = 200  # for standard errors without a formula
SAME = 1e-6  # relative tolerance between a formula and lm-eval's function; beyond it, the formula is not used

Transform = tuple[Callable[[Any], Any], Callable[[Any], Any]]  # g, and |g'|, of numbers and arrays
IDENTITY: Transform = (lambda ratio: ratio, lambda _: 1.0)
EXPONENTIAL: Transform = (lambda ratio: np.exp(-ratio), lambda ratio: np.exp(-ratio))
BITS: Transform = (lambda ratio: -ratio / math.log(2), lambda _: 1 / math.log(2))


@dataclass(frozen=True)
class TaskMetric:
    """One metric of one task or group.

    Attributes
    ----------
    name
        lm-eval's name with the prefix ``lm_eval_``.
    value
        Value of the metric; NaN if there is none.
    stderr
        Standard error over documents; NaN if unknown.
    replicates
        The value under resampled documents, ``float64[draws]``; NaN if it cannot be recomputed.
    documents
        Number of documents.
    drawn
        Number of documents in each draw, ``float64[draws]``.
    """

    name: str
    value: float
    stderr: float
    replicates: np.ndarray
    documents: int
    drawn: np.ndarray


@dataclass(frozen=True, slots=True)
class TaskDocuments:
    """The values of one metric over the documents of one task, as Arrow groups rows of ``TaskValue``."""

    metric: str
    filter: str
    subject: str | None
    task: str
    aggregation: str | None
    value_list: list[str]
    doc_id_list: list[str]


def task_metrics(values: pa.Table, prepared: Path | None, draws: Draws) -> list[TaskMetric]:
    """The metrics of one group under one prompt.

    Parameters
    ----------
    values
        Rows of ``relscale.scoring.task_values.SCHEMA``.
    prepared
        The folder of the prepared suite, with the tasks' own aggregations.
    draws
        Draws of the documents.
    """
    keys = ["metric", "filter", "subject", "task", "aggregation"]
    of_tasks = values.group_by(keys, use_threads=False).aggregate([("value", "list"), ("doc_id", "list")])
    by_metric: dict[str, list[tuple[str | None, TaskMetric]]] = {}
    for documents in (TaskDocuments(**cells) for cells in of_tasks.to_pylist()):
        name = metric_name(documents.metric, documents.filter)
        task_metric = _task_metric(name, documents, prepared, draws)
        by_metric.setdefault(name, []).append((documents.subject, task_metric))
    several = any(subject is not None for tasks in by_metric.values() for subject, _ in tasks)
    metrics: list[TaskMetric] = []
    for name, tasks in by_metric.items():
        if not several:
            metrics.append(_by_size(name, [task for _, task in tasks]))
            continue
        metrics.append(_by_size(f"{name}_micro", [task for _, task in tasks]))
        subjects: dict[str | None, list[TaskMetric]] = {}
        for subject, task in tasks:
            subjects.setdefault(subject, []).append(task)
        metrics.append(
            _unweighted_mean(f"{name}_macro", [_by_size(name, members) for members in subjects.values()])
        )
    return metrics


def _task_metric(name: str, of: TaskDocuments, prepared: Path | None, draws: Draws) -> TaskMetric:
    """One metric of one task."""
    import lm_eval.api.metrics  # noqa: F401  (fills the registries)
    from lm_eval.api.registry import get_aggregation

    values = json.loads(f"[{','.join(of.value_list)}]")  # parsed at once, because most values are short
    weights = draws.of(of.doc_id_list)
    clusters = draws.units_of(of.doc_id_list) if draws.units else None
    value, stderr, replicates = math.nan, math.nan, np.full(draws.count, math.nan)
    if of.aggregation is not None:
        function = get_aggregation(of.aggregation)
        value = _number(function, values)
        if of.aggregation in BOOTSTRAPPED:
            more = draws.of(of.doc_id_list, max(draws.count, RESAMPLINGS))
            resampled = _resampled(function, values, more)
            stderr = float(np.std(resampled[:RESAMPLINGS], ddof=1)) if len(values) > 1 else math.nan
            replicates = resampled[: draws.count]
        elif of.aggregation in RATIOS:
            stderr, replicates = _of_ratio(*RATIOS[of.aggregation], values, weights, value, clusters)
    elif prepared is not None:
        value = _number(_custom_aggregations(prepared, of.task)[of.metric], values)
    return TaskMetric(name, value, stderr, replicates, len(values), weights.sum(axis=0))


@cache
def _custom_aggregations(prepared: Path, task: str) -> Mapping[str, Callable[..., Any]]:
    return aggregations(task_config(prepared, task))


def _number(function: Callable[[list[Any]], Any], values: list[Any]) -> float:
    """A function of values; NaN if it fails, such as the correlation of a constant."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of scikit-learn, if a class does not occur
            return float(function(values))
    except Exception:  # any exception of a task's own function
        return math.nan


def _by_size(name: str, tasks: Sequence[TaskMetric]) -> TaskMetric:
    """The mean over tasks, weighted by their documents."""
    if len(tasks) == 1:
        return replace(tasks[0], name=name)
    size = np.array([task.documents for task in tasks], float)
    value = float(np.dot([task.value for task in tasks], size) / size.sum())
    stderr = float(np.linalg.norm(np.array([task.stderr for task in tasks]) * size) / size.sum())
    drawn = np.stack([task.drawn for task in tasks])
    of_tasks = np.stack([task.replicates for task in tasks])
    with np.errstate(invalid="ignore"):
        # A task without drawn documents has no value and no weight.
        replicates = np.where(drawn > 0, drawn * of_tasks, 0).sum(axis=0) / drawn.sum(axis=0)
    return TaskMetric(name, value, stderr, replicates, int(size.sum()), drawn.sum(axis=0))


def _unweighted_mean(name: str, subjects: Sequence[TaskMetric]) -> TaskMetric:
    """The mean of several subjects, with equal weights."""
    value = float(np.mean([subject.value for subject in subjects]))
    stderr = float(np.linalg.norm([subject.stderr for subject in subjects]) / len(subjects))
    replicates = np.mean([subject.replicates for subject in subjects], axis=0)
    drawn = np.sum([subject.drawn for subject in subjects], axis=0)
    return TaskMetric(name, value, stderr, replicates, sum(subject.documents for subject in subjects), drawn)


Columns = tuple[np.ndarray, np.ndarray]


def _of_ratio(
    columns: Callable[[list[Any]], Columns],
    transform: Transform,
    values: list[Any],
    weights: np.ndarray,
    value: float,
    units: Sequence[str] | None,
) -> tuple[float, np.ndarray]:
    """Standard error over units and replicates of ``g(Σ a / Σ b)``; NaN if that is not the value."""
    none = math.nan, np.full(weights.shape[1], math.nan)
    try:
        a, b = columns(values)
        g, slope = transform
        with np.errstate(all="ignore"):  # invalid values have no standard error
            ratio = a.sum() / b.sum()
            if not math.isclose(g(ratio), value, rel_tol=SAME, abs_tol=SAME):
                return none
            away = a - ratio * b
            if units is not None:
                away = np.bincount(np.unique(units, return_inverse=True)[1].ravel(), away)
            n = len(away)
            variance = np.float64(n) / (n - 1) * (away**2).sum() / b.sum() ** 2
            replicates = g((a @ weights) / (b @ weights))
        return float(slope(ratio) * np.sqrt(variance)), replicates
    except (ArithmeticError, ValueError, TypeError, IndexError):
        return none


def _resampled(function: Callable[[list[Any]], Any], values: list[Any], weights: np.ndarray) -> np.ndarray:
    """The function of the values, each repeated as often as drawn, ``float64[draws]``."""
    return np.array(
        [
            _number(
                function,
                [value for value, times in zip(values, drawn, strict=True) for _ in range(times)],
            )
            for drawn in weights.astype(int).T
        ]
    )


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
