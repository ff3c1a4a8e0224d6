"""Progress of an experiment's training, and the remaining time."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from heapq import nsmallest
from pathlib import Path

from relscale.design.cost import seconds
from relscale.design.options import Hardware
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.storage.file_name import file_name
from relscale.training.key import run_key, tokens_digest
from relscale.training.options import Training
from relscale.training.record import record_in

CHANGES_NO_NUMBER = "reports the progress of a job"

SAMPLE = 100  # finished runs whose times are read, because the line is printed after each of possibly thousands of runs


def progress(
    runs: Sequence[Run], tokens: Path, store: Path, options: Training, hardware: Hardware
) -> Callable[[], str]:
    """A function that reports in one line the number of finished runs of an experiment and the remaining time.

    The plan's expected times are scaled by the times of finished runs. The others are assumed to run in parallel, as
    many at a time as this machine's processors allow. The keys of runs are computed once; each line then costs a
    listing of the store.

    Parameters
    ----------
    runs
        The whole plan.
    tokens
        The folder that holds each corpus's token store under its file name.
    store, options
        As for ``relscale.training.job.Job``.
    """
    folder = store / "runs"
    expected = [seconds(run, hardware) for run in runs]
    training_seconds = cache(lambda key: _seconds(folder / key))
    keys = [""] * len(runs)

    def line() -> str:
        digests = {}
        for path in tokens.glob("*/manifest.json"):
            with suppress(RelscaleError, OSError):  # reported by the job that trains it
                digests[path.parent.name] = tokens_digest(path.parent)
        for place, run in enumerate(runs):
            data = digests.get(file_name(run.corpus)) if not keys[place] else None
            if data:
                keys[place] = run_key(run, data, options)
        finished = set(os.listdir(folder)) if folder.is_dir() else set[str]()
        done = {key: expected[place] for place, key in enumerate(keys) if key in finished}
        # Digests that sort first are an unbiased sample that changes little from line to line.
        times = {key: training_seconds(key) for key in nsmallest(SAMPLE, done)}
        known = [(done[key], duration) for key, duration in times.items() if duration is not None]
        scale = sum(duration for _, duration in known) / sum(first for first, _ in known) if known else 1.0
        remaining = sum(expected) - sum(done.values())
        side_by_side = max(1, (os.cpu_count() or 1) // options.threads)
        minutes = (
            f", about {remaining * scale / side_by_side / 60:.1f} minutes left"
            if len(done) < len(runs)
            else ""
        )
        return f"{len(done)} of {len(runs)} runs are trained{minutes}"

    return line


def _seconds(folder: Path) -> float | None:
    """Training time of a run; None if its record is unreadable, which is left to the job that trains it."""
    try:
        return record_in(folder).seconds
    except RelscaleError:
        return None
