"""Processor time and memory of ``relscale fit`` and ``relscale ability`` on large tables, and how they grow.

    python benchmarks/fit_scale.py --rows 1000 10000 100000 [--law LAW]

Each run has its own compute. The relative law has two groups, or a hundred, so that the points are half or a
hundredth of the rows; for the other laws each row is a point. The items are answers of 100 models, one per row,
whose abilities are estimated. Seconds are those of one core, imports included. The exponent is that of a power law
between a number of rows and the one before.

Takes some 3 minutes of one core; quoted in docs/explanation/performance.md.
"""

import io
import math
import multiprocessing
import os
import resource
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command_line import command_line

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    import pyarrow as pa

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

LAWS = (
    "relative",
    "relative, 100 trainings",
    "relative, 100 groups",
    "power",
    "parametric",
    "power, huber",
    "annealing, 10 trainings",
)
ITEMS = "items of 100 models"


def table(law: str, rows: int) -> tuple["pa.Table", dict[str, Any]]:
    """A table, and the options of its fit."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(0)
    noise = np.exp(rng.normal(0, 0.01, rows))
    if law.startswith("relative"):
        groups = 100 if "groups" in law else 2
        runs = rows // groups
        flops = np.repeat(10 ** rng.uniform(18, 22, runs), groups)
        names = [f"group {group}" for group in range(groups)]
        columns = {"x": flops, "group": np.tile(names, runs), "run": np.arange(rows) // groups}
        columns |= {"y": (flops / 1e20) ** -0.05 * noise}
        options: dict[str, Any] = {"x": "x", "group": "group", "baseline": "group 0"}
        if "trainings" in law:
            columns["block"] = np.arange(rows) // 2 % 100
    elif law == "parametric":
        n, d = 10 ** rng.uniform(7, 10, rows), 10 ** rng.uniform(9, 12, rows)
        columns = {"n": n, "d": d, "y": (1.8 + 400 * n**-0.34 + 2000 * d**-0.37) * noise}
        options = {"x": ["n", "d"]}
    elif law.startswith("power"):
        x = np.geomspace(1e18, 1e22, rows)
        columns, options = {"x": x, "y": (x / 1e20) ** -0.05 * noise}, {"x": "x"}
        if "huber" in law:
            options["loss"] = "huber"
    else:
        step = np.tile(np.arange(1, rows // 10 + 1), 10)
        rate = np.repeat(np.linspace(1, 2, 10), rows // 10) * np.minimum(
            1, (rows // 10 + 1 - step) / (rows / 50)
        )
        area = np.cumsum(rate.reshape(10, -1), axis=1).ravel()
        columns = {"step": step, "rate": rate, "block": np.arange(rows) // (rows // 10)}
        columns["y"] = (2.5 + 0.8 * area**-0.5) * noise
        options = {"x": ["step", "rate"], "residual": "linear"}
    return pa.table(columns), {"law": law.split(",")[0], "y": "y", **options}


def answers(rows: int) -> list[str]:
    """The command that estimates abilities from a table of answers, which is written."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    ability, easiness = rng.normal(0, 1, 100), rng.normal(0, 1, rows // 100)
    correct = rng.uniform(size=(100, rows // 100)) < 1 / (1 + np.exp(-ability[:, None] - easiness))
    columns = {
        "model": np.repeat(np.arange(100), rows // 100),
        "item": np.tile(np.arange(rows // 100), 100),
        "score": correct.ravel().astype(int),
        "flops": np.repeat(10 ** (20 + ability), rows // 100),
    }
    path = Path(tempfile.mkdtemp()) / "answers.csv"
    csv.write_csv(pa.table(columns), path)
    named = [text for name in ("model", "item", "score") for text in (f"--{name}", name)]
    return ["ability", str(path), *named, "--compute", "flops"]


def measured(law: str, rows: int, results: "SimpleQueue[tuple[float, float]]") -> None:
    start = time.process_time()
    import relscale
    from relscale.cli import main as command

    if law == ITEMS:
        with redirect_stdout(io.StringIO()):
            command(answers(rows))
    else:
        data, options = table(law, rows)
        str(relscale.fit(data, **options))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    results.put((time.process_time() - start, peak))


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--law", choices=(*LAWS, ITEMS), action="append", help="by default every one")
    options = parser.parse_args()
    processes = multiprocessing.get_context("spawn")  # each with a memory of its own
    print(f"{'law':26} {'rows':>8} {'s':>7} {'GB':>6}  exponent of s, GB")
    for law in options.law or (*LAWS, ITEMS):
        before = None
        for rows in options.rows:
            results: SimpleQueue[tuple[float, float]] = processes.SimpleQueue()
            process = processes.Process(target=measured, args=(law, rows, results))
            process.start()
            process.join()
            seconds, size = results.get() if process.exitcode == 0 else (math.nan, math.nan)
            grown = ""
            if before:
                factor = math.log(rows / before[0])
                grown = (
                    f"{math.log(seconds / before[1]) / factor:.2f}, {math.log(size / before[2]) / factor:.2f}"
                )
            print(f"{law:26} {rows:8} {seconds:7.1f} {size:6.2f}  {grown}", flush=True)
            before = rows, seconds, size


if __name__ == "__main__":
    main()
