"""Adaptive batch size: the batch grows during training with the gradient noise.

After each measurement of the gradient's moments, smoothed, a test of AdAdaGrad requests a batch: the norm test or the
inner-product test (``relscale.training.noise_scale``). From the next step at which the remaining sequences are whole
batches, the batch is the largest multiple of the first one that is at most the requested one, rounded up; the
learning rate grows with its square root. A batch never shrinks. The run reads the planned tokens, each once, in order.

Source: Lau, Liu, Kolar, *AdAdaGrad: Adaptive Batch Size Schemes for Adaptive Gradient Methods*, arXiv 2402.11215, where
the moments of a single batch are used; they vary so much that the batch grows beyond the size that their means
request.
"""

import math
from dataclasses import dataclass, replace

from relscale.design.run import BatchChange, Run
from relscale.training.history import History
from relscale.training.noise_scale import TESTS, GradientMoments, smoothed
from relscale.training.options import AdaptiveBatch


@dataclass
class GrowingBatch:
    """An observer (``relscale.training.observers``) that increases the batch size of a run.

    Its decisions follow from the recorded history alone, so that an interrupted run resumes exactly.

    Attributes
    ----------
    options
        The config's section ``training.adaptive_batch``.
    request
        Batch requested by the last measurement, as a multiple of the first; None before the first step of a process.
    """

    options: AdaptiveBatch
    request: int | None = None

    def after_step(self, history: History) -> None:
        """Increase the batch of the next step if requested."""
        if history.over:
            return
        if self.request is None or (history.done - 1) % self.options.every == 0:
            self.request = self._request(history)
        run, first = history.run, history.run.batch_size
        remaining = run.sequences_before(run.train_steps) - run.sequences_before(history.done)
        current = run.batch_at(history.done) // first
        factor = next_factor(remaining // first, current, self.request)
        if factor > current:
            history.run = grown(run, history.done, factor)

    def _request(self, history: History) -> int:
        """Batch requested by the last measurement relative to the first, at most the largest; 0 without one."""
        series = [moment[: history.done].tolist() for moment in history.moments]
        measured = [step for step, value in enumerate(series[0]) if math.isfinite(value)]
        if not measured:
            return 0
        moments = GradientMoments(*(smoothed(values, self.options.memory)[measured[-1]] for values in series))
        test = TESTS[self.options.test]
        size = test(moments, history.run.batch_at(measured[-1]), self.options.eta)
        factor = size / history.run.batch_size
        return math.ceil(min(self.options.largest, factor)) if math.isfinite(factor) else 0


def next_factor(remaining: int, factor: int, request: int) -> int:
    """The batch of the next step: the largest divisor of ``remaining`` above ``factor`` and at most ``request``.

    ``factor`` if there is none.

    Parameters
    ----------
    remaining
        Remaining sequences, in batches of the first size.
    factor, request
        The current batch and the requested one, relative to the first one.
    """
    return max(
        (candidate for candidate in range(factor + 1, request + 1) if remaining % candidate == 0),
        default=factor,
    )


def grown(run: Run, step: int, factor: int) -> Run:
    """The run whose batches are ``factor`` times the first one from step ``step`` on, on as many tokens."""
    before = run.sequences_before(step)
    remaining = run.sequences_before(run.train_steps) - before
    change = BatchChange(float(before * run.architecture.sequence_length), factor)
    return replace(
        run,
        batch_schedule=(*run.batch_schedule, change),
        train_steps=step + remaining // (factor * run.batch_size),
    )
