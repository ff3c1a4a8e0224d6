"""G(F) = E_t(F) / E_b(F): a group's error over its baseline's, paired on the same runs and the same items' draws.

Kept as ln G, so that exchanging target and baseline changes the sign and nothing else.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.optimal_errors import Errors
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.status import OK, Remark, choose


@dataclass(frozen=True)
class Gaps:
    """Log ratios along one matrix's frontier; P points, J pairs of target and baseline, B replicates.

    Attributes
    ----------
    log_ratio
        (P, J) ln G, nan where ``status`` says why.
    noise
        (P, J) 1 / runs, the mean of target and baseline.
    replicates
        (P, J, B).
    status
        (P, J).
    """

    log_ratio: Floats
    noise: Floats
    replicates: Floats
    status: NDArray[np.object_]


def logarithms(errors: Errors) -> tuple[Floats, Floats]:
    """ln E and its replicates; nan where a status says that the error can not be used."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(errors.status == OK, np.log(errors.value), np.nan)
        replicates = np.log(errors.replicates)
    return value, np.where(np.isfinite(replicates), replicates, np.nan)


def gaps(errors: Errors, targets: NDArray[np.int64], baselines: NDArray[np.int64]) -> Gaps:
    """ln G of the series ``targets`` against the series ``baselines``, both (J,) columns of ``errors``."""
    value, replicates = logarithms(errors)
    of_target, of_baseline = errors.status[:, targets], errors.status[:, baselines]
    return Gaps(
        log_ratio=value[:, targets] - value[:, baselines],
        noise=(errors.noise[:, targets] + errors.noise[:, baselines]) / 2,
        replicates=replicates[:, targets] - replicates[:, baselines],
        status=status_of_ratio(of_target, of_baseline),
    )


def status_of_ratio(target: NDArray[np.object_], baseline: NDArray[np.object_]) -> NDArray[np.object_]:
    """The target's remark, or where that is fine the baseline's, said to be on the baseline."""
    return choose(target != OK, target, _of_baseline(baseline))


def _under_baseline(remark: Remark) -> Remark:
    return remark if remark == OK else remark.under("baseline")


_of_baseline = np.frompyfunc(_under_baseline, 1, 1)
