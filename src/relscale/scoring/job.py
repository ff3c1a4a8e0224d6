"""Score checkpoints on suites; items that are already in the store are not scored again.

The items of a run and suite are written in parts, task by task; after a kill the next job resumes with the missing
tasks. The complete table finally replaces the parts. If several jobs have the same entry, one scores it while the
others wait. Existing items are used only if their digest is intact and there are as many as the suite has requests.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import Damaged, RelscaleError
from relscale.gpu import has_gpu
from relscale.provenance import code_digest, digest, file_digest
from relscale.scoring.items import SCHEMA
from relscale.scoring.manifest import read_manifest, suite_name
from relscale.scoring.requests import FILE, not_prepared, read_requests, request_counts
from relscale.scoring.scores import Score
from relscale.storage.atomic import remove, remove_all_partials
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.checksums import FILE as CHECKSUMS
from relscale.storage.checksums import check_digests, listed, set_aside
from relscale.storage.entries import write_entries
from relscale.storage.lock import locked
from relscale.storage.process import end_with_parent
from relscale.storage.tables import write_table
from relscale.training.manifest import TrainedModel

if TYPE_CHECKING:
    from relscale.scoring.engine import Engine
    from relscale.scoring.options import Scoring

# Options that change results; the others only change speed.
NUMERIC_OPTIONS = ("dtype",)
ENGINE_OPTIONS = ("dtype", "quantization", "batch_tokens", "use_safetensors", "trust_remote_code")
# Seconds of results that a killed job may lose, besides the current task; tasks of small models take milliseconds.
SECONDS_BETWEEN_PARTS = 1.0
KEY = b"relscale.items"  # metadata key in the schema of items: their name in the store


@dataclass(frozen=True)
class Suite:
    """The parts of a prepared suite on which its items depend.

    Attributes
    ----------
    folder
        Folder of the suite.
    name
        Name of the suite in the experiment.
    digest
        Its ``scored_digest``.
    rows
        The number of requests of each of its tasks, by the task's number.
    """

    folder: Path
    name: str
    digest: str
    rows: dict[int, int]

    @classmethod
    def read(cls, folder: Path) -> "Suite":
        """Read a suite, and verify the digests of its files.

        Raises
        ------
        RelscaleError
            The suite was not prepared, or is damaged.
        """
        content = scored_digest(folder)
        return cls(folder, suite_name(folder), content, request_counts(folder))


@dataclass(frozen=True)
class Entry:
    """One run on one suite, and the path of its items."""

    run: TrainedModel
    suite: Suite
    items: Path

    @property
    def parts(self) -> Path:
        """The folder of the parts, while a job runs."""
        return self.items.with_suffix(".parts")

    def lock(self, share: str = "all") -> Path:
        """Lock of a job that scores a share of the tasks, or reads all and joins them."""
        return self.items.parents[1] / "locks" / f"items-{self.items.stem}-{share}.lock"


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
            _join(entry)
    manifest = [_described(entry) for entry in entries]
    write_entries(output, manifest)
    return manifest


def read_statuses(entry: Entry) -> pa.ChunkedArray | None:
    """The status of each item of an entry; None if there are none or they are damaged, in which case they are deleted.

    Each request of the suite must occur once, and the file's metadata must name this entry.
    """
    try:
        table = read_parquet(entry.items, ["status"])
        if (table.schema.metadata or {}).get(KEY) != entry.items.stem.encode():
            raise Damaged(entry.items, "the items of another run or suite")
        if table.num_rows != sum(entry.suite.rows.values()):
            raise Damaged(entry.items, f"{table.num_rows:,} items of {sum(entry.suite.rows.values()):,}")
    except FileNotFoundError:
        return None
    except Damaged as error:
        print(f"{entry.items}: damaged ({error.reason}); scoring them again", file=sys.stderr)
        remove(entry.items)
        return None
    return table["status"]


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


def scored_digest(suite: str | Path) -> str:
    """Digest of the parts of a prepared suite that items depend on: its requests and windows, not its title or labels.

    Raises
    ------
    RelscaleError
        The suite was not prepared, or is damaged.
    """
    folder = Path(suite)
    if not (folder / FILE).is_file():
        raise not_prepared(folder)
    check_digests(folder)
    manifest = read_manifest(folder)
    windows = {task.prompt: manifest.windows(task.prompt) for task in manifest.tasks.values()}
    return digest([folder.name, file_digest(folder / FILE), windows])


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
        _join(entry)


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
                finished = set(_parts(entry)["number"].to_pylist())
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
        unwritten.append(_numbered(scored, number))
        items += len(requests)
        if time.monotonic() - written > SECONDS_BETWEEN_PARTS:
            _write_part(entry, unwritten, share)
            unwritten, written = [], time.monotonic()
    if unwritten:
        _write_part(entry, unwritten, share)
    seconds = time.monotonic() - start
    name = f"{entry.run.name}, {suite.name}"
    print(f"{name}: {items:,} items in {seconds:.1f} s, of {len(tasks)} tasks", file=sys.stderr)


def _numbered(items: pa.Table, number: int) -> pa.Table:
    return items.append_column("number", pa.array([number] * items.num_rows, pa.int32()))


def _write_part(entry: Entry, tables: Sequence[pa.Table], share: str) -> None:
    """Write tasks as one part, named after the first of them and the share, so that jobs with another number of shares
    write other parts.
    """
    part = pa.concat_tables(tables)
    write_table(part, entry.parts / f"{part['number'][0]}-{share}.parquet", durable=False)


def _parts(entry: Entry) -> pa.Table:
    """The items of all parts with the number of their task; a task in two parts is read once.

    Damaged parts are deleted, and incomplete tasks are ignored.
    """
    tables = [_numbered(SCHEMA.empty_table(), 0)]
    seen_requests: set[int] = set()
    for path in sorted(entry.parts.glob("*.parquet")):
        try:
            part = read_parquet(path)
        except Damaged as error:
            print(f"{path}: damaged ({error.reason}); scoring it again", file=sys.stderr)
            remove(path)
            continue
        counts = Counter(part["number"].to_pylist())
        new_requests = {
            number for number, rows in counts.items() if entry.suite.rows.get(number) == rows
        } - seen_requests
        tables.append(part.filter(pc.is_in(part["number"], pa.array(sorted(new_requests), pa.int32()))))
        seen_requests |= new_requests
    return pa.concat_tables(tables)


def _join(entry: Entry) -> None:
    """Join the parts into the items of an entry, in the order of its tasks, unless another job has done so.

    Raises
    ------
    RelscaleError
        Tasks are missing.
    """
    with locked(entry.lock()):
        if read_statuses(entry) is None:
            parts = _parts(entry)
            missing = entry.suite.rows.keys() - set(parts["number"].to_pylist())
            if missing:
                raise RelscaleError(
                    f"{entry.parts}: {len(missing)} of {len(entry.suite.rows)} tasks are missing; run it again"
                )
            order = pc.sort_indices(parts["number"])  # stable
            items = parts.take(order).drop_columns("number")
            write_table(items.replace_schema_metadata({KEY: entry.items.stem.encode()}), entry.items)
        for path in entry.parts.glob("*.parquet"):
            remove(path)
        remove_all_partials(entry.parts)
        with suppress(OSError):  # a job with other shares may still be running, and deletes its own parts
            entry.parts.rmdir()
