"""Train one run: from a planned run and a token store to a checkpoint, a curve and a record.

Read it from top to bottom: ``train_run`` sets up and writes the result, and ``train_steps`` is the loop, whose
steps are in ``batch_gradient.py`` and ``optimizers/``.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch

from relscale.design.run import Run
from relscale.heap import keep_all_freed_memory
from relscale.tokens.store import TokenStore
from relscale.training.adaptive_batch import GrowingBatch
from relscale.training.batch_gradient import batch_gradient, clip_gradients
from relscale.training.branch_training import BranchPoints, point_folder, train_branches
from relscale.training.branches import steps_of_branches
from relscale.training.cpu import bf16, native
from relscale.training.data import TrainingData
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import Fabric, is_sharding, launch
from relscale.training.history import History, run_of_state
from relscale.training.interruption import UNINTERRUPTED, Control
from relscale.training.key import run_key
from relscale.training.metrics_logger import metrics_logger
from relscale.training.model import Decoder
from relscale.training.noise_scale import divided
from relscale.training.numerical_path import check_kernels
from relscale.training.observers import (
    Checkpoints,
    Metrics,
    Observer,
    SavedState,
    StopRequest,
    Validation,
    write_whole_state,
)
from relscale.training.options import NoiseScale, Training, check_noise_scale
from relscale.training.precision import choose_precision, choose_products
from relscale.training.record import TrainingRecord
from relscale.training.result import RecordContext, checkpoints_complete, write_result
from relscale.training.schedule import learning_rate, steps_of, whole_steps
from relscale.training.state import FILE as STATE
from relscale.training.state import read_state, remove_state, state_folder
from relscale.training.validation import windows

Rate = Callable[[Run, int], float]
"""Learning rate of step 0, 1, … of a run."""


def train_run(
    run: Run,
    data: TrainingData,
    folder: Path,
    options: Training,
    fabric: Fabric | None = None,
    control: Control = UNINTERRUPTED,
) -> TrainingRecord | None:
    """Train a run and write its folder atomically; resume an interrupted training.

    The folder has ``run.json`` (the record that is returned), ``curve.parquet`` (one row per step) and, unless the run
    diverged, a checkpoint with its tokenizer. On one CPU with one compiler the same run, tokens, options and number of
    threads give the same weights, bit for bit, regardless of interruptions. Until the folder is complete, the state is
    kept beside it, in ``<folder>.state``.

    Parameters
    ----------
    run
        The run.
    data
        Token store and tokenizer.
    folder
        Output folder.
    options
        The config's section ``training``.
    fabric
        The devices; this machine's GPU, else its processor, by default. Every process of several calls this function,
        and the first of them writes.
    control
        Stop requests and ownership.

    Returns
    -------
    TrainingRecord
        None if it was interrupted, and on all devices but the first.

    Raises
    ------
    RelscaleError
        The vocabulary size differs from the run's, there is no validation text, memory does not suffice, or the kernels
        are not those of the run's key.
    """
    torch.set_num_threads(options.threads)
    keep_all_freed_memory()
    fabric = fabric or launch()
    if fabric.device.type == "cpu":
        products = bf16.available() and not options.compile
        check_kernels(options.threads, options.compile, native.library() is not None, products)
    precision = choose_precision(options, run.architecture.hidden_size)
    store, vocabulary = data.store(), data.vocabulary_of(run)
    validation_tokens = data.validation_tokens(options.validation_tokens)
    key = run_key(run, data.digest, options)
    context = RecordContext(
        run,
        key,
        choose_products(options, run.architecture.hidden_size),
        validation_tokens,
        vocabulary,
        store.manifest.end_of_text,
        partial(store.unique_tokens, sequence_length=run.architecture.sequence_length),
        options.measurement,
    )

    torch.manual_seed(run.seed)
    model = DistributedModel(
        Decoder(run.architecture),
        run.hyperparameters,
        fabric,
        precision,
        compiled=options.compile,
        recomputed=options.activation_checkpointing is True,
    )
    history = History.of(run, warmup_steps(run), fabric.device)
    unfinished = state_folder(folder)
    branching = options.branches.shares if options.branches else ()
    resume(model, history, unfinished, options.checkpoints, branching)

    points = options.validation_points
    validated = (*options.checkpoints, *((i + 1) / points for i in range(points)))
    batches = windows(validation_tokens, run.architecture.sequence_length)
    observers: list[Observer] = [
        *([GrowingBatch(options.adaptive_batch)] if options.adaptive_batch else []),
        Validation(model, batches, validated),
        Checkpoints(model, unfinished, options.checkpoints, context, control.still_owned),
        BranchPoints(model, unfinished, branching, control.still_owned),
        StopRequest(fabric, control.stop_requested),
        SavedState(model, unfinished, 60 * options.save_every, control.still_owned),
    ]
    if fabric.is_global_zero:
        logs = folder.parent.parent / "logs"
        observers.append(Metrics(metrics_logger(options.logger, run, key, unfinished, logs)))

    check_noise_scale(run, options, "fsdp" if is_sharding(fabric) else "ddp")
    micro_batch = micro_batch_of(run, options, fabric.world_size)
    train_steps(model, history, store, micro_batch, observers, options.measurement)

    if not history.over:
        return None
    branches = None
    if options.branches and history.diverged is None:

        def train_branch(branch: History, rate: Rate, saved: Sequence[Observer]) -> None:
            validation, stop = Validation(model, batches, (1.0,)), StopRequest(fabric, control.stop_requested)
            train_steps(model, branch, store, micro_batch, [validation, stop, *saved], rate=rate)

        seconds = 60 * options.save_every
        owned = control.still_owned
        write_whole_state(model, history, unfinished, owned)
        branches = train_branches(model, history, unfinished, options.branches, seconds, owned, train_branch)
        if branches is None:
            return None
        end = read_state(unfinished)
        assert end is not None
        model.load_state_dict(end)
    weights = model.weights()
    if not fabric.is_global_zero:
        return None
    record = write_result(folder, unfinished, weights, history, context, control.still_owned, branches)
    remove_state(unfinished)
    return record


def warmup_steps(run: Run) -> int:
    """Steps of the warm-up, whose share of the run counts tokens: steps until those of batches of the first size."""
    steps_of_first_size = run.sequences_before(run.train_steps) / run.batch_size
    return run.steps_until(whole_steps(run.hyperparameters.warmup, steps_of_first_size) * run.batch_size)


def micro_batch_of(run: Run, options: Training, devices: int) -> int:
    """Sequences that a device processes at once: its share of the batch by default; less to measure the noise scale."""
    share = run.batch_size // devices
    micro_batch = share if options.micro_batch == "auto" else options.micro_batch
    return micro_batch if options.measurement is None else divided(share, micro_batch)


def train_steps(
    model: DistributedModel,
    history: History,
    store: TokenStore,
    micro_batch: int,
    observers: Sequence[Observer],
    measurement: NoiseScale | None = None,
    rate: Rate = learning_rate,
) -> None:
    """Train until the end of the run, until divergence, or until an observer stops it.

    Parameters
    ----------
    model
        The model and its optimizer.
    history
        The run and its recorded steps, which is updated.
    store
        The token store.
    micro_batch
        Sequences that a device processes at once; a divisor of its share of the batch.
    observers
        Called after each step, in this order.
    measurement
        Measurement of the gradient's moments; None for none.
    rate
        Function that returns the learning rate of a run's step.
    """
    optimizer, start = model.optimizer, time.perf_counter() - history.seconds
    while not (history.over or history.stopped):
        run = history.run
        for group in optimizer.param_groups:
            group["lr"] = group.get("scale", 1.0) * rate(run, history.done)
        measurement_now = measurement if measurement and history.done % measurement.every == 0 else None
        batch = batch_gradient(run, model, store, history.done, micro_batch, measurement_now)
        micro_batch = batch.micro_batch
        norm = clip_gradients(model, run.hyperparameters.gradient_clip)
        optimizer.step()
        optimizer.zero_grad()
        history.record(batch.loss, norm, batch.moments)
        history.seconds = time.perf_counter() - start
        for observer in observers:
            observer.after_step(history)
    history.seconds = time.perf_counter() - start


def resume(
    model: DistributedModel,
    history: History,
    unfinished: Path,
    checkpoints: Iterable[float],
    branching: Iterable[float] = (),
) -> None:
    """Load the state of an interrupted training, if there is one and its checkpoints are intact.

    ``branching`` are the shares of tokens at which its state was saved for branches.
    """
    state = read_state(unfinished)
    if state is None:
        return
    run, done = run_of_state(history.run, state["history"]), state["history"]["done"]
    points = [
        point_folder(unfinished, step) / STATE for step in steps_of_branches(branching, run) if step <= done
    ]
    intermediate_steps = (
        step for step in steps_of(checkpoints, run) if step <= done and step < run.train_steps
    )
    if not checkpoints_complete(unfinished, intermediate_steps) or not all(
        point.is_file() for point in points
    ):
        print(f"{unfinished}: a checkpoint is damaged or missing; the run starts again", file=sys.stderr)
        return
    model.load_state_dict(state)
    history.load_state_dict(state["history"])
