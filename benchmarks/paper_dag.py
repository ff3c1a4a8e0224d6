"""How long the workflow takes to see what there is to do for the paper's 255 runs: `snakemake -n`, wall and CPU time.

    python benchmarks/paper_dag.py [CONFIG]

Nothing is trained or fetched. The planning alone (``relscale plan``) is timed beside it.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def timed(*command: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of a command, and what it printed."""
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    after, ended = os.times(), time.perf_counter()
    cpu = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return ended - started, cpu, done.stdout + done.stderr


def main() -> None:
    config = sys.argv[1] if len(sys.argv) > 1 else "experiments/paper.yaml"
    wall, cpu, _ = timed("relscale", "plan", config)
    print(f"relscale plan: {wall:.1f} s, {cpu:.1f} s of processor")
    wall, cpu, said = timed(
        "snakemake", "-n", "--workflow-profile", "none", "--cores", "1", "--configfile", config
    )
    jobs = re.findall(r"^(\w+) +(\d+)$", said.partition("Job stats:")[2], flags=re.MULTILINE)
    print(f"snakemake -n: {wall:.1f} s, {cpu:.1f} s of processor; jobs: {dict(jobs)}")


if __name__ == "__main__":
    main()
