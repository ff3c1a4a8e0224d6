"""The training loop: steps from where a run stands to its end."""

import time
from collections.abc import Callable

from torch import Tensor

from relscale.design.run import Run
from relscale.training.history import History
from relscale.training.placed import Placed
from relscale.training.schedule import learning_rate_factor


def learning_rate(run: Run, step: int) -> float:
    """Learning rate of step 0, 1, …"""
    h = run.hyperparameters
    return h.learning_rate * learning_rate_factor(step, run.train_steps, h)


def train_steps(
    run: Run,
    placed: Placed,
    history: History,
    gradients: Callable[[int], Tensor],
    after_step: Callable[[], bool],
) -> None:
    """Train until the run is over, has diverged, or is to stop.

    Parameters
    ----------
    run
        What to train.
    placed
        Its model and optimizer.
    history
        Where it stands, and where every step is recorded.
    gradients
        Gives the model the gradient of step 0, 1, …, and returns the batch's loss.
    after_step
        Called when a step is recorded; true to stop.
    """
    before = time.perf_counter() - history.seconds
    stop = False
    while not (stop or history.over):
        for group in placed.optimizer.param_groups:
            group["lr"] = learning_rate(run, history.done)
        loss = gradients(history.done)
        norm = placed.clip(run.hyperparameters.gradient_clip)
        placed.optimizer.step()
        placed.optimizer.zero_grad()
        history.record(loss, norm)
        history.seconds = time.perf_counter() - before
        stop = after_step()
    history.seconds = time.perf_counter() - before
