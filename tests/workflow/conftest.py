"""Small experiments, run for real once; the tests ask Snakemake what it would do after a change."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MICRO = Path(__file__).with_name("micro.yaml")


class Experiment:
    """The workflow in a folder of its own, with a copy of the package that a test may change."""

    def __init__(self, folder: Path, config: dict[str, Any]):
        self.folder = folder
        self.config = config
        self.package = folder / "src" / "relscale"
        self.restore_code()

    def restore_code(self):
        shutil.rmtree(self.folder / "src", ignore_errors=True)
        shutil.copytree(
            ROOT / "src",
            self.folder / "src",
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        )

    def snakemake(self, *arguments, config=None):
        path = self.folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(config or self.config))
        options = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", "none", "--cores", "2"]
        return self.call("snakemake", *arguments, *options, "--configfile", path)

    def call(self, *arguments):
        environment = os.environ | {
            "PYTHONPATH": str(self.folder / "src"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder / "home"),
        }
        return subprocess.run(
            list(map(str, arguments)),
            cwd=self.folder,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )

    def planned_jobs(self, config=None):
        """How many jobs of each rule Snakemake would run now."""
        result = self.snakemake("--dry-run", config=config)
        assert result.returncode == 0, result.stdout + result.stderr
        table = (result.stdout + result.stderr).partition("Job stats:")[2]
        found = re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in found if rule not in ("all", "total")}


@pytest.fixture(scope="session")
def micro(tmp_path_factory):
    experiment = Experiment(tmp_path_factory.mktemp("micro"), yaml.safe_load(MICRO.read_text()))
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


@pytest.fixture(scope="session")
def make_experiment():
    return Experiment
