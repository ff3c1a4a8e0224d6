"""Kill the workflow at random moments and repeat the command; or run each command twice at the same time.

    python benchmarks/kills.py --kills 200 --seed 0
    python benchmarks/kills.py --pairs 30

A chain of kills begins with the results of one stage, or of all, deleted, and ends with a command that is not
disturbed. After it every result must have the digest that it had before, nothing in results and store may be
incomplete, and no partial file may be left.

Takes up to a minute per kill or pair; quoted in docs/explanation/trust.md.
"""

import collections
import contextlib
import random
import shutil
import tempfile
import time
from pathlib import Path

import psutil
from command_line import command_line
from small_experiment import SmallExperiment

from relscale.storage.atomic import remove

# What a stage leaves, below results; its absence makes the workflow run it again.
STAGES = {
    "corpus": ["small/corpora"],
    "vocabulary": ["small/vocabulary"],
    "tokenize": ["small/tokens"],
    "train": ["small/runs", "store/runs"],
    "suite": ["small/suites"],
    "score": ["small/scores", "store/items"],
    "collect": ["small/measurements.parquet", "small/replicates.parquet"],
    "fit": ["small/fits"],
    "plot": ["small/figures"],
    "all": ["small", "store"],
}
WEIGHTS = {"train": 3, "score": 4, "all": 3}
VICTIMS = ("snakemake", "snakemake", "command", "shell", "all")
CHAIN = 4  # kills between two ends
LONGEST = 12.0  # seconds from the first command of a workflow to its kill
LIMIT = 600  # seconds that a workflow may take


