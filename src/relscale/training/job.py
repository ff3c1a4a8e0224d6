"""Train the runs of one job; finished runs are looked up in the store by their keys."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from relscale.design.options import Hardware
from relscale.design.placement import Placement, place, place_together
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.storage.checksums import set_aside
from relscale.storage.entries import write_entries
from relscale.storage.process import end_with_parent
from relscale.training.branches import furthest_token
from relscale.training.data import TrainingData
from relscale.training.interruption import Control, Interruption, interruptible
from relscale.training.key import run_key
from relscale.training.manifest import TrainedModel
from relscale.training.options import Training, check_logger
from relscale.training.ownership import owned
from relscale.training.processes import is_distributed
from relscale.training.record import TrainingRecord, read_records
from relscale.training.state import remove_state, state_folder

if TYPE_CHECKING:  # torch takes seconds to import, and a job without untrained runs does not need it
    from relscale.training.fabric import Fabric

UNKNOWN = Hardware(flops_per_second=1.0)  # one processor of unknown speed


@dataclass(frozen=True)
class Job:
    """Runs to train in sequence.

    Attributes
    ----------
    runs
        A part of the plan, all of one corpus.
    data
        Training and validation data.
    store
        Finished runs go to ``store/runs/<key>``.
    options
        The config's section ``training``.
    hardware
        The config's section ``hardware``, for options that are ``auto``.
    """

    runs: Sequence[Run]
    data: TrainingData
    store: Path
    options: Training
    hardware: Hardware = UNKNOWN

    def folder(self, run: Run) -> Path:
        """Folder of a run's result."""
        return self.store / "runs" / run_key(run, self.data.digest, self.options)

    def check_epochs(self) -> None:
        """Refuse a run that would see its corpus more than ``options.max_epochs`` times."""
        store, most = self.data.store(), self.options.max_epochs
        for run in self.runs:
            tokens = furthest_token(run, self.options.branches)
            epochs = store.passes(tokens)
            if epochs > most:
                raise RelscaleError(
                    f"{run.name}: its {tokens:,} tokens are {epochs:.2f} passes over {self.data.tokens}; give it "
                    f"more text, a smaller budget or wider models, or raise training.max_epochs (now {most:g})"
                )


def train_job(
    job: Job, output: Path, report: Callable[[str], None] = print, parent: int | None = None
) -> list[TrainedModel]:
    """Train a job's runs, except those in the store, and write its manifest.

    On several devices, one process per device trains a run: the first starts the others with its own command, unless
    they were started externally. The others train the runs that the first announces, and return an empty manifest.

    Parameters
    ----------
    job
        The runs.
    output
        The manifest (`relscale.training.manifest.TrainedModel`), in the order of the runs, each followed by its
        intermediate checkpoints.
    report
        Called with one line per finished run.
    parent
        Process that started the job; when it ends, the job stops.

    Raises
    ------
    Interrupted
        A stop was requested (``relscale.training.interruption``); the state of the current run is saved.
    RelscaleError
        A run would see its corpus more than ``options.max_epochs`` times or does not fit the hardware, or the logger is
        not installed; checked before training.
    """
    job.check_epochs()
    check_logger(job.options.logger)
    manifest = []
    with interruptible(parent) as interruption:
        trainer = _Trainer(job, interruption, parent)
        if is_distributed(trainer.placement.devices) and trainer.fabric().global_rank > 0:
            trainer.follow()
            return []
        for number, run in enumerate(job.runs):
            folder = job.folder(run)
            records = read_records(folder)
            verb = "trained" if records is None else "found"
            if records is None or state_folder(folder).is_dir():
                records = trainer.train_once(number)
            record = records[folder]
            outcome = f"loss {record.validation_loss:.4f}" if record.status == "ok" else record.status
            report(f"{verb} {run.name}: {record.seconds:.1f} s, {outcome}")
            manifest += _entries(run, records)
            if interruption.reason:
                break
        trainer.announce(None)
        interruption.check()
    write_entries(output, manifest)
    return manifest


@dataclass
class _Trainer:
    """One process of a job, with its devices once they are needed."""

    job: Job
    interruption: Interruption
    parent: int | None
    placement: Placement = field(init=False)  # of the run with the largest requirements
    _fabric: "Fabric | None" = None
    _data_checked: bool = False

    def __post_init__(self) -> None:
        self.placement = place_together(self.job.runs, self.job.hardware, self.job.options)

    def fabric(self) -> "Fabric":
        """The devices, with one process per device."""
        if self._fabric is None:
            from relscale.training.fabric import launch

            nodes = self.placement.nodes if self.job.hardware.gpus_per_node else 1
            self._fabric = launch(self.placement.strategy, self.placement.devices, nodes)
        return self._fabric

    def announce(self, number: int | None) -> int | None:
        """Broadcast the number of the next run from the first process; None at the end."""
        if self._fabric is None:
            return number
        return self._fabric.broadcast(number)

    def follow(self) -> None:
        """Train each run that the first process announces."""
        end_with_parent()
        while (number := self.announce(None)) is not None:
            self.train(number, lambda: None)

    def train_once(self, number: int) -> dict[Path, TrainingRecord]:
        """Train a run under its lock, unless another process has done so meanwhile; returns its records."""
        folder = self.job.folder(self.job.runs[number])
        unfinished = state_folder(folder)
        with owned(unfinished, self.parent, self.interruption.check, _report) as still_owned:
            records = read_records(folder)
            if records is None:
                if folder.is_dir():
                    _report(f"{folder}: damaged, moved to {set_aside(folder)}; training it again")
                self.check_data()
                self.fabric()
                self.announce(number)
                if self.train(number, still_owned) is None:
                    self.announce(None)
                    self.interruption.check()
                    raise AssertionError("a device stopped without a request")
                records = read_records(folder)
                if records is None:
                    raise RelscaleError(f"{folder}: the run is incomplete; train it again")
            remove_state(unfinished)
        return records

    def check_data(self) -> None:
        """Compare the tokens with their digests, once, before the first training."""
        if not self._data_checked:
            self.job.data.check()
            self._data_checked = True

    def train(self, number: int, still_owned: Callable[[], None]) -> TrainingRecord | None:
        """Train a run on these devices; None if it was interrupted."""
        from relscale.training.run import train_run  # torch takes seconds to import

        run, options = self.job.runs[number], self.job.options
        devices = {"devices": self.placement.devices, "strategy": self.placement.strategy}
        placement = place(run, self.job.hardware, options.model_copy(update=devices))
        placed = {
            "micro_batch": placement.micro_batch,
            "activation_checkpointing": placement.activation_checkpointing,
        }
        control = Control(lambda: self.interruption.reason is not None, still_owned)
        options, fabric = options.model_copy(update=placed), self.fabric()
        # DDP, compilation and recomputation tie a model into reference cycles, and collections are rare (relscale.cli):
        # its memory is freed before the next run. Older objects are not searched for cycles.
        gc.freeze()
        try:
            return train_run(run, self.job.data, self.job.folder(run), options, fabric, control)
        finally:
            gc.collect()


def _entries(run: Run, records: Mapping[Path, TrainingRecord]) -> list[TrainedModel]:
    """Manifest entries of a run and of its checkpoints, by step."""
    return [
        TrainedModel(
            name=record.name, key=record.key, path=str(path), status=record.status, training=run.name
        )
        for path, record in records.items()
    ]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
