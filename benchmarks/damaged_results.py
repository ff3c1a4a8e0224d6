"""Damage results and store, and compare what is recomputed: a bit of a file, or a whole file of every kind.

    python benchmarks/damaged_results.py --flips 2000 --seed 0
    python benchmarks/damaged_results.py --files 40 --seed 0
    python benchmarks/damaged_results.py --all [--from 120]

``--flips``: a file with a flipped bit is read as a job reads it at its start; the reader must notice, or find the
content that was written. ``--files`` and ``--all``: a file is cut, emptied, deleted or has a bit flipped, and the
same command is given. Afterwards all results must have the digests that they had before, at once or, if a command
failed with one sentence, when it is given again. A damaged file that nothing had to read is found when it is read:
its readers' results are then deleted, and the command is given again.

Takes a second to a minute per file; quoted in docs/explanation/trust.md.
"""

import argparse
import collections
import hashlib
import itertools
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from command_line import command_line
from small_experiment import CONFIG, NOT_RESULTS, SmallExperiment
from tabulate import tabulate

from relscale.errors import RelscaleError
from relscale.scoring.manifest import read_manifest
from relscale.scoring.scores import Score
from relscale.storage.atomic import remove
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.checksums import FILE, check_digests
from relscale.storage.entries import read_entries
from relscale.tokens.store import TokenStore
from relscale.training.manifest import TrainedModel
from relscale.training.state import read_state, write_state

LIMIT = 600
KINDS = {  # what is damaged, and how a job reads it at its start
    "items": ("store/items/*.parquet", lambda path: read_parquet(path)),
    "measurements": ("small/measurements.parquet", lambda path: read_parquet(path)),
    "replicates": ("small/replicates.parquet", lambda path: read_parquet(path)),
    "fits": ("small/fits/*.parquet", lambda path: read_parquet(path)),
    "documents": ("small/corpora/*/documents.parquet", lambda path: read_parquet(path)),
    "requests": ("small/suites/*/requests.parquet", lambda path: checked(path)),
    "suite.yaml": ("small/suites/*/suite.yaml", lambda path: checked(path)),
    "weights": ("store/runs/*/model.safetensors", lambda path: checked(path)),
    "run.json": ("store/runs/*/run.json", lambda path: checked(path)),
    "tokenizer": ("small/vocabulary/tokenizer.json", lambda path: checked(path)),
    "tokens": ("small/tokens/*/train.bin", lambda path: tokens(path)),
    "validation tokens": ("small/tokens/*/validation.bin", lambda path: tokens(path)),
    "tokens' manifest": ("small/tokens/*/manifest.json", lambda path: tokens(path)),
    "lists of files": (f"s*/*/*/{FILE}", lambda path: checked(path)),
    "manifests of runs": ("small/runs/*/*.json", lambda path: read_entries(path, TrainedModel)),
    "manifests of scores": ("small/scores/*/*.json", lambda path: read_entries(path, Score)),
    "state": ("state.pt", lambda path: plain(read_state(path.parent))),
}


def main() -> None:
    """Print a table."""
    parser = command_line(__doc__)
    parser.add_argument("--flips", type=int, default=0)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the experiment stays for another time")
    parser.add_argument("--all", action="store_true", help="every file in every way")
    parser.add_argument("--from", type=int, default=0, dest="start", help="go on at this trial")
    parser.add_argument("--only", default="", help="files whose path has this in it")
    parser.add_argument("--real", type=int, default=20, help="every so many trials by the command line")
    parser.add_argument("--pictures", action="store_true", help="draw PNG, SVG and PDF too")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        if options.flips:
            experiment = SmallExperiment(folder)
            assert experiment.workflow().wait(LIMIT) == 0, experiment.said()
            flip(experiment, options.flips, random.Random(options.seed))
        if options.files or options.all:
            damage(options, folder)


def flip(experiment: SmallExperiment, flips: int, chance: random.Random) -> None:
    """Flip a bit of a file, read it, and flip it back; the kinds of files in turns."""
    write_state(experiment.folder / "results", {"weights": torch.randn(500), "history": {"done": 3}})
    os.chdir(experiment.folder)
    outcomes: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in KINDS}
    wanted: dict[Path, Any] = {}
    for number in range(flips):
        kind = list(KINDS)[number % len(KINDS)]
        pattern, read = KINDS[kind]
        path = chance.choice(sorted(Path("results").glob(pattern)))
        if path not in wanted:
            wanted[path] = read(path)
        whole = path.read_bytes()
        bit = chance.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        outcomes[kind][outcome(read, path, wanted[path])] += 1
        path.write_bytes(whole)
    outcomes["all"] = sum(outcomes.values(), collections.Counter())
    names = ("noticed", "harmless", "other", "traceback")
    rows = [(kind, counts.total(), *(counts[name] for name in names)) for kind, counts in outcomes.items()]
    print(tabulate(rows, ("files", "flips", *names)))


def outcome(read: Callable[[Path], Any], path: Path, wanted: Any) -> str:
    try:
        found = read(path)
    except RelscaleError:
        return "noticed"
    except Exception as error:
        print(path, repr(error))
        return "traceback"
    if found is None:
        return "noticed"
    return "harmless" if found == wanted else "other"


def checked(path: Path) -> bytes:
    """A file of a folder that lists its files; of the list itself, what the folder then holds."""
    check_digests(path.parent, None if path.name == FILE else [path.name])
    if path.name == "suite.yaml":
        read_manifest(path.parent)
    return b"" if path.name == FILE else path.read_bytes()


def tokens(path: Path) -> str:
    """The tokens of a store, and what it says of itself."""
    store = TokenStore.open(path.parent)
    store.check()
    read = [store.tokens(split).tobytes() for split in ("train", "validation")]
    return hashlib.sha256(b"".join(read)).hexdigest() + str(store.manifest)


def plain(state: dict[str, Any] | None) -> Any:
    return state and {"weights": state["weights"].tolist(), "history": state["history"]}


def cut(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(1, max(2, path.stat().st_size))])


