"""G(F) = E_t(F) / E_b(F): a group's error over its baseline's, paired on the same runs and the same items' draws.

With ``MEAN``, the baseline is the geometric mean of all other groups,

    ln G_j = ln E_j − Σ_{k ≠ j} ln E_k / (K − 1)

which excludes group j itself, so that the target does not enter its own baseline, and with two groups the ratio is that
of one to the other. If group j were included, all ln G_j and their intervals would be (K − 1) / K times as large;
p-values and directions would be the same.

Values are stored as ln G, so that exchanging target and baseline only changes the sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.optimal_errors import Errors
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.status import OK, choose

MEAN = "mean"  # the name of the baseline that is the geometric mean of the other groups


@dataclass(frozen=True)
class Gaps:
    """Log ratios along one matrix's frontier; P points, J pairs of target and baseline, B replicates.

    Attributes
    ----------
    log_ratio
        (P, J) ln G, nan if the status is not ok.
    noise
        (P, J) 1 / runs, the mean of target and baseline.
    replicates
        (P, J, B).
    """

    log_ratio: Floats
    noise: Floats
    replicates: Floats
    status: NDArray[np.object_]


def log_or_nan(x: Floats) -> Floats:
    """ln x; nan if x is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x > 0, np.log(x), np.nan)


def logarithms(errors: Errors) -> tuple[Floats, Floats]:
    """ln E and its replicates; nan if the error's status is not ok."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(errors.status == OK, np.log(errors.value), np.nan)
        replicates = np.log(errors.replicates)
    return value, np.where(np.isfinite(replicates), replicates, np.nan)


def gaps(errors: Errors, targets: NDArray[np.int64], baselines: Sequence[NDArray[np.int64]]) -> Gaps:
    """ln G of the series ``targets`` (J,), each against the mean ln E of its ``baselines``, columns of ``errors``."""
    value, replicates = logarithms(errors)
    of_baseline = [errors.status[:, columns] for columns in baselines]
    first = [np.argmax(status != OK, axis=1) for status in of_baseline]  # the first that cannot be used
    status = [statuses[np.arange(len(statuses)), at] for statuses, at in zip(of_baseline, first, strict=True)]
    return Gaps(
        log_ratio=value[:, targets] - mean_of(value, baselines),
        noise=(errors.noise[:, targets] + mean_of(errors.noise, baselines)) / 2,
        replicates=replicates[:, targets] - mean_of(replicates, baselines),
        status=status_of_ratio(
            errors.status[:, targets],
            np.stack(status, axis=1) if status else errors.status[:, :0],
        ),
    )


def mean_of(columns: Floats, baselines: Sequence[NDArray[np.int64]]) -> Floats:
    """The mean of each baseline's columns of (P, K, ...): (P, J, ...)."""
    if not baselines:
        return columns[:, :0]
    return np.stack([columns[:, members].mean(axis=1) for members in baselines], axis=1)


def status_of_ratio(target: NDArray[np.object_], baseline: NDArray[np.object_]) -> NDArray[np.object_]:
    """The target's remark, or if it is ok the baseline's, marked as such."""
    return choose(target != OK, target, _of_baseline(baseline))


_of_baseline = np.frompyfunc(lambda remark: remark.under("baseline"), 1, 1)
