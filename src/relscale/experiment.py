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


def job_names(config: dict[str, Any], corpus: str, unit: str) -> list[str]:
    """The jobs of a corpus."""
    return list(dict.fromkeys(job_name(run, unit) for run in planned(config) if run.corpus == corpus))


def job_runs(config: dict[str, Any], corpus: str, job: str, unit: str) -> list[Run]:
    """The runs of a job.

    Raises
    ------
    RelscaleError
        The plan has no such job.
    """
    runs = [
        run
        for run in planned(config)
        if run.corpus == corpus and job_name(run, unit) in (job, file_name(job))
    ]
    if not runs:
        raise RelscaleError(
            f"no job {job!r} for corpus {corpus!r}; jobs: {', '.join(job_names(config, corpus, unit))}"
        )
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
    unit = config["scoring"]["job"]
    if source(config) == "train":
        return job_names(config, corpus, unit)
    return list(dict.fromkeys(_scored_in(checkpoint, unit) for checkpoint in _to_score(config, corpus)))


def job_checkpoints(config: dict[str, Any], corpus: str, job: str) -> list[Checkpoint]:
    """The checkpoints of a scoring job.

    Raises
    ------
    RelscaleError
        The table has no such job.
    """
    unit = config["scoring"]["job"]
    named = (job, file_name(job))
    found = [each for each in _to_score(config, corpus) if _scored_in(each, unit) in named]
    if not found:
        raise RelscaleError(
            f"no job {job!r} for corpus {corpus!r}; jobs: {', '.join(score_jobs(config, corpus)) or 'none'}"
        )
    return found


def _to_score(config: dict[str, Any], corpus: str) -> list[Checkpoint]:
    return [each for each in checkpoints(config) if each.corpus == corpus and each.model is not None]


def _scored_in(checkpoint: Checkpoint, unit: str) -> str:
    if unit != "budget":
        return {"corpus": "all", "run": file_name(checkpoint.run)}[unit]
    if checkpoint.budget is None:
        raise RelscaleError(
            f"scoring.job: the table tells no budget of {checkpoint.run}; have it scored by corpus or by run"
        )
    return budget_label(checkpoint.budget)
