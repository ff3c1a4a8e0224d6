"""The smallest experiment with every stage, for trials that run the workflow hundreds of times: half a minute each.

A warm experiment runs Snakemake and the jobs as forks of processes that have imported their libraries
(``tests/workflow``): the code is that of the command line, and a command with nothing to do takes a second.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "workflow"))
import warm_relscale
import warm_snakemake

from relscale.storage.atomic import remove
from relscale.storage.checked_parquet import check_parquet
from relscale.storage.checksums import FILE, check_digests
from relscale.workflow.recovery import remove_damaged

ROOT = Path(__file__).parents[1]
CONFIG: dict[str, Any] = {
    "experiment": "small",
    "seed": 0,
    "sources": {
        "installed": {
            "kind": "installed",
            "groups": {"numerics": ["mpmath"], "tables": ["pyarrow"], "text": ["docutils", "jinja2"]},
            "min_characters": 100,
            "max_bytes": {"docstrings": 400_000, "code": 1},
            "split": {"validation": 0.1, "test": 0.3},
        }
    },
    "corpora": {"documentation": {"source": "installed", "part": "docstrings"}},
    "vocabulary": {"size": 300, "sample_bytes": 200_000},
    "design": {
        "recipe": "laptop",
        "flop_accounting": "training",
        "sequence_length": 64,
        "budgets": ["2e8", "4e8", "8e8"],
        "widths": [4, 6, 8],
    },
    "training": {"validation_tokens": 1024, "max_epochs": 100, "checkpoints": [0.5], "save_every": 0.01},
    "suites": {"domains": {"documents": 12}, "behaviours": {}},
    "collect": {"replicates": 10},
    "figures": ["isoflop", "frontier"],
}
WORKFLOW = [
    *("--snakefile", str(ROOT / "Snakefile"), "--configfile", "small.yaml", "--workflow-profile", "none"),
    *("--cores", "2", "--rerun-incomplete", "--keep-going"),
]
NOT_RESULTS = ("logs", "benchmarks")
DATED = (".svg", ".pdf")  # a browser draws these with names and dates of their own
TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC")  # the report says when it, and its tables, were written


class SmallExperiment:
    """The workflow in a folder of its own; without ``pictures`` its figures are HTML and JSON alone."""

    def __init__(self, folder: Path, config: dict[str, Any] = CONFIG, pictures: bool = True) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True, exist_ok=True)
        (folder / "small.yaml").write_text(yaml.safe_dump(config))
        self.results = folder / "results" / "small"
        self.store = folder / "results" / "store"
        self.environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(folder / "home"),
            "OMP_NUM_THREADS": "1",
        }
        if not pictures:
            self.environment["BROWSER_PATH"] = str(folder / "no-browser")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A command in the background, in a process group of its own; what it says goes to ``said.txt``."""
        with open(self.folder / "said.txt", "a") as said:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
                text=True,
                process_group=0,
            )

    def workflow(self) -> subprocess.Popen[str]:
        """The whole workflow in the background."""
        return self.start("snakemake", *WORKFLOW)

    def run(self, limit: float) -> tuple[int, str]:
        """The whole workflow by the command line, to its end: its status, and what it said."""
        status = self.workflow().wait(limit)
        return status, self.said()

    def run_warm(self) -> tuple[int, str]:
        """The same in forks of warm processes."""
        source = self.environment["PYTHONPATH"]
        path = os.pathsep.join([warm_relscale.folder_of_command(source), self.environment["PATH"]])
        done = warm_snakemake.snakemake(WORKFLOW, self.folder, self.environment | {"PATH": path})
        return done.returncode, done.stdout + done.stderr

    def said(self) -> str:
        """What was said since this was last asked."""
        path = self.folder / "said.txt"
        text = path.read_text() if path.is_file() else ""
        remove(path)
        return text

    def digests(self) -> dict[str, str]:
        """The sha256 of every result; of records of runs and of the report without times."""
        found = {}
        for path in sorted((self.folder / "results").rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if not path.is_file() or set(path.parts) & set(NOT_RESULTS) or "/." in name:
                continue
            if path.name == FILE and "/runs/" in name:  # has the digest of a record
                continue
            if path.suffix in DATED:
                continue
            content = path.read_bytes()
            if path.name == "run.json":
                content = json.dumps({**json.loads(content), "seconds": 0}).encode()
            if path.name == "report.html":
                content = TIME.sub(b"", content)
            found[name] = hashlib.sha256(content).hexdigest()
        return found

    def faults(self) -> list[str]:
        """What is not whole in results and store, and what should not be there after the end."""
        here = os.getcwd()
        os.chdir(self.folder)
        try:
            found = remove_damaged(Path("results/small"), Path("results/store"), dry=True)
            for path in sorted(Path("results").rglob(f"*{FILE}")):
                if path.name == FILE:
                    check_digests(path.parent)
            for path in Path("results").rglob("*.parquet"):
                check_parquet(path)
            left = ("*partial*", "*.parts", "*.state", "*.damaged", "locks/*")
            return found + [str(path) for pattern in left for path in Path("results").rglob(pattern)]
        except Exception as error:
            return [str(error)]
        finally:
            os.chdir(here)
