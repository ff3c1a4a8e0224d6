"""Damage results and store: a bit of a file, read back as a job reads it; every kind of file, then the same command.

    python benchmarks/damage.py --flips 2000 --seed 0
    python benchmarks/damage.py --files 40 --seed 0

Of a flipped bit the reader must notice, or find the content that was written. After a command on damaged results all
results have the digests that they had before, at once or when a command that failed with one sentence is given again.
"""

import argparse
import collections
import hashlib
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from small_experiment import SmallExperiment

from relscale.checked_parquet import read_parquet
from relscale.checksums import FILE, check_digests
from relscale.entries import read_entries
from relscale.errors import RelscaleError
from relscale.scoring.manifest import read_manifest
from relscale.scoring.scores import Score
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
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--flips", type=int, default=0)
    options.add_argument("--files", type=int, default=0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--folder", type=Path, help="where the experiment stays for another time")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        experiment = SmallExperiment((chosen.folder or Path(temporary)).resolve())
        assert experiment.workflow().wait(LIMIT) == 0, experiment.said()
        if chosen.flips:
            flip(experiment, chosen.flips, random.Random(chosen.seed))
        if chosen.files:
            damage(experiment, chosen.files, random.Random(chosen.seed))


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
    print(f"{'':20} {'flips':>6} {'noticed':>8} {'harmless':>9} {'other':>6} {'traceback':>9}")
    for kind, counts in outcomes.items():
        cells = [counts.total(), counts["noticed"], counts["harmless"], counts["other"], counts["traceback"]]
        print(f"{kind:20} {cells[0]:6} {cells[1]:8} {cells[2]:9} {cells[3]:6} {cells[4]:9}")
    total = sum(outcomes.values(), collections.Counter())
    cells = [total.total(), total["noticed"], total["harmless"], total["other"], total["traceback"]]
    print(f"{'all':20} {cells[0]:6} {cells[1]:8} {cells[2]:9} {cells[3]:6} {cells[4]:9}")


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
    content = bytearray(path.read_bytes())
    place = chance.randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def delete(path: Path, chance: random.Random) -> None:
    path.unlink()


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


def damage(experiment: SmallExperiment, files: int, chance: random.Random) -> None:
    """Damage files, kind by kind, with what reads them deleted in half of the cases, and run the workflow."""
    before = experiment.digests()
    outcomes: collections.Counter[str] = collections.Counter()
    kinds: dict[str, list[str]] = {}
    for name in before:
        part = name.removeprefix("results/")
        path = Path(part)
        kinds.setdefault(
            f"{'/'.join(path.parts[:2])} {path.name if 'figures' not in part else path.suffix}", []
        ).append(part)
    names = sorted(kinds)
    for number in range(files):
        kind = names[number % len(names)]
        part = chance.choice(kinds[kind])
        how = (cut, empty, bit, delete)[chance.randrange(4)]
        how(experiment.folder / "results" / part, chance)
        again = chance.random() < 0.5
        for stage, below in DOWNSTREAM.items():
            if again and part.startswith(stage):
                for each in below:
                    remove_all_but(experiment.folder / "results" / each, experiment.folder / "results" / part)
        experiment.said()
        status = [experiment.workflow().wait(LIMIT)]
        said = experiment.said()
        if status[0]:
            status.append(experiment.workflow().wait(LIMIT))
        changed = {name for name, _ in before.items() ^ experiment.digests().items()}
        traceback = "Traceback" in said
        result = (
            "silently other"
            if status == [0] and changed
            else "healed"
            if status == [0]
            else "healed by the same command again"
            if status[-1] == 0 and not changed
            else "not healed"
        ) + (", with a traceback" if traceback else "")
        outcomes[result] += 1
        print(f"{result:34} {how.__name__:6} {part}{', and what reads it runs' if again else ''}", flush=True)
        if status[-1] or changed:
            print(sorted(changed)[:5], said[-3000:], flush=True)
            remove_all_but(experiment.folder / "results", None)
            assert experiment.workflow().wait(LIMIT) == 0
    for result, count in outcomes.most_common():
        print(f"{count:5}  {result}")


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
