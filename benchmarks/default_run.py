"""Wall time of an experiment from nothing to figures, and how much of it trains and scores.

    python benchmarks/default_run.py [config.yaml] [--cores 2] [--folder FOLDER]

Runs the workflow in an empty folder, a temporary one by default. Outside training and scoring is what remains of
wall time × cores when those jobs are taken off: reading the corpus, fits, figures, idling.
"""

import argparse
import csv
import json
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="an empty folder in which the results stay")
    options = parser.parse_args()
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


def seconds(path: Path) -> float:
    with path.open() as file:
        return sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))


if __name__ == "__main__":
    main()
