"""Small experiments, run for real once; the tests ask Snakemake what it would do after a change."""

import contextlib
import functools
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

from relscale.storage.tables import read_table

ROOT = Path(__file__).parents[2]
HERE = ["--workflow-profile", "none", "--cores", "2"]
CACHE = ROOT / ".pytest_cache" / "relscale"  # of kernels, compiled once; the user's is left alone
MICRO = Path(__file__).with_name("micro.yaml")


class Experiment:
    """The workflow in a folder of its own, with the package in ``source``.

    Figures are HTML and JSON alone: a browser for each would take most of the time. Pictures are drawn where
    ``pictures`` asks for them.
    """

    def __init__(self, source: Path, folder: Path, config: dict[str, Any], *, pictures: bool = False):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = config
        self.source = source
        self.package = self.source / "relscale"
        self.environment = os.environ | {
            "PYTHONPATH": str(self.source),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(folder / "home"),
        }
        (folder / "home" / ".cache").mkdir(parents=True, exist_ok=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        (folder / "home" / ".cache" / "relscale").symlink_to(CACHE)
        if not pictures:
            self.environment["BROWSER_PATH"] = str(folder / "no-browser")

    @contextlib.contextmanager
    def edited(self, module: str):
        """Code that was not there, at the end of a module of the package."""
        path = self.package / module
        text, times = path.read_text(), path.stat()
        path.write_text(f"{text}\nEDITED = 1\n")
        try:
            yield
        finally:
            path.write_text(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

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

    def start(self, *arguments, command=("snakemake",)):
        """The workflow in the background; what it says goes to ``said.txt``."""
        with open(self.folder / "said.txt", "a") as said:
            return subprocess.Popen(
                list(map(str, [*command, *arguments, *self.options()])),
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
def source(tmp_path_factory):
    """A copy of the package with its byte code. All experiments run by it; a test that edits it restores it."""
    folder = tmp_path_factory.mktemp("source") / "src"
    return shutil.copytree(ROOT / "src", folder, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info"))


@pytest.fixture(scope="session")
def make_experiment(source):
    return functools.partial(Experiment, source)


@pytest.fixture(scope="session")
def micro(tmp_path_factory, make_experiment):
    experiment = make_experiment(tmp_path_factory.mktemp("micro"), yaml.safe_load(MICRO.read_text()))
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment
