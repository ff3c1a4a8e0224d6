"""Learning-rate schedules: the factor of the peak learning rate at each step."""

import math
import sys
from collections.abc import Iterable

from relscale.design.run import Hyperparameters, Run
from relscale.errors import RelscaleError
from relscale.suggestions import suggestion

SCHEDULES = ("wsd", "cosine", "linear")
ROUNDING = 1e-6  # steps: 7% of 100 are 7, though not as floating-point numbers


def steps_of(shares: Iterable[float], run: Run) -> set[int]:
    """Numbers of updates at which these shares of a run's tokens have been seen."""
    sequences = run.sequences_before(run.train_steps)
    return {max(1, run.steps_until(share * sequences - ROUNDING * run.batch_size)) for share in shares}


def whole_steps(share: float, steps: float) -> int:
    """The whole steps in a share of a run: 29 in 29% of 100, whose product as floating-point numbers is below 29.

    Examples
    --------
    >>> whole_steps(0.29, 100), int(0.29 * 100), whole_steps(0.29, 99)
    (29, 28, 28)
    """
    return int(share * steps * (1 + 4 * sys.float_info.epsilon))  # above the errors of three roundings


def learning_rate(run: Run, step: int) -> float:
    """Learning rate of step 0, 1, …; with a batch ramp, by the tokens seen and the square root of the batch."""
    h, first = run.hyperparameters, run.batch_size
    factor = learning_rate_factor(
        run.sequences_before(step) / first, run.sequences_before(run.train_steps) / first, h
    )
    return h.learning_rate * factor * math.sqrt(run.batch_at(step) / first)


def learning_rate_factor(step: float, steps: float, hyperparameters: Hyperparameters) -> float:
    """Factor in [0, 1] of the peak learning rate at step ``step`` of ``steps``.

    All rise linearly over the first ``warmup`` share of the steps, from 0 at step 0. Then ``wsd``
    (warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395) stays at 1 and falls linearly over the last ``decay``
    share; ``linear`` falls from the warm-up's end on, and ``cosine`` as half a cosine (Loshchilov & Hutter 2016, arXiv
    1608.03983). All reach 0 at ``steps``, one after the last.

    Parameters
    ----------
    step
        0 for the first update, ``steps - 1`` for the last; in batches of the first size.
    steps
        Number of updates of the run.
    hyperparameters
        Its ``schedule``, ``warmup`` and ``decay``.

    Raises
    ------
    RelscaleError
        There is no such schedule.
    """
    schedule = hyperparameters.schedule
    if schedule not in SCHEDULES:
        raise RelscaleError(f"no schedule {schedule!r}; {suggestion(schedule, SCHEDULES)}")
    warmup = whole_steps(hyperparameters.warmup, steps)
    if step < warmup:
        return step / warmup
    if schedule == "wsd":
        decay = whole_steps(hyperparameters.decay, steps)
        return min(1.0, (steps - step) / decay) if decay else 1.0
    rest = (steps - step) / (steps - warmup)
    return rest if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * rest))
