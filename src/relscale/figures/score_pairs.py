"""Scores of runs on a suite in two metrics: its loss, and an accuracy or the probability of the right answer."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData, MeasuredRun, Series
from relscale.figures.suite import Suite
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.measurements.metric import Metric

SHOWN = ("accuracy", "probability")
CURVE = ("floor", "ceiling", "midpoint", "slope")
POINTS = 33  # points of a curve


class ScorePair(NamedTuple):
    """The loss of a run on a group, and its score in another metric."""

    series: Series
    group: str
    run: str
    loss: float
    score: float


def score_metrics(measured: Sequence[str], suite: Suite) -> list[str]:
    """The measured accuracies and probabilities with the same weights of subjects as the suite's metric."""
    metrics = {name: Metric.parse(name) for name in measured}
    subjects = Metric.parse(suite.metric).subjects
    same_weights = sorted(name for name, metric in metrics.items() if metric.subjects in (subjects, None))
    return [name for quantity in SHOWN for name in same_weights if metrics[name].quantity == quantity]


def score_pairs(data: FigureData, suite: Suite, metric: str) -> list[ScorePair]:
    """The loss and the score of each run and group that has both."""
    series_of = {(series.corpus, series.optimizer): series for series in data.series}
    rows = data.rows(MeasuredRun, suite=suite.name, prompt=suite.prompt, status="ok")
    values: dict[str, dict[tuple[Series, str, str], float]] = {suite.metric: {}, metric: {}}
    for row in rows:
        series = series_of.get((row.corpus, row.optimizer))
        if series and row.value is not None and row.metric in values and known(row.value):
            values[row.metric][series, str(row.group), row.run] = row.value
    loss, score = values[suite.metric], values[metric]
    return [ScorePair(*key, loss[key], score[key]) for key in loss if key in score]


def sigmoid_curve(
    fits: Sequence[ParameterRow], losses: Sequence[float]
) -> tuple[list[float], list[float]] | None:
    """Losses and scores of the fitted sigmoid over the range of ``losses``; None if a parameter is unknown.

    ``floor + (ceiling − floor) / (1 + exp(slope·(loss − midpoint)))``
    """
    values = {fit.parameter: fit.value for fit in fits if fit.status == "ok" and fit.value is not None}
    if not set(CURVE) <= set(values):
        return None
    floor, ceiling, midpoint, slope = (values[name] for name in CURVE)
    first, last = min(losses), max(losses)
    x = [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]
    powers = [max(min(slope * (loss - midpoint), 500), -500) for loss in x]
    return x, [floor + (ceiling - floor) / (1 + math.exp(power)) for power in powers]
