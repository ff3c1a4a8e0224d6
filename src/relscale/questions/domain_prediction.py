"""Do tasks of a domain predict one another during training better than tasks of other domains?

A task's score is regressed on the scores of the other tasks of its domain, or of another domain, over the first half of
the checkpoints; the error is that on the second half. Tasks that change together predict one another. The Spearman
correlation of a task's score with training is given as well. Checkpoints of one run are not independent, so there is no
interval.

Source: *The Fine Line*, arXiv 2404.01204; the split into halves is relscale's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPredictionRow:
    """One row per predicted domain and predicting domain."""

    domain: str = column("The domain whose tasks are predicted.")
    predictor: str = column("The domain whose tasks predict; for the same domain, its other tasks.")
    tasks: int = column("Number of predicted tasks.")
    checkpoints: int = column("Checkpoints with all scores.")
    error: float | None = column(
        "Mean absolute error over the second half.", "unit of the scores", default=None
    )
    monotone: float | None = column(
        "Mean Spearman correlation with training, over tasks that vary.", default=None
    )
    note: str | None = column("Reason for missing values.", default=None)


ROW = DomainPredictionRow


def rows(table: Columns, *, step: str, domains: tuple[str, ...]) -> Iterator[DomainPredictionRow]:
    """Prediction error of each domain's tasks from its own and every other domain.

    Parameters
    ----------
    step
        Column of the step or tokens of one training run.
    domains
        Each as NAME=column+column+…: mmlu=stem+humanities,commonsense=piqa+csqa.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, a domain is malformed, or two rows have one step, as of two training runs.
    """
    from scipy.stats import spearmanr

    named: dict[str, list[str]] = {}
    for text in domains:
        name, equals, columns = text.partition("=")
        if not equals or not columns:
            raise RelscaleError(f"domains: {text!r} is not a domain; write NAME=column+column")
        named[name] = columns.split("+")
    steps = table.numbers(step)
    values = {task: table.numbers(task) for tasks in named.values() for task in tasks}
    known = np.all([np.isfinite(v) for v in (steps, *values.values())], axis=0)
    if len(np.unique(steps[known])) < known.sum():
        raise RelscaleError(f"{step}: several rows have one value; select one training run with --where")
    order = np.flatnonzero(known)[np.argsort(steps[known], kind="stable")]
    scores = {task: value[order] for task, value in values.items()}
    for name, tasks in named.items():
        monotone = [
            float(spearmanr(scores[task], steps[order])[0])
            for task in tasks
            if len(order) > 2 and np.ptp(scores[task]) > 0 and np.ptp(steps[order]) > 0
        ]
        for other, predictors in named.items():
            errors = [
                error
                for task in tasks
                if (of := [p for p in predictors if p != task])
                and (error := prediction_error(scores[task], np.stack([scores[p] for p in of]))) is not None
            ]
            yield DomainPredictionRow(
                domain=name,
                predictor=other,
                tasks=len(errors),
                checkpoints=len(order),
                error=float(np.mean(errors)) if errors else None,
                monotone=float(np.mean(monotone)) if monotone else None,
                note=None if errors else "too few checkpoints, or no other task",
            )


def prediction_error(score: Array, others: Array) -> float | None:
    """Mean absolute error on the second half of a regression on ``others`` (k, n) over the first half."""
    half = len(score) // 2
    if half < len(others) + 2:
        return None
    design = np.vstack([others, np.ones_like(score)]).T
    line = np.linalg.lstsq(design[:half], score[:half], rcond=None)[0]
    return float(np.abs(design[half:] @ line - score[half:]).mean())
