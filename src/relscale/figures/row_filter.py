"""The columns by which figures choose rows of tables, as types: a misspelt column is found by mypy."""

from typing import TypedDict

from relscale.measurements.metric import VALIDATION


class OfSeries(TypedDict):
    """The rows of one corpus and optimizer."""

    corpus: str | None
    optimizer: str | None


class OfSuite(TypedDict):
    """The rows of one suite, by the metric and prompt form that are shown."""

    suite: str
    metric: str
    prompt: str | None


class OfGroup(TypedDict):
    """The rows of one group of a suite, by a metric."""

    suite: str
    group: str
    metric: str


class OfCurve(OfSeries, OfSuite):
    """The rows of one group's curve in one series."""

    group: str


class OfLossCurve(OfSeries, OfGroup):
    """The rows of the validation loss of one series."""


class RowFilter(TypedDict, total=False):
    """Columns, and the value that rows have there; those of the other filters among them."""

    corpus: str | None
    optimizer: str | None
    suite: str | None
    metric: str | None
    prompt: str | None
    group: str | None
    run: str | None
    status: str
    contrast: str | None
    quantity: str
    law: str
    parameter: str
    predictor: str
    estimand: str | None
    candidate: str
    carries: bool


LOSS = OfGroup(suite=VALIDATION.suite, group=VALIDATION.group, metric=VALIDATION.metric)
