"""Measurement of training speed on this machine, for the config's section ``hardware``, from a few steps."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from relscale.design.architecture import training_flops_per_token
from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.heap import keep_all_freed_memory
from relscale.training.batch_gradient import accumulate_gradients, clip_gradients
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.options import Training
from relscale.training.precision import choose_precision

WIDTHS = (8, 24, 64)
SEQUENCES, LENGTH, VOCABULARY = 8, 256, 2048
WARM_UP, STEPS = 2, 7


def measured_hardware(widths: Sequence[int] = WIDTHS) -> tuple[float, float]:
    """``flops_per_second`` and ``seconds_per_token`` of one thread of this processor, at the precision ``auto``.

    The seconds per token of models of several widths are ``seconds_per_token + FLOPs per token / flops_per_second``
    (``relscale.design.cost``), by least squares of relative errors. A step is measured alone: parallel runs on
    several cores, which share their memory, take up to a third longer.
    """
    shapes = [architecture(width, LENGTH, VOCABULARY) for width in widths]
    flops = [training_flops_per_token(shape) for shape in shapes]
    seconds = [seconds_per_step(width) / (SEQUENCES * LENGTH) for width in widths]
    return hardware_of(np.array(flops, dtype=float), np.array(seconds))


def hardware_of(flops: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """``flops_per_second`` and ``seconds_per_token`` of models with so many FLOPs and seconds per token, (n,) each."""
    from scipy.optimize import nnls

    (per_token, per_flop), _ = nnls(np.stack([1 / seconds, flops / seconds], axis=1), np.ones(len(seconds)))
    return 1 / max(per_flop, np.finfo(float).tiny), float(per_token)


def seconds_per_step(width: int) -> float:
    """Median processor time of an update of a model of this width under the laptop recipe."""
    keep_all_freed_memory()
    with _one_thread(), torch.random.fork_rng():
        torch.manual_seed(0)
        shape = architecture(width, LENGTH, VOCABULARY)
        settings = hyperparameters("c-adamc", shape, SEQUENCES)
        model = DistributedModel(Decoder(shape), settings, launch(), choose_precision(Training(), width))
        batch = torch.randint(VOCABULARY, (SEQUENCES, LENGTH + 1))
        times = []
        for _ in range(WARM_UP + STEPS):
            started = time.process_time()
            accumulate_gradients(model, [batch], 1)
            clip_gradients(model, settings.gradient_clip)
            model.optimizer.step()
            model.optimizer.zero_grad()
            times.append(time.process_time() - started)
    return statistics.median(times[WARM_UP:])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread of torch; the previous number is restored afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
