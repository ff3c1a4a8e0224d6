"""Processor time of the plan and of Snakemake's dry run for more and more runs.

    python benchmarks/plan_scale.py [--quick]

Two tables: the parts of ``relscale plan`` (config, plan, placements, jobs) up to 10,000 runs, and ``snakemake
--dry-run`` with a job per training and per scoring up to 1,920 jobs. The exponent is that of a power law between a
size and the one before; starting the programs is included in the seconds.

Takes about a minute of one core, with ``--quick`` half a minute; quoted in docs/explanation/performance.md.
"""

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from command_line import command_line
from timed_command import timed

from relscale.design.placement import place
from relscale.experiments.check import check_experiment
from relscale.experiments.config import check_config
from relscale.experiments.experiment import TrainingExperiment
from relscale.workflow.jobs import runs_by_job

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "workflow" / "tiny.yaml"


def config_of(runs: int) -> dict[str, Any]:
    """The config of an experiment of so many runs: many budgets, each of three widths with two seeds, a job per run."""
    config: dict[str, Any] = yaml.safe_load(TINY.read_text())
    budgets = [2e9 * (1 + step / 1000) for step in range(runs // 6)]
    config["design"] |= {
        "budgets": budgets,
        "widths": {str(budget): [6, 8, 12] for budget in budgets},
        "seeds": {str(budget): [0, 1] for budget in budgets},
    }
    return config | {"hardware": {}, "training": {"job": "run"}, "scoring": {"job": "run"}}


def plan_seconds(runs: int) -> float:
    """Processor seconds from a config's values to jobs whose runs are placed and checked."""
    start = time.process_time()
    experiment = check_config(config_of(runs))
    assert isinstance(experiment, TrainingExperiment)
    training = experiment.training
    placed = [place(run, experiment.hardware, training) for run in experiment.planned_runs]
    jobs = runs_by_job(experiment, "run")
    check_experiment(experiment)
    assert len(placed) == len(jobs) == runs // 6 * 6, f"{len(placed)} runs, {len(jobs)} jobs"
    return time.process_time() - start


def dry_run_seconds(jobs: int) -> float:
    """Processor seconds of ``snakemake --dry-run`` with half as many trainings as jobs, and a scoring for each."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.yaml").write_text(yaml.safe_dump(config_of(jobs // 2)))
        command = ["snakemake", "--dry-run", "--snakefile", ROOT / "Snakefile", "--quiet", "rules", "host"]
        return timed(command, Path(folder), os.environ, quiet=True).processor


def show(title: str, sizes: Sequence[int], seconds: Callable[[int], float]) -> None:
    """A table of seconds by size, with the exponent of each step."""
    print(f"{title}\n{'size':>8}  {'seconds':>8}  exponent")
    before: tuple[int, float] | None = None
    for size in sizes:
        took = seconds(size)
        step = "" if before is None else f"{math.log(took / before[1]) / math.log(size / before[0]):.2f}"
        print(f"{size:>8}  {took:>8.2f}  {step}", flush=True)
        before = size, took
    print()


def main() -> int:
    parser = command_line(__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the sizes")
    part = 4 if parser.parse_args().quick else 1
    show("plan, runs", [size // part for size in (1200, 3600, 9996)], plan_seconds)
    show("snakemake --dry-run, jobs", [size // part for size in (240, 480, 960, 1920)], dry_run_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
