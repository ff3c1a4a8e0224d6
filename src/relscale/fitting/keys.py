"""The keys that rows of the fit's tables share: of a run matrix, of a series, of a curve."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

from relscale.storage.rows import column

Contrast = Literal["corpus", "optimizer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyKey:
    """The runs that share a compute-optimal frontier: one corpus and one optimizer of an experiment."""

    experiment: str | None = column("Name of the experiment.", default=None)
    corpus: str | None = column("Training corpus.", default=None)
    optimizer: str | None = column("Optimizer, if the measurements name one.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesKey(FamilyKey):
    """A quantity that was measured on every run: a metric of a group of a suite."""

    suite: str | None = column("Test suite.", default=None)
    prompt: str | None = column("Prompt form of the suite's questions.", default=None)
    metric: str | None = column("Metric; its name includes the choices behind it.", default=None)
    group: str | None = column("Group of test items.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveKey(SeriesKey):
    """An error along compute, or with a baseline the ratio of two errors."""

    baseline: str | None = column(
        "The group, corpus, optimizer or other arm in the ratio's denominator; null for an error.",
        default=None,
    )
    contrast: str | None = column(
        "The difference between the two: group, corpus, optimizer, or a column of the runs; null for an error.",
        default=None,
    )
    arm: str | None = column(
        "The target's value of that column of the runs; null for a group, corpus or optimizer.",
        default=None,
    )


FAMILY = tuple(field.name for field in fields(FamilyKey))
SERIES = tuple(field.name for field in fields(SeriesKey) if field.name not in FAMILY)
RUN = (*FAMILY, "run", "step")
ERROR_KEY = (*FAMILY, *SERIES)
CURVE = tuple(field.name for field in fields(CurveKey))
Key = tuple[Any, ...]


def key_of(row: object, names: Sequence[str] = CURVE) -> Key:
    """The values of these columns of a row: by default its curve."""
    key: Key = attrgetter(*names)(row)
    return key
