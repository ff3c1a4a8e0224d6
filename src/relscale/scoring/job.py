"""Many checkpoints on many suites: what is in the store already is not scored again.

The items of a run and suite are written task by task, as parts; a job that is killed leaves them, and the next goes on
with the tasks that no part holds. The whole replaces them at the end.
"""

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from relscale.atomic import locked, remove, write_text
from relscale.errors import RelscaleError
from relscale.process import end_with_parent
from relscale.provenance import code_digest, digest, file_digest
from relscale.scoring.items import SCHEMA
from relscale.scoring.manifest import read_manifest, suite_name
from relscale.scoring.requests import FILE, not_prepared, read_requests
from relscale.tables import write_table

if TYPE_CHECKING:
    from relscale.scoring.engine import Engine

# Options that change numbers; the others only change how fast they come.
NUMERIC_OPTIONS = ("dtype",)
ENGINE_OPTIONS = ("dtype", "batch_tokens", "use_safetensors", "trust_remote_code")
# Tasks of small models take milliseconds; so much may be lost where a job is killed, beside the task under way.
SECONDS_BETWEEN_PARTS = 1.0


@dataclass(frozen=True)
class Entry:
    """One run on one suite, and where its items go."""

    run: dict[str, Any]
    suite: Path
    items: Path

    @property
    def parts(self) -> Path:
        """The folder of the parts, while a job goes on."""
        return self.items.with_suffix(".parts")


def score_job(
    runs: Sequence[dict[str, Any]],
    suites: Sequence[str | Path],
    store: str | Path,
    options: dict[str, Any],
    output: str | Path,
) -> list[dict[str, Any]]:
    """Score every finished run on every suite, and write the manifest that points to the items.

    Parameters
    ----------
    runs
        Each with name, key, path and status, as in a training job's manifest.
    suites
        Folders of prepared suites.
    store
        Items go to ``store/items/<key>.parquet``. The key depends on the run, the suite's requests, this code and the
        options that change numbers.
    options
        ``batch_tokens``, ``threads``, ``dtype``, ``device`` (one, or a list of them: a process each),
        ``use_safetensors`` and ``trust_remote_code``, each with a default; others are ignored.
    output
        The score manifest (JSON), a list of name, run_key, suite, items, status and cut (items of which the context
        did not fit). A run that diverged has no items and keeps its status.

    Returns
    -------
    list
        The manifest.

    Raises
    ------
    RelscaleError
        A run is no checkpoint, or a suite is not prepared.
    """
    contents = {suite: scored_digest(suite) for suite in suites}
    entries = [
        Entry(
            run,
            Path(suite),
            Path(store) / "items" / f"{items_key(run['key'], contents[suite], options)}.parquet",
        )
        for run in runs
        for suite in suites
    ]
    missing = [entry for entry in entries if entry.run["status"] == "ok" and not entry.items.is_file()]
    if missing:
        _score(missing, options)
    manifest = [_told(entry) for entry in entries]
    write_text(output, json.dumps(manifest, indent=1) + "\n")
    return manifest


def read_runs(path: str | Path) -> list[dict[str, Any]]:
    """The models of a training job's manifest: name, key, path and status of each, and ``training``, the run's name.

    Raises
    ------
    RelscaleError
        There is no such manifest.
    """
    try:
        runs: list[dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))
        needed = ("name", "key", "path", "status")
        return [
            {key: run[key] for key in needed} | {"training": run.get("training", run["name"])} for run in runs
        ]
    except OSError as error:
        raise RelscaleError(f"{path}: no such run manifest; train first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RelscaleError(
            f"{path}: not a run manifest; it should list name, key, path and status"
        ) from error


def _told(entry: Entry) -> dict[str, Any]:
    ok = entry.run["status"] == "ok"
    cut = 0
    if ok:
        status = pyarrow.parquet.read_table(entry.items, columns=["status"])["status"]
        cut = pc.sum(pc.equal(status, "context cut")).as_py() or 0
    return {
        "name": entry.run["name"],
        "run_key": entry.run["key"],
        "suite": suite_name(entry.suite),
        "items": str(entry.items) if ok else None,
        "status": entry.run["status"],
        "cut": cut,
    }


def items_key(run_key: str, suite: str, options: dict[str, Any]) -> str:
    """The name of a run's items in the store; ``suite`` is a suite's ``scored_digest``."""
    numeric = {name: options[name] for name in NUMERIC_OPTIONS if name in options}
    return digest([run_key, suite, code_digest("relscale.scoring.job"), numeric])


