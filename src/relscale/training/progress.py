"""How far an experiment's training is, and how long it will take yet."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relscale.design.cost import Hardware, seconds
from relscale.design.run import Run
from relscale.file_name import file_name
from relscale.training.job import read_record
from relscale.training.key import run_key, tokens_digest


def progress(
    runs: Sequence[Run], tokens: Path, store: Path, options: dict[str, Any], hardware: Hardware
) -> str:
    """One line: how many of an experiment's runs are in the store, and about how many minutes the others take.

    The plan's expected times are scaled by what the finished runs took. The others are taken to run side by side, as
    many at a time as this machine has processors for.

    Parameters
    ----------
    runs
        The whole plan.
    tokens
        The folder that holds each corpus's token store under its file name.
    store, options
        As for ``relscale.training.job.train_job``.
    """
    digests = {path.parent.name: tokens_digest(path.parent) for path in tokens.glob("*/manifest.json")}
    expected = taken = left = 0.0
    done = 0
    for run in runs:
        data = digests.get(file_name(run.corpus))
        record = data and read_record(store / "runs" / run_key(run, data, options))
        if record:
            done += 1
            expected += seconds(run, hardware)
            taken += record["seconds"]
        else:
            left += seconds(run, hardware)
    side_by_side = max(1, (os.cpu_count() or 1) // options["threads"])
    minutes = left * (taken / expected if expected else 1) / side_by_side / 60
    return f"{done} of {len(runs)} runs are trained" + (f", about {minutes:.1f} minutes left" if left else "")
