"""An experiment as a whole: where its results lie, and how its runs are grouped into jobs."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from relscale.atomic import write_text
from relscale.config import corpus_parts
from relscale.design.isoflop import plan
from relscale.design.run import Run, budget_label
from relscale.errors import RelscaleError
from relscale.file_name import file_name
from relscale.scoring.checkpoint_table import Checkpoint, read_checkpoints
from relscale.yaml_text import dump

CONFIG_FILE = "config.yaml"


def results_folder(config: dict[str, Any]) -> Path:
    """``results/<experiment>``, in the folder that the workflow runs in."""
    return Path("results") / file_name(config["experiment"])


def suite_path(config: dict[str, Any], suite: str) -> Path:
    """The folder of a prepared suite."""
    return results_folder(config) / "suites" / file_name(suite)


def documents_path(config: dict[str, Any], source: str) -> Path:
    """The documents of a source of text."""
    return results_folder(config) / "corpora" / file_name(source) / "documents.parquet"


def tokens_path(config: dict[str, Any], corpus: str) -> Path:
    """The folder of a corpus's token store."""
    return results_folder(config) / "tokens" / file_name(corpus)


def runs_path(config: dict[str, Any], corpus: str, job: str) -> Path:
    """The manifest of a training job."""
    return results_folder(config) / "runs" / file_name(corpus) / f"{job}.json"


def scores_path(config: dict[str, Any], corpus: str, job: str) -> Path:
    """The manifest of a scoring job."""
    return results_folder(config) / "scores" / file_name(corpus) / f"{job}.json"


def save_config(config: dict[str, Any]) -> None:
    """Keep the config as it stands beside the results; nothing is written where it has not changed."""
    path = results_folder(config) / CONFIG_FILE
    text = dump(config)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def source(config: dict[str, Any]) -> str:
    """Which door the runs come through: train, checkpoints or measurements."""
    name: str = config["runs"]["source"]
    return name


