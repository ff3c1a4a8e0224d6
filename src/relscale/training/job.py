"""Train the runs of one job, each once: finished runs lie in a store, by their keys."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relscale.checksums import is_whole, set_aside
from relscale.design.cost import Hardware
from relscale.design.placement import Placement, place, place_together
from relscale.design.run import Run
from relscale.entries import write_entries
from relscale.errors import Damaged, RelscaleError
from relscale.process import end_with_parent
from relscale.tokens.store import TokenStore
from relscale.training.devices import Devices, connect, one_of_several
from relscale.training.interruption import Interruption, interruptible
from relscale.training.key import run_key, tokens_digest
from relscale.training.ownership import owned
from relscale.training.state import CHECKPOINTS, RECORD, remove_state, state_folder

ANY = Hardware(flops_per_second=1.0)  # one processor, of which nothing is known


def train_job(
    runs: list[Run],
    tokens: Path,
    vocabulary: Path,
    store: Path,
    options: dict[str, Any],
    output: Path,
    report: Callable[[str], None] = print,
    parent: int | None = None,
    hardware: Hardware = ANY,
) -> list[dict[str, str]]:
    """Train ``runs`` one after another, those in the store excepted, and write the job's manifest.

    Where a run takes several devices, a process trains on each: the first starts the others with its own command, or
    something outside has started all. The others train what the first tells them, and return an empty manifest.

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
        The manifest: a list of ``{"name", "key", "path", "status", "training"}``, in the order of ``runs``, each
        followed by the checkpoints that were kept on its way; ``training`` is the name of the run.
    report
        Is told of each run, in one line, when it is done.
    parent
        The process that ordered the job; when it is gone, the job stops.
    hardware
        What there is, for what the options leave to the plan.

    Raises
    ------
    Interrupted
        It was asked to stop (``relscale.training.interruption``); the run under way has saved its state.
    RelscaleError
        A run would see its corpus more than ``options["max_epochs"]`` times, or fits no placement; nothing is trained
        then.
    """
    check_epochs(runs, tokens, options.get("max_epochs", 1.0))
    data = tokens_digest(tokens)
    manifest = []
    with interruptible(parent) as interruption:
        job = Job(runs, tokens, vocabulary, store, data, options, interruption, parent, hardware)
        if one_of_several(job.placement.devices) and job.devices().rank > 0:
            _train_along(job)
            return []
        for number, run in enumerate(runs):
            folder = job.folder(run)
            record = read_record(folder)
            verb = "trained" if record is None else "found"
            if record is None or state_folder(folder).is_dir():
                record = _train(job, number)
            loss = record["validation_loss"]
            outcome = f"loss {loss:.4f}" if record["status"] == "ok" else record["status"]
            report(f"{verb} {run.name}: {record['seconds']:.1f} s, {outcome}")
            manifest += _entries(run, folder, record)
            if interruption.reason:
                break
        job.dismiss()
        interruption.check()
    write_entries(output, manifest)
    return manifest


@dataclass
class Job:
    """What the runs of a job share, and the devices once they are needed."""

    runs: list[Run]
    tokens: Path
    vocabulary: Path
    store: Path
    data: str
    options: dict[str, Any]
    interruption: Interruption
    parent: int | None
    hardware: Hardware
    placement: Placement = field(init=False)
    _devices: Devices | None = None
    _tokens_checked: bool = False

    def __post_init__(self) -> None:
        """Devices are as many as the run asks for that needs most."""
        self.placement = place_together(self.runs, self.hardware, self.options)

    def folder(self, run: Run) -> Path:
        """Where the result of a run lies."""
        return self.store / "runs" / run_key(run, self.data, self.options)

    def devices(self) -> Devices:
        """The devices; where they are several, each has its process from here on."""
        if self._devices is None:
            nodes = self.placement.nodes if self.hardware.gpus_per_node else 1
            self._devices = connect(self.placement.strategy, self.placement.devices, nodes)
        return self._devices

    def check_tokens(self) -> None:
        """Hold the tokens against their digests, once, before the first training; what is damaged is set aside.

        Raises
        ------
        Damaged
            A file is not what was written.
        """
        if self._tokens_checked:
            return
        try:
            TokenStore.open(self.tokens).check()
        except Damaged as error:
            remedy = f"moved to {set_aside(error.path.parent)}: the same snakemake command makes it again"
            raise Damaged(error.path, error.what, remedy) from None
        self._tokens_checked = True

    def dismiss(self) -> None:
        """Tell the processes that train along that there is nothing more to do."""
        if self._devices is not None:
            self._devices.told(None)

    def train(self, number: int, still_owned: Callable[[], None]) -> dict[str, Any] | None:
        """Train a run on these devices; None where it was stopped before its end."""
        from relscale.training.run import train_run  # torch takes seconds to import

        run, chosen = (
            self.runs[number],
            {"devices": self.placement.devices, "strategy": self.placement.strategy},
        )
        placement = place(run, self.hardware, {**self.options, **chosen})
        options = {
            **self.options,
            "micro_batch": placement.micro_batch,
            "activation_checkpointing": placement.activation_checkpointing,
        }
        return train_run(
            run,
            self.tokens,
            self.vocabulary,
            self.folder(run),
            options,
            self.devices(),
            lambda: self.interruption.reason is not None,
            still_owned,
        )


def _train(job: Job, number: int) -> dict[str, Any]:
    """Train a run, unless another process has by the time that this one may."""
    folder = job.folder(job.runs[number])
    unfinished = state_folder(folder)
    with owned(unfinished, job.parent, job.interruption.check, _say) as still_owned:
        record = read_record(folder)
        if record is None:
            if folder.is_dir():
                _say(f"{folder}: damaged, moved to {set_aside(folder)}, so that it is trained again")
            job.check_tokens()
            job.devices().told(number)
            record = job.train(number, still_owned)
        if record is None:
            job.dismiss()
            job.interruption.check()
            raise AssertionError("a device stopped that nothing had asked to")
        remove_state(unfinished)
    return record


def _train_along(job: Job) -> None:
    """What the other processes do: train each run that the first tells of."""
    end_with_parent()
    while (number := job.devices().told(None)) is not None:
        job.train(number, lambda: None)


def _entries(run: Run, folder: Path, record: dict[str, Any]) -> list[dict[str, str]]:
    """A run in the manifest, and the checkpoints on its way, by step."""
    kept = [read_record(path) for path in (folder / CHECKPOINTS).glob("step-*")]
    records = [record, *sorted(filter(None, kept), key=lambda each: each["step"])]
    paths = [folder, *(folder / CHECKPOINTS / f"step-{each['step']}" for each in records[1:])]
    return [
        {
            "name": each["name"],
            "key": each["key"],
            "path": str(path),
            "status": each["status"],
            "training": run.name,
        }
        for each, path in zip(records, paths, strict=True)
    ]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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
    """The record of a finished run, None where there is none, or files of the run are missing or of another size."""
    if not is_whole(folder, RECORD):
        return None
    record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return record
