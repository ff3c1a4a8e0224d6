"""The workflow asks for every file that its rules declare."""

import contextlib
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from relscale.experiments.config import check_config
from relscale.storage.tables import write_table
from relscale.workflow.pipeline import Pipeline

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TRAINED = [yaml.safe_load((HERE / f"{name}.yaml").read_text()) for name in ("tiny", "micro")]
MEASURED = {
    "experiment": "tables",
    "runs": {"source": "measurements", "tables": [{"path": "numbers.csv"}]},
    "suites": {"tests": {"baseline": "hard"}},
    "figures": ["relative-law", "isoflop"],
}


@pytest.mark.parametrize("config", [*TRAINED, MEASURED], ids=lambda config: config["experiment"])
def test_every_output_of_a_rule_is_requested(make_experiment, tmp_path, config):
    """A file that nothing asks for stays away once it is deleted."""
    experiment = make_experiment(tmp_path, config)
    write_table(pa.table({"run": ["a"], "value": [1.0]}), tmp_path / "numbers.csv")
    listed = experiment.snakemake("--summary")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    lines = [line.split("\t") for line in listed.stdout.splitlines()]
    header = lines.index(next(line for line in lines if line[0] == "output_file"))
    declared = {line[0] for line in lines[header + 1 :]}
    with contextlib.chdir(tmp_path):
        asked = Pipeline(check_config(config)).all_results()
    assert {str(path) for path in asked} == declared
    assert not (tmp_path / "results").exists(), "a summary writes nothing"
