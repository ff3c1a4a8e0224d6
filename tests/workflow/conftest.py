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

sys.path.insert(0, str(Path(__file__).parent))
import warm_relscale
import warm_snakemake

from relscale.tables import read_table

ROOT = Path(__file__).parents[2]
HERE = ["--workflow-profile", "none", "--cores", "2"]
MICRO = Path(__file__).with_name("micro.yaml")


class Experiment:
    """The workflow in a folder of its own, on request with a copy of the package that a test may change.

    Figures are HTML and JSON alone: a browser for each would take most of the time. Pictures are drawn where
    ``pictures`` asks for them.
    """

    def __init__(self, folder: Path, config: dict[str, Any], *, copied: bool = False, pictures: bool = False):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = config
        self.source = folder / "src" if copied else ROOT / "src"
        self.package = self.source / "relscale"
        self.environment = os.environ | {
            "PYTHONPATH": str(self.source),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(folder / "home"),
        }
        if not pictures:
            self.environment["BROWSER_PATH"] = str(folder / "no-browser")
        if copied:
            self.restore_code()

    def restore_code(self):
        assert self.source != ROOT / "src", "ask for a copy of the package"
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(
            ROOT / "src",
            self.source,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        )

    def snakemake(self, *arguments, config=None):
        return self.call_snakemake(*arguments, *HERE, *self.options(config))

    def call_snakemake(self, *arguments):
        return warm_snakemake.snakemake(list(map(str, arguments)), self.folder, self.warm_environment)

    def options(self, config=None):
        path = self.folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(config or self.config))
        return ["--snakefile", ROOT / "Snakefile", "--configfile", path]

    @property
    def warm_environment(self):
        """The environment, in which ``relscale`` is one that has imported its libraries."""
        folder = warm_relscale.folder_of_command(str(self.source))
        return self.environment | {"PATH": os.pathsep.join([folder, self.environment["PATH"]])}

    def call(self, *arguments):
        return subprocess.run(
            list(map(str, arguments)),
            cwd=self.folder,
            env=self.warm_environment,
            text=True,
            capture_output=True,
            check=False,
        )

    def said(self):
        """What the workflow said in the background, and its logs."""
        logs = sorted(self.folder.glob("results/**/*.log"))
        return "\n".join(f"{path}\n{path.read_text()}" for path in [self.folder / "said.txt", *logs])

    def start(self, *arguments):
        """The workflow in the background; what it says goes to ``said.txt``."""
        with open(self.folder / "said.txt", "a") as said:
            return subprocess.Popen(
                list(map(str, ["snakemake", *arguments, *self.options()])),
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def measured(self):
        """The measurements, without where they come from."""
        rows = read_table(self.folder / "results" / self.config["experiment"] / "measurements.parquet")
        key = ("run", "suite", "prompt", "group", "metric")
        return {tuple(row[name] for name in key): row["value"] for row in rows.to_pylist()}

    def planned_jobs(self, config=None):
        """How many jobs of each rule Snakemake would run now."""
        result = self.snakemake("--dry-run", config=config)
        assert result.returncode == 0, result.stdout + result.stderr
        table = (result.stdout + result.stderr).partition("Job stats:")[2]
        found = re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in found if rule not in ("all", "total")}


@pytest.fixture(scope="session")
def micro(tmp_path_factory):
    experiment = Experiment(tmp_path_factory.mktemp("micro"), yaml.safe_load(MICRO.read_text()), copied=True)
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


@pytest.fixture(scope="session")
def make_experiment():
    return Experiment
