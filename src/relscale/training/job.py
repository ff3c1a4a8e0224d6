"""Train the runs of one job, each once: finished runs lie in a store, by their keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relscale.atomic import locked, write_text
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.key import run_key, tokens_digest


def train_job(
    runs: list[Run],
    tokens: Path,
    vocabulary: Path,
    store: Path,
    options: dict[str, Any],
    output: Path,
    report: Callable[[str], None] = print,
) -> list[dict[str, str]]:
    """Train ``runs`` one after another, those in the store excepted, and write the job's manifest.

    Parameters
    ----------
    runs
        The job's part of the plan, all of one corpus.
    tokens, vocabulary
        Folders of the token store and of the tokenizer.
    store
        Finished runs go to ``store/runs/<key>``.
    options
        The config's section ``training``.
    output
        The manifest: a list of ``{"name", "key", "path", "status"}``, in the order of ``runs``.
    report
        Is told of each run, in one line, when it is done.

    Raises
    ------
    RelscaleError
        A run would see its corpus more than ``options["max_epochs"]`` times; nothing is trained then.
    """
    check_epochs(runs, tokens, options.get("max_epochs", 1.0))
    data = tokens_digest(tokens)
    manifest = []
    for run in runs:
        key = run_key(run, data, options)
        folder = store / "runs" / key
        with locked(store / "locks" / f"{key}.lock"):
            record = read_record(folder)
            verb = "trained" if record is None else "found"
            if record is None:
                from relscale.training.run import train_run  # torch and Lightning take seconds to import

                record = train_run(run, tokens, vocabulary, folder, options)
        loss = record["validation_loss"]
        outcome = f"loss {loss:.4f}" if record["status"] == "ok" else record["status"]
        report(f"{verb} {run.name}: {record['seconds']:.1f} s, {outcome}")
        manifest.append({"name": run.name, "key": key, "path": str(folder), "status": record["status"]})
    write_text(output, json.dumps(manifest, indent=2) + "\n")
    return manifest


def check_epochs(runs: list[Run], tokens: Path, max_epochs: float) -> None:
    """Refuse a plan that would repeat its corpus too often."""
    store = TokenStore.open(tokens)
    for run in runs:
        epochs = store.passes(run.tokens)
        if epochs > max_epochs:
            raise RelscaleError(
                f"{run.name}: its {run.tokens:,} tokens are {epochs:.2f} passes over {tokens}; give it more text, a "
                f"smaller budget or wider models, or raise training.max_epochs (now {max_epochs:g})"
            )


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a finished run, None where there is none."""
    path = folder / "run.json"
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record
