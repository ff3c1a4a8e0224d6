"""Types of the column filters that figures apply to tables, so that mypy finds misspelt columns."""

from typing import TypedDict

from relscale.measurements.metric import VALIDATION


class SeriesFilter(TypedDict):
    """Selects the rows of one corpus and optimizer."""

    corpus: str | None
    optimizer: str | None


class SuiteFilter(TypedDict):
    """Selects the rows of one suite under one metric and prompt form."""

    suite: str
    metric: str
    prompt: str | None


class GroupFilter(TypedDict):
    """Selects the rows of one group of a suite under one metric."""

    suite: str
    group: str
    metric: str


class CurveFilter(SeriesFilter, SuiteFilter):
    """Selects the rows of one group's curve in one series."""

    group: str


class LossCurveFilter(SeriesFilter, GroupFilter):
    """Selects the rows of the validation loss of one series."""


class RowFilter(TypedDict, total=False):
    """Selects the rows with these values in these columns; includes the columns of all other filters."""

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


LOSS = GroupFilter(suite=VALIDATION.suite, group=VALIDATION.group, metric=VALIDATION.metric)
