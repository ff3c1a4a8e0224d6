"""Batches that grow while a run is trained, as far as the noise of its gradient asks for it.

After each measurement of the gradient's moments, smoothed, the norm test of AdAdaGrad asks for a batch
(``relscale.training.noise_scale.norm_test``). From the next step on whose remaining sequences are whole batches of it
the batch is the largest multiple of the first one that is at most what was asked for, rounded up; the learning rate
grows by the root. A batch never shrinks. The run reads the tokens that were planned, each once, in order.

Source: Lau, Liu, Kolar, *AdAdaGrad: Adaptive Batch Size Schemes for Adaptive Gradient Methods*, arXiv 2402.11215. There
the moments of a single batch decide; they vary so much that the batch then grows beyond what their means ask for.
"""

import math
from dataclasses import dataclass, replace

from relscale.design.run import BatchChange, Run
from relscale.training.history import History
from relscale.training.noise_scale import GradientMoments, norm_test, smoothed
from relscale.training.options import AdaptiveBatch


@dataclass
class GrowingBatch:
    """An observer (``relscale.training.observers``) that lets the batches of a run grow.

    What it does follows from what was recorded alone, so that a training which was stopped goes on as it would have.
    """

    options: AdaptiveBatch
    asked: int | None = None  # by the first batch; None before the first step of a process

    def after_step(self, history: History) -> None:
        """Grow the batch of the next step where that is asked for."""
        if history.over:
            return
        if self.asked is None or (history.done - 1) % self.options.every == 0:
            self.asked = self._asked(history)
        run, first = history.run, history.run.batch_size
        left = run.sequences_before(run.train_steps) - run.sequences_before(history.done)
        now = run.batch_at(history.done) // first
        factor = next_factor(left // first, now, self.asked)
        if factor > now:
            history.run = grown(run, history.done, factor)

    def _asked(self, history: History) -> int:
        """The batch that the last measurement asks for, at most the largest, by the first one; 0 without one."""
        squares, variances = (
            series[: history.done].tolist()
            for series in (history.gradient_squares, history.gradient_variances)
        )
        measured = [step for step, value in enumerate(squares) if math.isfinite(value)]
        if not measured:
            return 0
        means = (smoothed(series, self.options.memory)[measured[-1]] for series in (squares, variances))
        asked = norm_test(GradientMoments(*means), history.run.batch_at(measured[-1]), self.options.eta)
        factor = asked / history.run.batch_size
        return math.ceil(min(self.options.largest, factor)) if math.isfinite(factor) else 0


def next_factor(left: int, factor: int, asked: int) -> int:
    """The batch of the next step: the largest divisor of what is left that is above ``factor`` and at most ``asked``.

    ``factor`` where there is none.

    Parameters
    ----------
    left
        Sequences that are left, in batches of the first size.
    factor, asked
        The batch that there is, and the one that is asked for, by the first one.
    """
    return max((each for each in range(factor + 1, asked + 1) if left % each == 0), default=factor)


def grown(run: Run, step: int, factor: int) -> Run:
    """The run whose batches are ``factor`` times the first one from step ``step`` on, on as many tokens."""
    before = run.sequences_before(step)
    left = run.sequences_before(run.train_steps) - before
    change = BatchChange(float(before * run.architecture.sequence_length), factor)
    return replace(
        run,
        batch_schedule=(*run.batch_schedule, change),
        train_steps=step + left // (factor * run.batch_size),
    )
