"""Train one run: from a plan's row and a token store to a checkpoint, its curve and its record."""

import math
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.devices import Devices, one_device
from relscale.training.gradients import gradients
from relscale.training.heap import keep_freed_memory
from relscale.training.history import History
from relscale.training.key import run_key, tokens_digest
from relscale.training.loop import train_steps
from relscale.training.model import Decoder
from relscale.training.placed import Placed
from relscale.training.precision import choose_precision
from relscale.training.result import Told, kept_whole, write_checkpoint, write_result
from relscale.training.state import read_state, remove_state, state_folder, write_state
from relscale.training.validation import mean_loss, windows
from relscale.training.vocabulary import read_vocabulary

ROUNDING = 1e-6  # steps: 7% of 100 are 7, though not as floating-point numbers
SAVE_EVERY = 15.0  # minutes


def train_run(
    run: Run,
    tokens: Path,
    vocabulary: Path,
    folder: Path,
    options: dict[str, Any],
    devices: Devices | None = None,
    asked_to_stop: Callable[[], bool] = lambda: False,
    still_owned: Callable[[], None] = lambda: None,
) -> dict[str, Any] | None:
    """Train a run and write its folder, whole or not at all; go on where an earlier process stopped.

    The folder has ``run.json`` (the record that is returned), ``curve.parquet`` (a row a step) and, unless the run
    diverged, a checkpoint with its tokenizer. On one CPU with one compiler the same run, tokens, options and number of
    threads give the same weights, bit for bit, however often the training is stopped or killed on the way. Until the
    folder is there, the state lies beside it, in ``<folder>.state``.

    Parameters
    ----------
    run
        What to train.
    tokens
        Folder of the token store.
    vocabulary
        Folder of the tokenizer.
    folder
        Where the result goes.
    options
        The config's section ``training``: ``threads``, ``precision``, ``validation_tokens`` (how many tokens of the
        validation split are scored), ``validation_points`` (how often, evenly spaced, the last time at the end),
        ``checkpoints`` (shares of the steps after which the weights are kept too), ``save_every`` (minutes between two
        saves of the state), ``micro_batch`` (sequences that a device takes at once; its share of the batch by default),
        ``activation_checkpointing`` and ``compile`` (a tenth faster at most, after half a minute; it needs a C++
        compiler).
    devices
        Where it trains; this machine's GPU, else its processor, by default. Every process of several calls this
        function, and the first of them writes.
    asked_to_stop
        Where it says so, training ends with the step under way, and its state is saved.
    still_owned
        Called before every write; raises where the run is another process's.

    Returns
    -------
    dict
        The record: losses in nats a token, ``status`` "ok" or "diverged at step N". ``train_loss`` is the mean over the
        last 5% of the steps, or the last finite loss of a run that diverged, whose validation losses are null. None
        where it was stopped before its end.

    Raises
    ------
    RelscaleError
        The store's vocabulary is not the run's, or it has no text to validate on.
    """
    torch.set_num_threads(options.get("threads", 1))
    keep_freed_memory()

    length = run.architecture.sequence_length
    store, words = TokenStore.open(tokens), read_vocabulary(vocabulary)
    if len(words.bytes) != run.architecture.vocabulary_size:
        raise RelscaleError(
            f"{vocabulary}: {len(words.bytes)} tokens, where {run.name} has a vocabulary of "
            f"{run.architecture.vocabulary_size}"
        )
    held_out = store.tokens("validation")[: options.get("validation_tokens", 65536)]
    if len(held_out) < 2:
        raise RelscaleError(f"{tokens}: the validation split has no text; give it a larger share")

    devices = devices or one_device()
    placed, history = _begin(run, options, devices)
    unfinished = state_folder(folder)
    checkpoint_steps = steps_of(options.get("checkpoints", ()), run)
    state = read_state(unfinished)
    if state is not None and not kept_whole(
        unfinished, (step for step in checkpoint_steps if step <= state["history"]["done"])
    ):
        print(f"{unfinished}: a checkpoint is damaged or gone, so that the run starts anew", file=sys.stderr)
        placed, history = _begin(run, options, devices)
        state = None
    if state is not None:
        placed.restore(state)
        history.restore(state["history"])
        del state
    told = Told(run_key(run, tokens_digest(tokens), options), placed.precision, held_out, words)
    end_of_text = store.manifest.end_of_text

    micro_batch = options.get("micro_batch", run.batch_size // devices.count)
    held_out_batches = windows(held_out, length)
    points = options.get("validation_points", 1)
    validation_steps = checkpoint_steps | steps_of([(i + 1) / points for i in range(points)], run)
    save_every = 60 * options.get("save_every", SAVE_EVERY)
    saved = time.monotonic()

    def after_step() -> bool:
        """Validate and keep weights and state where it is due; whether to stop."""
        nonlocal saved
        if history.diverged is None and history.done in validation_steps:
            history.validation_losses[history.done] = mean_loss(placed.loss, held_out_batches)
        if history.over:
            return False
        if history.done in checkpoint_steps:
            weights = placed.weights()
            if devices.rank == 0:
                still_owned()
                write_checkpoint(unfinished, history.done, weights, run, words, end_of_text)
        due = devices.rank == 0 and time.monotonic() - saved >= save_every
        stop, save = devices.any(asked_to_stop(), due)
        if stop or save:
            state = {**placed.state(), "history": history.to_state()}
            if devices.rank == 0:
                still_owned()
                write_state(unfinished, state)
                loss = f"loss {history.losses[history.done - 1].item():.4f}"
                print(
                    f"{run.name}: saved at step {history.done} of {run.train_steps}, {loss}", file=sys.stderr
                )
            saved = time.monotonic()
        return stop

    train_steps(run, placed, history, gradients(placed, store, run, micro_batch), after_step)
    if not history.over:
        return None
    weights = placed.weights()
    if devices.rank != 0:
        return {}
    record = write_result(folder, unfinished, weights, run, history, told, end_of_text, still_owned)
    remove_state(unfinished)
    return record


def steps_of(shares: Iterable[float], run: Run) -> set[int]:
    """Numbers of updates that are these shares of a run's, rounded up."""
    return {max(1, math.ceil(share * run.train_steps - ROUNDING)) for share in shares}


def _begin(run: Run, options: dict[str, Any], devices: Devices) -> tuple[Placed, History]:
    """A run's model on its devices, and its record, before the first step."""
    torch.manual_seed(run.seed)
    placed = Placed(
        Decoder(run.architecture),
        run.hyperparameters,
        devices,
        choose_precision(options.get("precision", "auto"), run.architecture.hidden_size),
        compiled=options.get("compile", False),
        recomputed=options.get("activation_checkpointing", False),
    )
    warmup = int(run.hyperparameters.warmup * run.train_steps)
    return placed, History.of(run.train_steps, warmup, devices.device)