def scored_digest(suite: str | Path) -> str:
    """Digest of all in a prepared suite that items depend on: its requests and windows, not its title or its labels."""
    folder = Path(suite)
    if not (folder / FILE).is_file():
        raise not_prepared(folder)
    return digest([folder.name, file_digest(folder / FILE), read_manifest(folder).windows])


def _score(missing: Sequence[Entry], options: dict[str, Any]) -> None:
    """Score entries on one device, or their tasks dealt out to several, a process each."""
    devices = _devices(options.get("device", "auto"))
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
    """Every GPU there is, else the processor; or what was asked for."""
    if device != "auto":
        return [device] if isinstance(device, str) else list(device)
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]


def _score_share(
    missing: Sequence[Entry], options: dict[str, Any], device: str, share: int, shares: int
) -> None:
    """Score every ``shares``-th task of each entry, from ``share`` on, and write the items as parts."""
    # Imported here: with nothing to score, a job takes no seconds for torch and transformers.
    import torch

    from relscale.scoring.encoding import Encoder
    from relscale.scoring.engine import Engine

    torch.set_num_threads(max(1, options.get("threads", 1) // shares))
    chosen = {name: options[name] for name in ENGINE_OPTIONS if name in options}
    encoders: dict[str, Encoder] = {}
    engine: tuple[str, Engine] | None = None
    for entry in missing:
        with locked(
            entry.parts / f"{share}.lock"
        ):  # another job may be at it; then there is nothing left to do
            if entry.items.is_file():
                continue
            if engine is None or engine[0] != entry.run["path"]:
                path = entry.run["path"]
                engine = path, Engine(path, device=device, encoders=encoders, **chosen)
            _score_tasks(engine[1], entry, share, shares)


def _score_tasks(engine: "Engine", entry: Entry, share: int, shares: int) -> None:
    from relscale.scoring.score import score_requests

    windows = read_manifest(entry.suite).windows
    own = f"{share}-of-{shares}"
    finished = set(_parts(entry)["number"].to_pylist())
    waiting: list[pa.Table] = []
    items = 0
    begun = written = time.monotonic()
    for number, requests in enumerate(read_requests(entry.suite)):
        if number % shares != share or number in finished:
            continue
        scored = score_requests(engine, suite_name(entry.suite), requests, windows)
        waiting.append(_numbered(scored, number))
        items += len(requests)
        if time.monotonic() - written > SECONDS_BETWEEN_PARTS:
            _write_part(entry, waiting, own)
            waiting, written = [], time.monotonic()
    if waiting:
        _write_part(entry, waiting, own)
    seconds = time.monotonic() - begun
    name = f"{entry.run['name']}, {suite_name(entry.suite)}"
    print(f"{name}: {items:,} items in {seconds:.1f} s, {len(finished)} tasks done before", file=sys.stderr)


def _numbered(items: pa.Table, number: int) -> pa.Table:
    return items.append_column("number", pa.array([number] * items.num_rows, pa.int32()))


def _write_part(entry: Entry, tables: Sequence[pa.Table], share: str) -> None:
    """Write tasks as one part, named after the first of them and the share: whoever is at the same entry in shares of
    another number has parts of his own.
    """
    part = pa.concat_tables(tables)
    write_table(part, entry.parts / f"{part['number'][0]}-{share}.parquet")


def _parts(entry: Entry) -> pa.Table:
    """The items that parts hold, and the number of each one's task; a task that two parts hold comes once."""
    found = [_numbered(SCHEMA.empty_table(), 0)]
    seen: set[int] = set()
    for path in sorted(entry.parts.glob("*.parquet")):
        part = pyarrow.parquet.read_table(path)
        fresh = set(part["number"].to_pylist()) - seen
        found.append(part.filter(pc.is_in(part["number"], pa.array(sorted(fresh), pa.int32()))))
        seen |= fresh
    return pa.concat_tables(found)


def _join(entry: Entry) -> None:
    """Parts into the items of an entry, in the order of its tasks."""
    if not entry.items.is_file():
        parts = _parts(entry)
        order = pc.sort_indices(parts["number"])  # stable
        write_table(parts.take(order).drop_columns("number"), entry.items)
    remove(entry.parts)
