"""Score checkpoints on suites; items that are already in the store are not scored again.

The items of a run and suite are written in parts, task by task; after a kill the next job resumes with the missing
tasks. The complete table finally replaces the parts. If several jobs have the same entry, one scores it while the
others wait. Existing items are used only if their digest is intact and there are as many as the suite has requests.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import Damaged, RelscaleError
from relscale.gpu import has_gpu
from relscale.provenance import code_digest, digest
from relscale.scoring.item_parts import (
    Entry,
    Suite,
    join_parts,
    numbered,
    read_parts,
    read_statuses,
    write_part,
)
from relscale.scoring.manifest import read_manifest
from relscale.scoring.requests import read_requests
from relscale.scoring.scores import Score
from relscale.storage.checksums import FILE as CHECKSUMS
from relscale.storage.checksums import check_digests, listed, set_aside
from relscale.storage.entries import write_entries
from relscale.storage.lock import locked
from relscale.storage.process import end_with_parent
from relscale.training.manifest import TrainedModel

if TYPE_CHECKING:
    from relscale.scoring.engine import Engine
    from relscale.scoring.options import Scoring

# Options that change results; the others only change speed.
NUMERIC_OPTIONS = ("dtype",)
ENGINE_OPTIONS = ("dtype", "quantization", "batch_tokens", "use_safetensors", "trust_remote_code")
# Seconds of results that a killed job may lose, besides the current task; tasks of small models take milliseconds.
SECONDS_BETWEEN_PARTS = 1.0


def score_job(
    runs: Sequence[TrainedModel],
    suites: Sequence[str | Path],
    store: str | Path,
    options: "Scoring",
    output: str | Path,
) -> list[Score]:
    """Score every finished run on every suite, and write a manifest of the items.

    Parameters
    ----------
    runs
        Models, as in a training job's manifest.
    suites
        Folders of prepared suites.
    store
        Items go to ``store/items/<key>.parquet``. The key depends on the run, the suite's requests, this code and the
        options that change results.
    options
        The config's section ``scoring``. With several devices there is one process per device.
    output
        The score manifest (JSON). A run that diverged has no items and keeps its status.

    Returns
    -------
    list
        The manifest.

    Raises
    ------
    RelscaleError
        A run is not a checkpoint, or a suite is not prepared.
    """
    prepared = [Suite.read(Path(suite)) for suite in suites]
    entries = [
        Entry(run, suite, Path(store) / "items" / f"{items_key(run.key, suite.digest, options)}.parquet")
        for run in runs
        for suite in prepared
    ]
    scored = [entry for entry in entries if entry.run.status == "ok"]
    missing = [entry for entry in scored if read_statuses(entry) is None]
    if missing:
        _score(missing, options)
    for entry in scored:
        if entry.parts.is_dir():  # a job was killed between joining its parts and removing them
            join_parts(entry)
    manifest = [_described(entry) for entry in entries]
    write_entries(output, manifest)
    return manifest


def _described(entry: Entry) -> Score:
    run = entry.run
    status = read_statuses(entry) if run.status == "ok" else None
    if run.status == "ok" and status is None:
        raise RelscaleError(f"{entry.items}: deleted while the job ran; run it again")
    return Score(
        name=run.name,
        run_key=run.key,
        suite=entry.suite.name,
        items=None if status is None else str(entry.items),
        bytes=None if status is None else entry.items.stat().st_size,
        status=run.status,
        cut=0 if status is None else pc.sum(pc.equal(status, "context cut")).as_py() or 0,
    )


def items_key(run_key: str, suite: str, options: "Scoring") -> str:
    """The name of a run's items in the store; ``suite`` is a suite's ``scored_digest``."""
    numeric = {name: getattr(options, name) for name in NUMERIC_OPTIONS}
    if options.quantization != "none":
        numeric["quantization"] = options.quantization
    device = _device_kind(options.device)
    return digest([run_key, suite, code_digest("relscale.scoring.job"), numeric, device])


def _score(missing: Sequence[Entry], options: "Scoring") -> None:
    """Score entries on one device, or divide their tasks among several, with one process per device."""
    devices = _devices(options.device)
    if len(devices) == 1:
        _score_share(missing, options, devices[0], 0, 1)
    else:
        with ProcessPoolExecutor(len(devices), get_context("spawn"), end_with_parent) as pool:
            shares = [
                pool.submit(_score_share, missing, options, device, share, len(devices))
                for share, device in enumerate(devices)
            ]
            for share in shares:
                share.result()
    for entry in missing:
        join_parts(entry)


def _devices(device: str | Sequence[str]) -> list[str]:
    """The requested devices; for auto, all GPUs, else the processor."""
    if device != "auto":
        return [device] if isinstance(device, str) else list(device)
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]


def _device_kind(device: str | Sequence[str]) -> list[str]:
    """The kinds of the scoring devices, whose results differ in the last digits."""
    if device == "auto":
        return ["cuda" if has_gpu() else "cpu"]
    return sorted({name.partition(":")[0] for name in ([device] if isinstance(device, str) else device)})


def _score_share(missing: Sequence[Entry], options: "Scoring", device: str, share: int, shares: int) -> None:
    """Score every ``shares``-th task of each entry, starting at ``share``, and write the items as parts."""
    # Imported here, so that a job without work does not load torch and transformers, which takes seconds.
    import torch

    from relscale.scoring.encoding import Encoder
    from relscale.scoring.engine import Engine

    torch.set_num_threads(max(1, options.threads // shares))
    engine_options = {name: getattr(options, name) for name in ENGINE_OPTIONS}
    encoders: dict[str, Encoder] = {}
    engine: tuple[str, Engine] | None = None
    job_label = f"{share}-of-{shares}"
    for entry in missing:
        with locked(entry.lock(job_label)):  # another job may have scored them meanwhile
            with locked(entry.lock()):
                if read_statuses(entry) is not None:
                    continue
                finished = set(read_parts(entry)["number"].to_pylist())
            missing_tasks = [
                number for number in entry.suite.rows if number % shares == share and number not in finished
            ]
            if not missing_tasks:
                continue
            if engine is None or engine[0] != entry.run.path:
                path = entry.run.path
                _check_model(Path(path), entry.items.parents[1])
                engine = path, Engine(path, device=device, encoders=encoders, **engine_options)
            _score_tasks(engine[1], entry, missing_tasks, job_label)


def _check_model(folder: Path, store: Path) -> None:
    """Verify the digests of a model's files, if it has any; a damaged model in the store is moved aside.

    Raises
    ------
    Damaged
        A file differs from its digest.
    """
    if not (folder / CHECKSUMS).is_file():
        return
    try:
        check_digests(folder, [name for name in listed(folder) if "/" not in name])
    except Damaged as error:
        run = next((parent for parent in (folder, *folder.parents) if parent.parent == store / "runs"), None)
        if run is None:
            remedy = f"copy the model again, or delete its {CHECKSUMS} if the change was intended"
        else:
            remedy = f"moved to {set_aside(run)}: the same snakemake command trains it again"
        raise Damaged(error.path, error.reason, remedy) from None


def _score_tasks(engine: "Engine", entry: Entry, tasks: Sequence[int], share: str) -> None:
    """Score some tasks of an entry, by their numbers, and write the items as parts."""
    from relscale.scoring.score import score_requests

    suite = entry.suite
    manifest = read_manifest(suite.folder)
    unwritten: list[pa.Table] = []
    items = 0
    start = written = time.monotonic()
    for number, requests in zip(tasks, read_requests(suite.folder, tasks), strict=True):
        scored = score_requests(engine, suite.name, requests, manifest.windows(requests[0].prompt))
        unwritten.append(numbered(scored, number))
        items += len(requests)
        if time.monotonic() - written > SECONDS_BETWEEN_PARTS:
            write_part(entry, unwritten, share)
            unwritten, written = [], time.monotonic()
    if unwritten:
        write_part(entry, unwritten, share)
    seconds = time.monotonic() - start
    name = f"{entry.run.name}, {suite.name}"
    print(f"{name}: {items:,} items in {seconds:.1f} s, of {len(tasks)} tasks", file=sys.stderr)