def tables(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The tables of an experiment that starts from measurements; none where models are scored."""
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


def checkpoints(config: dict[str, Any]) -> list[Checkpoint]:
    """The rows of the table that an experiment on checkpoints names; none in any other.

    Raises
    ------
    RelscaleError
        The table cannot be read.
    """
    return read_checkpoints(config["runs"]["table"]) if source(config) == "checkpoints" else []


def corpora(config: dict[str, Any]) -> list[str]:
    """The corpora whose models are scored, in the order of the config, else of the table."""
    if source(config) == "checkpoints":
        listed = dict.fromkeys(checkpoint.corpus for checkpoint in checkpoints(config))
        named = [corpus for corpus in config.get("corpora", {}) if corpus in listed]
        return list(dict.fromkeys([*named, *listed]))
    return list(config.get("corpora", {}))


def with_exported_suites(
    config: dict[str, Any], report: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """The config with suites that are made from held-out documents replaced by those an export put beside its table.

    Nothing changes where models are trained. ``report`` is told of each suite that is replaced, and by which folder.
    """
    from relscale.scoring.suite import needs_documents

    if source(config) != "checkpoints":
        return config
    suites = dict(config["suites"])
    for name, options in config["suites"].items():
        folder = Path(config["runs"]["table"]).parent / "suites" / file_name(name)
        if folder.is_dir() and needs_documents(name, options):
            kept = {key: value for key, value in options.items() if key == "baseline"}
            suites[name] = {"path": str(folder), **kept}
            report(
                f"suite {name}: {folder} is taken in place of the shipped suite, as it lies beside the table"
            )
    return {**config, "suites": suites}


def planned(config: dict[str, Any]) -> tuple[Run, ...]:
    """The plan of an experiment, made once for all jobs that ask."""
    return _planned(json.dumps(config))


@cache
def _planned(config: str) -> tuple[Run, ...]:
    return tuple(plan(json.loads(config)))


def job_name(run: Run, unit: str) -> str:
    """The job that a run belongs to where a job is all of a ``corpus``, a ``budget`` of it, or a single ``run``.

    A job's name is a file name: that of the run where it is one run.
    """
    return {"corpus": "all", "budget": budget_label(run.budget), "run": file_name(run.name)}[unit]


def runs_by_job(config: dict[str, Any], unit: str) -> dict[tuple[str, str], list[Run]]:
    """The runs of every job, by corpus and job, in the order of the plan."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in planned(config):
        found.setdefault((run.corpus, job_name(run, unit)), []).append(run)
    return found


def job_names(config: dict[str, Any], corpus: str, unit: str) -> list[str]:
    """The jobs of a corpus."""
    return [job for name, job in runs_by_job(config, unit) if name == corpus]


def job_runs(config: dict[str, Any], corpus: str, job: str, unit: str) -> list[Run]:
    """The runs of a job, which may be named as the run that it is.

    Raises
    ------
    RelscaleError
        The plan has no such job.
    """
    by_job = runs_by_job(config, unit)
    runs = by_job.get((corpus, job)) or by_job.get((corpus, file_name(job)))
    if not runs:
        jobs = [each for name, each in by_job if name == corpus]
        raise RelscaleError(f"no job {job!r} for corpus {corpus!r}; {_listed(jobs)}")
    return runs


def is_streamed(config: dict[str, Any], corpus: str) -> bool:
    """Whether a part of a corpus is read as a stream: how much of it is made ready is then the plan's to say."""
    sources = {part["source"] for part in corpus_parts(config["corpora"][corpus])}
    return any(config["sources"][source]["kind"] == "hub" for source in sources)


def tokens_needed(config: dict[str, Any], corpus: str) -> float:
    """How many tokens of a corpus are made ready where it is streamed: as it says, or what its largest run draws.

    A sequence ends where the next begins, and a part of a mixture has whole sequences: two more are enough for both.
    """
    named = config["corpora"][corpus].get("tokens")
    if named is not None:
        return float(named)
    largest = max(run.tokens for run in planned(config) if run.corpus == corpus)
    return float(largest + 2 * config["design"]["sequence_length"] + 1)


def score_jobs(config: dict[str, Any], corpus: str) -> list[str]:
    """The scoring jobs of a corpus; none where all its models were scored by others."""
    if source(config) == "train":
        return job_names(config, corpus, config["scoring"]["job"])
    return [job for name, job in checkpoints_by_job(config) if name == corpus]


def checkpoints_by_job(config: dict[str, Any]) -> dict[tuple[str, str], list[Checkpoint]]:
    """The checkpoints of every scoring job, by corpus and job, in the order of their table.

    Raises
    ------
    RelscaleError
        The table cannot be read, or jobs are budgets and it tells none.
    """
    unit = config["scoring"]["job"]
    found: dict[tuple[str, str], list[Checkpoint]] = {}
    for each in checkpoints(config):
        if each.model is not None:
            found.setdefault((each.corpus, _scored_in(each, unit)), []).append(each)
    return found


def job_checkpoints(config: dict[str, Any], corpus: str, job: str) -> list[Checkpoint]:
    """The checkpoints of a scoring job, which may be named as the run that it is.

    Raises
    ------
    RelscaleError
        The table has no such job.
    """
    by_job = checkpoints_by_job(config)
    found = by_job.get((corpus, job)) or by_job.get((corpus, file_name(job)))
    if not found:
        jobs = [each for name, each in by_job if name == corpus]
        raise RelscaleError(f"no job {job!r} for corpus {corpus!r}; {_listed(jobs)}")
    return found


def _listed(jobs: list[str]) -> str:
    more = f" and {len(jobs) - 5} more" if len(jobs) > 5 else ""
    return f"jobs: {', '.join(jobs[:5]) or 'none'}{more}"


def _scored_in(checkpoint: Checkpoint, unit: str) -> str:
    if unit != "budget":
        return {"corpus": "all", "run": file_name(checkpoint.run)}[unit]
    if checkpoint.budget is None:
        raise RelscaleError(
            f"scoring.job: the table tells no budget of {checkpoint.run}; have it scored by corpus or by run"
        )
    return budget_label(checkpoint.budget)