def main() -> None:
    """Print a line a chain, and a table."""
    parser = command_line(__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        experiment = SmallExperiment(Path(folder))
        assert experiment.workflow().wait(LIMIT) == 0, experiment.said()
        experiment.said()
        before = experiment.digests()
        assert not experiment.faults(), experiment.faults()
        if options.kills:
            kill(experiment, before, options.kills, random.Random(options.seed))
        if options.pairs:
            pair(experiment, before, options.pairs)


def kill(experiment: SmallExperiment, before: dict[str, str], kills: int, chance: random.Random) -> None:
    """Chains of kills, until so many have hit something."""
    done: collections.Counter[str] = collections.Counter()
    bad = chains = 0
    while sum(done.values()) < kills:
        stages = list(STAGES)
        (stage,) = chance.choices(stages, [WEIGHTS.get(name, 1) for name in stages])
        delete(experiment, stage)
        hits: list[str] = []
        for _ in range(CHAIN):
            victim = chance.choice(VICTIMS)
            hit = killed(experiment, victim, chance.uniform(0, LONGEST))
            if hit is None:
                break  # the workflow was done before
            hits.append(f"{victim} in {hit}")
        done.update(hits)
        status = experiment.workflow().wait(LIMIT)
        said = experiment.said()
        faults = experiment.faults()
        changed = {name for name, _ in before.items() ^ experiment.digests().items()}
        good = status == 0 and not faults and not changed
        chains += 1
        bad += not good
        print(
            f"{sum(done.values()):4} {'ok ' if good else 'BAD'} {stage}: {', '.join(hits) or 'none'}",
            flush=True,
        )
        if not good:
            print(status, faults[:5], sorted(changed)[:5], said[-3000:], flush=True)
            remove(experiment.folder / "results")
            remove(experiment.folder / ".snakemake")
            assert experiment.workflow().wait(LIMIT) == 0
    print(
        f"\n{sum(done.values())} kills in {chains} chains: {chains - bad} chains end the same, {bad} do not"
    )
    for what, count in sorted(done.items()):
        print(f"{count:5}  {what}")


def killed(experiment: SmallExperiment, victim: str, delay: float) -> str | None:
    """Start the workflow and kill it; the verbs that were at work, or None where it ended first."""
    workflow = experiment.workflow()
    main = psutil.Process(workflow.pid)
    while not verbs(main):
        if workflow.poll() is not None:
            return None
        time.sleep(0.05)
    time.sleep(delay)
    found = verbs(main)
    if workflow.poll() is not None:
        return None
    for process in victims(main, victim):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    workflow.wait(LIMIT)  # at once where it was the victim; else when its other jobs are done
    return "+".join(sorted(set(found))) or "snakemake"


def victims(main: psutil.Process, victim: str) -> list[psutil.Process]:
    below = descendants(main)
    if victim == "all":
        return [main, *below]
    if victim == "snakemake" or not below:
        return [main]
    is_shell = [process for process in below if name(process) in ("bash", "sh")]
    chosen = is_shell if victim == "shell" else [process for process in below if process not in is_shell]
    return chosen[:1] or [main]


def descendants(main: psutil.Process) -> list[psutil.Process]:
    try:
        return list(main.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def verbs(main: psutil.Process) -> list[str]:
    """The verbs of relscale that are at work."""
    found = []
    for process in descendants(main):
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        places = [number for number, word in enumerate(words) if word.endswith("/relscale")]
        found += [words[number + 1] for number in places if number + 1 < len(words)]
    return found


def delete(experiment: SmallExperiment, stage: str) -> None:
    for path in STAGES[stage]:
        remove(experiment.folder / "results" / path)


CONFIG = "results/small/config.yaml"
VERBS = {
    "corpus": f"corpus {CONFIG} --source installed --output results/small/corpora/installed/documents.parquet",
    "vocabulary": f"vocabulary {CONFIG} --output results/small/vocabulary/tokenizer.json",
    "tokenize": f"tokenize {CONFIG} --corpus documentation --output results/small/tokens/documentation/manifest.json",
    "train": f"train {CONFIG} --corpus documentation --job 4e8 --output results/small/runs/documentation/4e8.json",
    "suite": f"suite {CONFIG} --suite behaviours --output results/small/suites/behaviours/suite.yaml",
    "score": f"score {CONFIG} --corpus documentation --job all --output results/small/scores/documentation/all.json",
    "collect": f"collect {CONFIG} --output results/small/measurements.parquet"
    " --replicates results/small/replicates.parquet",
    "fit": f"fit results/small/measurements.parquet --replicates results/small/replicates.parquet --config {CONFIG}"
    " --output results/small/fits",
    "plot": f"plot isoflop --config {CONFIG} --output results/small/figures/isoflop.html",
}
OUTPUTS = {
    **STAGES,
    "suite": ["small/suites/behaviours"],
    "train": ["small/runs/documentation/4e8.json"],
    "plot": ["small/figures/isoflop.html", "small/figures/isoflop.json"],
}


def pair(experiment: SmallExperiment, before: dict[str, str], pairs: int) -> None:
    """Each verb twice at the same time, in turns."""
    kept = experiment.folder / "kept"
    shutil.copytree(experiment.folder / "results", kept, symlinks=True)
    right = 0
    for number in range(pairs):
        verb = list(VERBS)[number % len(VERBS)]
        for path in OUTPUTS[verb]:
            remove(experiment.folder / "results" / path)
        if verb == "train":
            for run in (experiment.store / "runs").iterdir():
                if "-4e8-" in (run / "run.json").read_text():
                    remove(run)
        both = [experiment.start("relscale", *VERBS[verb].split()) for _ in range(2)]
        status = [each.wait(LIMIT) for each in both]
        faults = experiment.faults()
        changed = {name for name, _ in before.items() ^ experiment.digests().items()}
        good = status == [0, 0] and not faults and not changed
        right += good
        print(f"{'ok ' if good else 'BAD'} two of {verb}", flush=True)
        if not good:
            print(status, faults[:5], sorted(changed)[:5], experiment.said()[-2000:], flush=True)
            remove(experiment.folder / "results")
            shutil.copytree(kept, experiment.folder / "results", symlinks=True)
        experiment.said()
    print(f"\n{right} of {pairs} pairs end the same")


if __name__ == "__main__":
    main()
