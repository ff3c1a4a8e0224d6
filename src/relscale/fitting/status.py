"""Status of a fitted number: one of a closed set, with a note in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Status(StrEnum):
    """Whether a number can be used, or the reason that it cannot."""

    OK = "ok"

    # points of the frontier
    TOO_FEW_RUNS = "too few runs"
    NOT_CONVEX = "not convex"
    NO_MINIMUM = "minimum outside the widths tried"
    UNTRUSTED_RUN = "untrusted run"
    NO_VALUE = "no value"
    NOT_POSITIVE = "not positive: it has no logarithm"
    NOT_REACHED = "the runs with a value do not reach the frontier"
    NO_BASELINE = "no baseline"

    # lines and laws
    TOO_FEW_POINTS = "too few points"
    MISSING_POINTS = "missing points"
    COPIED_RUNS = "copied runs"
    TOO_FEW_TRAININGS = "too few training runs"
    NO_SPREAD = "no spread of compute to fit a slope to"
    NO_SCATTER = "all points are on the line: no scatter for an interval"
    NO_REPLICATES = "no item replicates"
    TOO_FEW_CLUSTERS = "too few clusters of items"
    BEYOND_RANGE = "overflow: beyond the range of numbers"
    NO_START = "the law has no value at any starting point"
    NOT_CONVERGED = "not converged: the gradient does not vanish"
    ON_A_BOUND = "on a bound"
    BEYOND_A_BOUND = "beyond a bound"
    UNDETERMINED = "the data do not determine all parameters"
    NO_PREDICTOR = "no predictor"
    NO_CHANCE_LEVEL = "the chance of a right guess is not given"
    NOT_ABOVE_CHANCE = "accuracy is not above chance"
    BEYOND_DATA = "beyond the data that the law was fitted to"
    NOT_RISING = "accuracy does not rise as loss falls"

    # intervals
    NO_INTERVAL = "no interval"
    NO_LIMITS = "the bootstrap draws give no limits"
    BIASED_DRAWS = "the limits exclude the estimate itself: the bootstrap draws are biased"
    FAILED_DRAWS = "failed draws"
    NO_EFFECT = "no effect: the law does not depend on the parameter in too many draws"

    # analyses
    NOT_WITHIN_REACH = "no crossing in range"
    NOT_EXCLUDED = "no crossing found, but it cannot be ruled out"
    OPEN_INTERVAL = "open interval"
    LIMIT_ON_A_BOUND = "an interval ends on a bound of the law"
    NOT_FITTED = "not part of the fit"
    NOT_SHOWN = "not shown"
    NOT_POOLED = "not pooled"
    TOO_FEW_GROUPS = "too few groups"
    THINNED = "thinned"
    ASSUMPTION = "under an assumption"
    NOT_APPLICABLE = "not applicable"
    SIGN_CHANGE = "the difference changes its sign, so it has no power law"
    NOT_ABOVE_FLOOR = "an error is not above its irreducible part"
    UNCERTAIN_FLOOR = "uncertain irreducible error"
    CONSTANT = "it does not vary with compute"

    # forecasts
    NO_FORECAST = "no forecast"
    TOO_FEW_ORIGINS = "too few origins"
    EXTRAPOLATED_WIDTH = "extrapolated width"
    INSIDE_DATA = "not beyond the data"
    NOT_MEASURED = "nothing was measured at this compute"
    NO_CURVE = "no such curve in the later fit"

    # published answers
    NONE_PUBLISHED = "no published number"
    NO_ROW = "no such row"
    SEVERAL_ROWS = "several such rows"


@dataclass(frozen=True, slots=True)
class Remark:
    """A status with an explanatory note."""

    status: Status
    note: str | None = None

    def __str__(self) -> str:
        return self.note or str(self.status)

    def under(self, heading: str) -> "Remark":
        """The same with a heading before its words, such as the subject of the remark; ``OK`` stays as it is."""
        return self if self == OK else Remark(self.status, f"{heading}: {self}")


OK = Remark(Status.OK)


def together(*remarks: Remark) -> Remark:
    """All problems, each once, under the first one's status; ``OK`` if there are none."""
    wrong = list(dict.fromkeys(remark for remark in remarks if remark != OK))
    if len(wrong) < 2:
        return wrong[0] if wrong else OK
    return Remark(wrong[0].status, "; ".join(map(str, wrong)))


def choose(condition: ArrayLike, remark: Any, otherwise: Any) -> NDArray[np.object_]:
    """``numpy.where`` of remarks, single ones or arrays."""
    return np.where(condition, np.asarray(remark, dtype=object), np.asarray(otherwise, dtype=object))


def of_measurement(status: str) -> Remark:
    """The status of a measurement as a remark of the fit."""
    return OK if status == Status.OK else Remark(Status.UNTRUSTED_RUN, status)
