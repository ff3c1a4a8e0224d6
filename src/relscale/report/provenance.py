"""Provenance of the numbers: versions, machine, time, and digests of config, code and data."""

import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.experiments.experiment import Experiment
from relscale.experiments.results import Results
from relscale.provenance import PACKAGE, code_digest, digest, file_digest
from relscale.report.markup import Markup, element, joined, section
from relscale.storage.entries import read_entries
from relscale.training.manifest import TrainedModel
from relscale.training.precision import counted
from relscale.training.record import TrainingRecord, record_in
from relscale.workflow.jobs import training_jobs

LIBRARIES = ("numpy", "scipy", "pyarrow", "torch", "transformers", "lm-eval", "plotly", "snakemake")
BIBTEX = """@software{relscale,
  title = {relscale: relative scaling laws for language models},
  version = {%s}
}"""


@dataclass(frozen=True)
class Fact:
    """One line of the provenance."""

    name: str
    value: str


def machine_facts() -> Iterator[Fact]:
    """Versions, machine and time of writing."""
    yield Fact("relscale", _version("relscale") or "not installed")
    commit = _commit()
    if commit:
        yield Fact("commit", commit)
    yield Fact("Python", platform.python_version())
    yield Fact(
        "libraries", ", ".join(f"{name} {installed}" for name in LIBRARIES if (installed := _version(name)))
    )
    yield Fact("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors")
    yield Fact("report written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))


def experiment_facts(experiment: Experiment, results: Results) -> Iterator[Fact]:
    """The digests of an experiment's config, code and tables with their times, and `machine_facts`."""
    yield Fact("experiment", experiment.name)
    yield Fact("seed", str(experiment.seed))
    yield Fact("digest of the config", digest(experiment.values()))
    yield Fact("digest of the code of the fit", code_digest("relscale.commands.fit:fit_measurements"))
    for name, path in (("measurements", results.measurements), ("verdicts", results.fit("verdicts"))):
        if path.is_file():
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
            yield Fact(name, f"digest {file_digest(path)}, made {modified}")
    precisions = [record.precision for record in _records(experiment, results)]
    if precisions:
        yield Fact("matrix products", counted(precisions))
    yield from machine_facts()


def _records(experiment: Experiment, results: Results) -> Iterator[TrainingRecord]:
    """The records of the trained runs that still exist."""
    for job in training_jobs(experiment):
        with suppress(RelscaleError, OSError):
            for entry in read_entries(results.runs(*job), TrainedModel):
                yield record_in(Path(entry.path))


def provenance_section(facts: Sequence[Fact], config: str | None = None) -> Markup:
    """The last section of a page: facts, citation, and the config if there is one."""
    release = next((fact.value for fact in facts if fact.name == "relscale"), "")
    return section(
        "provenance",
        "Provenance",
        element("dl", *(joined(element("dt", fact.name), element("dd", fact.value)) for fact in facts)),
        element("h3", "Cite"),
        element("pre", BIBTEX % release, tabindex="0"),
        element("details", element("summary", "The config"), element("pre", config, tabindex="0"))
        if config
        else None,
    )


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the source code; None without a git repository."""
    root = PACKAGE.parents[1]
    if not Path(root, ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
