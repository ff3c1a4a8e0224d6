"""An experiment as a whole: where its results lie, and how its runs are grouped into jobs."""

from pathlib import Path
from typing import Any

import yaml

from relscale.atomic import write_text
from relscale.design.isoflop import plan
from relscale.design.run import Run, budget_label
from relscale.errors import RelscaleError

CONFIG_FILE = "config.yaml"


def results_folder(config: dict[str, Any]) -> Path:
    """``results/<experiment>``, in the folder that the workflow runs in."""
    return Path("results") / config["experiment"]


def save_config(config: dict[str, Any]) -> None:
    """Keep the config as it stands beside the results; nothing is written where it has not changed."""
    path = results_folder(config) / CONFIG_FILE
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def tables(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables of an experiment that starts from measurements; none where models are trained."""
    found: list[dict[str, Any]] = config["runs"].get("tables", [])
    return found


def check_tables(config: dict[str, Any]) -> None:
    """See that the files are there that an experiment reads: its measurements, and published answers.

    Raises
    ------
    RelscaleError
        One is not.
    """
    read = [("runs.tables", table["path"]) for table in tables(config)]
    if config["fit"]["answers"]:
        read.append(("fit.answers", config["fit"]["answers"]))
    for place, path in read:
        if not Path(path).is_file():
            raise RelscaleError(f"{place}: {path}: no such table in {Path.cwd()}")


def job_name(run: Run, unit: str) -> str:
    """The job that a run belongs to where a job is all of a ``corpus``, a ``budget`` of it, or a single ``run``."""
    return {"corpus": "all", "budget": budget_label(run.budget), "run": run.name}[unit]


def job_names(config: dict[str, Any], corpus: str, unit: str) -> list[str]:
    """The jobs of a corpus."""
    return list(dict.fromkeys(job_name(run, unit) for run in plan(config) if run.corpus == corpus))


def job_runs(config: dict[str, Any], corpus: str, job: str, unit: str) -> list[Run]:
    """The runs of a job.

    Raises
    ------
    RelscaleError
        The plan has no such job.
    """
    runs = [run for run in plan(config) if run.corpus == corpus and job_name(run, unit) == job]
    if not runs:
        raise RelscaleError(
            f"no job {job!r} for corpus {corpus!r}; jobs: {', '.join(job_names(config, corpus, unit))}"
        )
    return runs
