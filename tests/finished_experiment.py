"""An experiment of tables whose laws are known, and what its workflow does, in this process."""

import contextlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from relscale.cli import main
from relscale.experiments.config import load_config, save_config
from relscale.experiments.results import Results
from relscale.storage.tables import write_table

SLOPES = {"easy": -0.09, "hard": -0.05}
LEVELS = {"easy": 1.0, "hard": 2.0}
CONFIG = """
experiment: tests
runs: {source: measurements, tables: [{path: numbers.csv}]}
suites: {tests: {title: Two tests, baseline: hard, groups: {easy: {label: Easy}}}}
fit: {bootstrap: 50, specifications: [], power: []}
figures: [relative-law]
"""


def make_finished(folder: Path) -> Path:
    """``tests.yaml`` in a folder, and its results: six models, two groups, 1% of noise."""
    rows = [
        {
            "run": f"r{place}",
            "corpus": "text",
            "suite": "tests",
            "group": group,
            "metric": "bits_per_byte",
            "training_flops": flops,
            "value": LEVELS[group]
            * (flops / 1e20) ** slope
            * (1 + 0.01 * (-1) ** (place + (group == "easy"))),
        }
        for place, flops in enumerate(np.geomspace(1e18, 1e21, 6))
        for group, slope in SLOPES.items()
    ]
    write_table(pa.Table.from_pylist(rows), folder / "numbers.csv")
    (folder / "tests.yaml").write_text(CONFIG)
    with contextlib.chdir(folder):
        workflow(Path("tests.yaml"))
    return folder


def workflow(config: Path, further: object = ()) -> int:
    """Measurements and fits of an experiment of tables; 0, the status of success."""
    paths = Results.of(load_config(config))
    save_config(load_config(config), paths.config)
    measured, replicates = str(paths.measurements), str(paths.replicates)
    assert main(["collect", str(config), "--output", measured, "--replicates", replicates]) == 0
    record, fits = ["--config", str(paths.config)], str(paths.fits)
    assert main(["fit", measured, *record, "--replicates", replicates, "--output", fits]) == 0
    return 0