def empty(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def bit(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    place = chance.randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def delete(path: Path, chance: random.Random) -> None:
    path.unlink()


WAYS = {"cut": cut, "empty": empty, "bit": bit, "delete": delete}

# What is deleted besides, so that the stages that read a file run again.
DOWNSTREAM = {
    "small/corpora": ["small/vocabulary/tokenizer.json", "small/suites/domains/suite.yaml"],
    "small/vocabulary": ["small/tokens/documentation/manifest.json"],
    "small/tokens": ["small/runs", "store/runs"],
    "small/suites": ["small/scores", "store/items"],
    "small/runs": ["small/scores"],
    "store/runs": ["small/scores", "store/items"],
    "small/scores": ["small/measurements.parquet"],
    "store/items": ["small/measurements.parquet", "small/scores"],
    "small/measurements.parquet": ["small/fits"],
    "small/replicates.parquet": ["small/fits"],
    "small/fits": ["small/figures"],
}


class Outcome(StrEnum):
    """What the same command makes of damaged results."""

    HEALED = "healed"
    READ = "healed when read"  # nothing read the file; then what reads it was deleted, and the command given again
    AGAIN = "failed, healed by the same command"
    UNREAD = "never read"
    NO_RESULT = "no result"  # a log: damaged, and nothing else is
    OTHER = "silently other"
    BROKEN = "not healed"
    ENDLESS = "no end"


GOOD = (Outcome.HEALED, Outcome.READ, Outcome.AGAIN, Outcome.NO_RESULT)


@dataclass(frozen=True)
class Trial:
    """A file below results, and what is done to it."""

    part: str
    way: str
    real: bool  # by the command line; else in forks of warm processes

    @property
    def kind(self) -> str:
        """Files of a kind are written by the same code: keys, names and numbers left out."""
        path = Path(self.part)
        if path.name.startswith("."):
            return f"small hidden {FILE}"
        if "figures" in path.parts:
            return f"small/figures {path.suffix}"
        if path.parts[1] in ("items", "fits", "logs", "benchmarks"):
            return f"{'/'.join(path.parts[:2])} {path.suffix}"
        checkpoint = "checkpoint " if "checkpoints" in path.parts else ""
        name = (
            path.suffix
            if path.parts[1] in ("scores",) or path.parent.name in ("data", "tasks")
            else path.name
        )
        if path.parts[:2] == ("small", "runs"):
            name = path.suffix
        return f"{'/'.join(path.parts[:2])} {checkpoint}{name}"


@dataclass(frozen=True)
class Done:
    """How a trial ended."""

    trial: Trial
    outcome: Outcome
    seconds: float
    said: str

    @property
    def good(self) -> bool:
        """Whether the results are what they were before."""
        return self.outcome in GOOD and "Traceback" not in self.said


class Damaged:
    """An experiment whose results are damaged, file by file."""

    def __init__(self, folder: Path, config: dict[str, Any], pictures: bool = False) -> None:
        self.experiment = SmallExperiment(folder, config, pictures)
        status, said = self.experiment.run(LIMIT)
        assert status == 0, said
        self.before = self.experiment.digests()
        assert not self.experiment.faults(), self.experiment.faults()

    def files(self) -> list[str]:
        """Every file in results and store."""
        root = self.experiment.folder / "results"
        return sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.is_file() and (not path.name.startswith(".") or path.name.endswith(FILE))
        )

    def changed(self) -> set[str]:
        """Results that are not as they were."""
        return {name for name, _ in self.before.items() ^ self.experiment.digests().items()}

    def whole(self) -> bool:
        """Whether all results are as they were, and nothing is left but what was set aside as damaged."""
        for path in (self.experiment.folder / "results").rglob(".*.damaged*"):
            remove(path)
        return not self.changed() and not self.experiment.faults()

    def run(self, real: bool) -> tuple[int, str]:
        """The whole workflow, by the command line or warm."""
        return self.experiment.run(LIMIT) if real else self.experiment.run_warm()

    def outcome(self, trial: Trial, chance: random.Random) -> tuple[Outcome, str]:
        """Damage a file, and run the workflow."""
        path = self.experiment.folder / "results" / trial.part
        WAYS[trial.way](path, chance)
        status, said = self.run(trial.real)
        if status:
            status, more = self.run(trial.real)
            return Outcome.AGAIN if status == 0 and self.whole() else Outcome.BROKEN, said + more
        if set(path.parts) & set(NOT_RESULTS):
            return Outcome.OTHER if self.changed() else Outcome.NO_RESULT, said
        if self.whole():
            return Outcome.HEALED, said
        if self.changed() - {f"results/{trial.part}"}:
            return Outcome.OTHER, f"{sorted(self.changed())[:5]} {said}"
        for stage, below in DOWNSTREAM.items():
            for each in below if trial.part.startswith(stage) else ():
                remove_all_but(self.experiment.folder / "results" / each, path)
        status, more = self.run(trial.real)
        said += more
        if status:
            status, more = self.run(trial.real)
            return Outcome.AGAIN if status == 0 and self.whole() else Outcome.BROKEN, said + more
        if self.whole():
            return Outcome.READ, said
        changed = self.changed() - {f"results/{trial.part}"}
        return Outcome.OTHER if changed else Outcome.UNREAD, f"{sorted(changed)[:5]} {said}"

    def try_one(self, trial: Trial, seed: int) -> Done:
        """A trial, after which results are as they were."""
        started = time.monotonic()
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(LIMIT)
        try:
            outcome, said = self.outcome(trial, random.Random(f"{seed} {trial.part} {trial.way}"))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            outcome, said = Outcome.ENDLESS, str(error)
        finally:
            signal.alarm(0)
        done = Done(trial, outcome, time.monotonic() - started, said)
        if not done.good:
            remove(self.experiment.folder / "results")
            status, said = self.experiment.run(LIMIT)
            assert status == 0, said
        return done


def _too_long(*_: object) -> None:
    raise TimeoutError(f"no end after {LIMIT} s")


_damaged: Damaged | None = None  # that of a worker


def _begin(folder: str, config: dict[str, Any], pictures: bool) -> None:
    global _damaged
    _damaged = Damaged(Path(folder, str(os.getpid())), config, pictures)


def _files() -> list[str]:
    assert _damaged is not None
    return _damaged.files()


def _try_one(trial: Trial, seed: int) -> Done:
    assert _damaged is not None
    return _damaged.try_one(trial, seed)


def trials_of(files: list[str], real: int) -> list[Trial]:
    """Every file in every way; one file of each kind after another, so that no kind comes last."""
    kinds: dict[str, list[str]] = {}
    for part in files:
        kinds.setdefault(Trial(part, "", False).kind, []).append(part)
    turns = itertools.zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    in_turns = [part for turn in turns for part in turn if part]
    in_turns.sort(key=lambda part: Path(part).name.startswith("."))  # hidden lists of files last
    cases = [(part, way) for part in in_turns for way in WAYS]
    return [Trial(part, way, number % real == 0) for number, (part, way) in enumerate(cases)]


def damage(options: argparse.Namespace, folder: Path) -> None:
    """Damage files and run the workflow, in several experiments at once."""
    config = CONFIG | {"figures": ["isoflop"]}
    with ProcessPoolExecutor(
        options.workers, initializer=_begin, initargs=(str(folder), config, options.pictures)
    ) as pool:
        every = trials_of(pool.submit(_files).result(), options.real)
        kinds = collections.Counter(trial.kind for trial in every[:: len(WAYS)])
        print(f"{len(every) // len(WAYS)} files of {len(kinds)} kinds, {len(every)} trials", flush=True)
        numbered = [(number, trial) for number, trial in enumerate(every) if options.only in trial.part]
        if options.files:
            numbered = sorted(random.Random(options.seed).sample(numbered, min(options.files, len(numbered))))
        numbered = [(number, trial) for number, trial in numbered if number >= options.start]
        table: dict[str, collections.Counter[str]] = {}
        found = pool.map(_try_one, [trial for _, trial in numbered], itertools.repeat(options.seed))
        for (number, trial), done in zip(numbered, found, strict=True):
            table.setdefault(trial.kind, collections.Counter())[
                done.outcome if done.good else f"BAD {done.outcome}"
            ] += 1
            how = "command line" if trial.real else "warm"
            print(
                f"{number:5} {done.outcome:20} {trial.way:6} {done.seconds:6.1f} s  {how:12} {trial.part}",
                flush=True,
            )
            if done.outcome is Outcome.AGAIN:
                print(*(line for line in done.said.splitlines() if "damaged (" in line), sep="\n", flush=True)
            if not done.good:
                print(done.said[:1500], "...", done.said[-1500:], flush=True)
    total = sum(table.values(), collections.Counter())
    columns = [outcome for outcome, _ in total.most_common()]
    print(f"\n| files | trials | {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) + 1)}")
    for kind, counts in [*sorted(table.items()), ("**all**", total)]:
        print(
            f"| {kind} | {counts.total()} | {' | '.join(str(counts[column] or '') for column in columns)} |"
        )


def remove_all_but(path: Path, kept: Path | None) -> None:
    """Delete a file, or a folder without the one file that was damaged and what lies beside it."""
    if path.is_dir():
        for each in sorted(path.rglob("*"), reverse=True):
            if each.is_file() and (kept is None or each.parent != kept.parent):
                each.unlink()
    elif path.is_file() and path != kept:
        path.unlink()


if __name__ == "__main__":
    main()
