"""Many checkpoints on many suites: what is in the store already is not scored again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relscale.atomic import write_text
from relscale.errors import RelscaleError
from relscale.provenance import code_digest, digest, file_digest
from relscale.scoring.manifest import FILE, read_manifest
from relscale.tables import write_table

# Options that change numbers; the others only change how fast they come.
NUMERIC_OPTIONS = ("dtype",)


def score_job(
    runs: Sequence[str | Path],
    suites: Sequence[str | Path],
    store: str | Path,
    options: dict[str, Any],
    output: str | Path,
) -> list[dict[str, Any]]:
    """Score every finished run on every suite, and write the manifest that points to the items.

    Parameters
    ----------
    runs
        Run manifests (JSON), as training writes them: a list of name, key, path and status.
    suites
        Folders of prepared suites.
    store
        Items go to ``store/items/<key>.parquet``. The key depends on the run, the suite's tasks and data, this code
        and the options that change numbers, so a job that was stopped goes on where it was.
    options
        ``batch_tokens``, ``threads``, ``dtype`` and ``device``, each with a default; others are ignored.
    output
        The score manifest (JSON), a list of name, run_key, suite, items and status. A run that
        diverged has no items and keeps its status.

    Returns
    -------
    list
        The manifest.

    Raises
    ------
    RelscaleError
        A manifest is missing, a run is no checkpoint, or a suite cannot be used.
    """
    entries = []
    contents = {suite: scored_digest(suite) for suite in suites}
    for run in [run for path in runs for run in _run_manifest(path)]:
        for suite in suites:
            key = items_key(run["key"], contents[suite], options)
            entries.append((run, suite, Path(store) / "items" / f"{key}.parquet"))
    missing = [entry for entry in entries if entry[0]["status"] == "ok" and not entry[2].is_file()]
    if missing:
        _score(missing, options)
    manifest = [
        {
            "name": run["name"],
            "run_key": run["key"],
            "suite": Path(suite).name,
            "items": str(items) if run["status"] == "ok" else None,
            "status": run["status"],
        }
        for run, suite, items in entries
    ]
    write_text(output, json.dumps(manifest, indent=1) + "\n")
    return manifest


def items_key(run_key: str, suite: str, options: dict[str, Any]) -> str:
    """The name of a run's items in the store; ``suite`` is a suite's ``scored_digest``."""
    numeric = {name: options[name] for name in NUMERIC_OPTIONS if name in options}
    return digest([run_key, suite, code_digest("relscale.scoring.job"), numeric])


def scored_digest(suite: str | Path) -> str:
    """Digest of all in a prepared suite that items depend on: its tasks and data, not its title or its labels."""
    folder = Path(suite)
    manifest = read_manifest(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    contents = [(path.relative_to(folder).as_posix(), file_digest(path)) for path in files]
    return digest([folder.name, contents, {name: vars(task) for name, task in manifest.tasks.items()}])


def _score(missing: Sequence[tuple[dict[str, Any], str | Path, Path]], options: dict[str, Any]) -> None:
    # Imported here: with nothing to score, a job takes no seconds for torch, transformers and lm-eval.
    import torch

    from relscale.scoring.encoding import Encoder
    from relscale.scoring.engine import Engine
    from relscale.scoring.requests import suite_requests
    from relscale.scoring.score import score_checkpoint

    torch.set_num_threads(options.get("threads", 1))
    requests = {suite: suite_requests(suite) for suite in dict.fromkeys(suite for _, suite, _ in missing)}
    encoders: dict[str, Encoder] = {}
    loaded: tuple[str, Engine] | None = None
    for run, suite, items in missing:
        if loaded is None or loaded[0] != run["path"]:
            engine = {name: options[name] for name in ("dtype", "device", "batch_tokens") if name in options}
            loaded = (run["path"], Engine(run["path"], **engine, encoders=encoders))
        write_table(score_checkpoint(loaded[1], Path(suite).name, requests[suite]), items)


def _run_manifest(path: str | Path) -> list[dict[str, Any]]:
    try:
        runs: list[dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))
        return [{key: run[key] for key in ("name", "key", "path", "status")} for run in runs]
    except OSError as error:
        raise RelscaleError(f"{path}: no such run manifest; train first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RelscaleError(
            f"{path}: not a run manifest; it should list name, key, path and status"
        ) from error
