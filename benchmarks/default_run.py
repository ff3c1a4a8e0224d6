"""Wall time of an experiment from nothing to its figures, and the share of it that trains and scores.

    python benchmarks/default_run.py [config.yaml] [--cores 2] [--folder FOLDER] [--floor]

Runs the workflow in an empty folder, by default a temporary one. What is outside training and scoring (reading the
corpus, fits, figures, idling) is wall time × cores less the time of these jobs. With ``--floor`` nothing is run: it
prints how long the plan's training FLOPs would take if only matrix products were computed, at the rate of a large
product of the training kernels on one core.

Takes as long as the experiment, about a quarter of an hour for config.yaml, and 5 s with ``--floor``; quoted in
docs/explanation/performance.md and docs/explanation/paper_and_optimizers.md.
"""

import csv
import json
import math
import subprocess
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from command_line import command_line

from relscale.commands.inputs import training_experiment
from relscale.training import ops
from relscale.training.cpu import bf16

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="an empty folder in which the results stay")
    parser.add_argument("--floor", action="store_true", help="only what the products of the trainings take")
    options = parser.parse_args()
    if options.floor:
        compute = sum(run.training_flops for run in training_experiment(options.config).planned_runs)
        rate = products_per_second()
        wall = compute / rate / options.cores
        print(
            f"{compute:.3g} training FLOPs at {rate / 1e9:.0f} GFLOP/s a core: {wall:.0f} s on {options.cores} cores"
        )
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        started = time.perf_counter()
        command = ["snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", options.config.resolve()]
        command += ["--cores", options.cores, "--workflow-profile", "none", "--quiet", "all"]
        subprocess.run(list(map(str, command)), cwd=folder, check=True)
        wall = time.perf_counter() - started
        results = folder / "results"
        runs = [json.loads(path.read_text()) for path in results.glob("store/runs/*/run.json")]
        training = sum(run["seconds"] for run in runs)
        jobs = {
            stage: sum(map(seconds, results.glob(f"*/benchmarks/{stage}/*/*.tsv")))
            for stage in ("train", "score")
        }
    print("| what | seconds |\n|---|---|")
    print(f"| wall time, {options.cores} cores | {wall:.0f} |")
    print(f"| training, {len(runs)} runs, sum over cores | {training:.0f} |")
    print(f"| start-up of training jobs, sum over cores | {jobs['train'] - training:.0f} |")
    print(f"| scoring jobs, sum over cores | {jobs['score']:.0f} |")
    outside = 1 - (jobs["train"] + jobs["score"]) / (wall * options.cores)
    overhead = 1 - (training + jobs["score"]) / (wall * options.cores)
    print(f"| outside training and scoring jobs | {outside:.1%} of wall time |")
    print(f"| the same and the start-up of training jobs | {overhead:.1%} of wall time |")
    compute = sum(run["training_flops"] for run in runs)
    print(f"\n{compute:.3g} training FLOPs, {compute / training / 1e9:.1f} GFLOP/s a core while training.")


def products_per_second() -> float:
    """FLOP/s of one core in a product that is large enough to do nothing else, as trainings compute theirs here."""
    torch.set_num_threads(1)
    rows, width, outputs = 2048, 256, 256
    x, weight = torch.randn(rows, width), torch.randn(outputs, width)
    shortest = math.inf
    with torch.no_grad(), bf16.bf16_products() if bf16.available() else nullcontext():
        for _ in range(50):
            start = time.process_time()
            ops.linear(x, weight)
            shortest = min(shortest, time.process_time() - start)
    return 2 * rows * width * outputs / shortest


def seconds(path: Path) -> float:
    with path.open() as file:
        return sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))


if __name__ == "__main__":
    main()
