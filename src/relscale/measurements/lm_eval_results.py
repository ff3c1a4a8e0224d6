"""Scores of tasks and groups from lm-eval's results (``results_<time>.json``), one row per score.

They are means over items without the items, so intervals of a law fitted to them reflect only the scatter of models.
``samples_*.jsonl`` (``lm_eval --log_samples``) contain the items.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.storage.folder_files import files_below
from relscale.storage.rows import column, names_of, table_of
from relscale.storage.tables import listed

RESULTS = "results"  # the column of a user's table that names the files
BOUNDED = ("acc", "exact_match", "f1", "em", "contains")  # prefixes of metrics whose best value is 1
EQUAL = {  # settings that must be equal for all models of one task
    "shots": "examples in the prompt",
    "task_version": "versions of the task",
    "items": "numbers of documents",
    "subtasks": "tasks, examples or versions",
}
NO_ITEMS = (
    "note: lm-eval's results have no items, so intervals reflect only the scatter between models; samples_*.jsonl "
    "have the items"
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d.:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One score of one model."""

    model: str | None = column("The model, as passed to lm-eval.")
    task: str = column("The task, or the group of tasks.")
    kind: str = column("task, or group: the mean over its tasks.")
    metric: str = column("Such as acc or word_perplexity.")
    filter: str = column("lm-eval's filter of the responses; none for most tasks.")
    score: float | None = column("The metric.", default=None)
    stderr: float | None = column("Its standard error over items; null if lm-eval reports N/A.", default=None)
    error: float | None = column(
        "The metric if lower is better; 1 − score if the best score is 1.", default=None
    )
    items: int | None = column(
        "Number of scored documents; for a group, the sum over its tasks.", default=None
    )
    shots: int | None = column(
        "Examples in the prompt; null if lm-eval does not state it, or the tasks of a group differ.",
        default=None,
    )
    task_version: str | None = column(
        "Version of the task; null if lm-eval does not state it, or the tasks of a group differ.",
        default=None,
    )
    subtasks: str | None = column(
        "The tasks of a group with their examples and versions; null for a task.", default=None
    )


def read_results(path: str | Path) -> list[Score]:
    """The scores of one model.

    Parameters
    ----------
    path
        A file written by lm-eval, or a folder with files of one model, of which the newest with each task and number
        of examples is used.

    Raises
    ------
    RelscaleError
        There is no such file, it is not a results file, or the folder has files of several models.
    """
    path = Path(path)
    if not path.is_dir():
        return _scores(path)
    found = (file for file in files_below(path) if fnmatch(file.name, "results_*.json"))
    files = sorted(found, key=lambda file: (_time(file), file))
    if not files:
        raise RelscaleError(f"{path}: no results_*.json in it; lm_eval writes it with --output_path")
    rows = [row for file in files for row in _scores(file)]
    models = sorted({str(row.model) for row in rows})
    if len(models) > 1:
        raise RelscaleError(
            f"{path}: results of {len(models)} models ({listed(models, 3)}); name the folder or the file of one of them"
        )
    return _newest(rows)


def _newest(rows: Iterable[Score]) -> list[Score]:
    """The newest of each score, of rows in the order of time; one for each number of examples, if that is known."""
    scores: dict[tuple[str, str, str], dict[int | None, Score]] = {}
    for row in rows:
        by_shots = scores.setdefault((row.task, row.metric, row.filter), {})
        if row.shots is None:
            by_shots.clear()
        by_shots.pop(None, None)
        by_shots[row.shots] = row
    return [row for by_shots in scores.values() for row in by_shots.values()]


def names_results(table: pa.Table, folder: Path) -> bool:
    """Whether a table has a column ``results`` with paths of lm-eval's files or folders."""
    if RESULTS not in table.column_names:
        return False
    cells = [cell for cell in table[RESULTS].to_pylist() if isinstance(cell, str) and cell]
    return any(cell.endswith((".json", ".jsonl")) or (folder / cell).is_dir() for cell in cells)


def with_scores(table: pa.Table, folder: Path, name: str) -> pa.Table:
    """Expand a table of models with a column ``results`` to one row per model and score.

    Parameters
    ----------
    table
        One row per model.
    folder
        Folder that its paths are relative to.
    name
        Name of the table, for messages.

    Raises
    ------
    RelscaleError
        A row has no results, they cannot be read, or a column of the table contradicts them.
    """
    origins: list[int] = []
    scores: list[Score] = []
    for place, cell in enumerate(table[RESULTS].to_pylist()):
        if not isinstance(cell, str) or not cell:
            raise RelscaleError(f"{name}, row {place + 1}: no file in the column 'results'")
        rows = read_results(folder / cell)
        scores += rows
        origins += [place] * len(rows)
    selected = table.drop_columns(RESULTS).take(origins)
    read = table_of(Score, scores)
    for field in names_of(Score):
        if field not in selected.column_names:
            selected = selected.append_column(field, read[field])
        elif field != "model":
            place = selected.column_names.index(field)
            both = _completed(read[field], selected[field], f"{name}: the column {field!r}")
            selected = selected.set_column(place, field, both)
    return selected


def _completed(read: pa.ChunkedArray, stated: pa.ChunkedArray, subject: str) -> pa.ChunkedArray:
    """A column of the results, with missing values from the table.

    Raises
    ------
    RelscaleError
        Both state a value, and they differ.
    """
    try:
        values = stated.cast(read.type)
    except pa.ArrowException:
        raise RelscaleError(
            f"{subject} is also one of lm-eval's results, as {read.type}; rename it"
        ) from None
    for ours, theirs in zip(values.to_pylist(), read.to_pylist(), strict=True):
        if None not in (ours, theirs) and ours != theirs:
            raise RelscaleError(
                f"{subject} has {ours}, but lm-eval's results have {theirs}; correct it, or rename it"
            )
    return pc.coalesce(read, values)


def check_one_metric(table: pa.Table, name: str) -> None:
    """Refuse scores of several metrics or filters, or of both tasks and groups; the message states how to choose."""
    for choice in ("metric", "filter", "kind"):
        values = sorted(set(table[choice].to_pylist()))
        if len(values) > 1:
            raise RelscaleError(
                f"{name}: lm-eval's results have several values of {choice}, {listed(values, 6)}; choose one, such as "
                f"--where {choice}={values[0]}"
            )


def check_equal_tasks(table: pa.Table, name: str, separate: Sequence[str] = ()) -> None:
    """Refuse scores of one task if its examples, versions or documents differ between models.

    Parameters
    ----------
    table
        As from `with_scores`.
    name
        Name of the table, for messages.
    separate
        Columns whose values are fitted separately, such as groups.

    Raises
    ------
    RelscaleError
        They differ; the message names the task and how to choose.
    """
    for column_name, what in EQUAL.items():
        known: dict[tuple[object, ...], Any] = {}
        keys = zip(*(table[key].to_pylist() for key in ("task", "metric", "filter", *separate)), strict=True)
        for key, value in zip(keys, table[column_name].to_pylist(), strict=True):
            other = value if value is None else known.setdefault(key, value)
            if other != value:
                choose = (
                    ""
                    if column_name == "subtasks"
                    else f"choose one, such as --where {column_name}={value}, or "
                )
                raise RelscaleError(
                    f"{name}: the models were scored on {key[0]} with different {what}, {other} and {value}, so "
                    f"that they are not comparable; {choose}score again"
                )


def refuse_lone_results(path: Path) -> None:
    """Refuse a file of lm-eval's results in place of a table, and explain how to write one."""
    if path.suffix == ".json" and path.name.startswith("results_"):
        raise RelscaleError(
            f"{path}: lm-eval's results of one model, and a law needs several; write a table with the columns "
            "run,training_flops,results, one row per model, and fit that"
        )


def _time(path: Path) -> str:
    match = TIME.search(path.name)
    return match[0] if match else ""


def _scores(path: Path) -> list[Score]:
    if path.suffix == ".jsonl":
        raise RelscaleError(
            f"{path}: samples, not results_*.json; name their folder as 'samples' in a table of checkpoints "
            "(runs: {source: checkpoints}), which reads their items"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RelscaleError(f"{path}: no such file; name a results_*.json of lm-eval") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RelscaleError(f"{path}: damaged: not valid JSON of lm-eval; copy it again") from error
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, dict) or not all(isinstance(result, dict) for result in results.values()):
        raise RelscaleError(f"{path}: not results of lm-eval: it has no 'results' with a mapping per task")
    rows = [row for task, cells in results.items() for row in _of_task(document, task, cells)]
    if not rows:
        raise RelscaleError(f"{path}: lm-eval's results without a score")
    return rows


def _of_task(scores: Mapping[str, Any], task: str, cells: Mapping[str, Any]) -> Iterator[Score]:
    """The scores of a task, from keys ``metric,filter`` and standard errors from keys ``metric_stderr,filter``."""
    model = scores.get("model_name")
    directions = _mapping(_mapping(scores.get("higher_is_better")).get(task))
    tasks = _tasks_of(scores, task)
    all_shots = [_whole(_mapping(scores.get("n-shot")).get(part)) for part in tasks]
    versions = [_as_text(_mapping(scores.get("versions")).get(part)) for part in tasks]
    counts = [
        _whole(_mapping(_mapping(scores.get("n-samples")).get(part)).get("effective")) for part in tasks
    ]
    known_counts = [count for count in counts if count is not None]
    is_group = task in _mapping(scores.get("groups")) or bool(
        _mapping(scores.get("group_subtasks")).get(task)
    )
    for key, value in cells.items():
        metric, comma, filter_name = key.partition(",")
        if not comma or metric.endswith("_stderr"):
            continue
        score = _number(value)
        items = sum(known_counts) if len(known_counts) == len(tasks) else _whole(cells.get("sample_len"))
        yield Score(
            model=str(model) if model else None,
            task=task,
            kind="group" if is_group else "task",
            metric=metric,
            filter=filter_name,
            score=score,
            stderr=_number(cells.get(f"{metric}_stderr,{filter_name}")),
            error=_error(metric, score, directions.get(metric)),
            items=items,
            shots=all_shots[0] if len(set(all_shots)) == 1 else None,
            task_version=versions[0] if len(set(versions)) == 1 else None,
            subtasks="; ".join(sorted(map(_subtask, tasks, all_shots, versions))) if is_group else None,
        )


def _subtask(task: str, shots: int | None, version: str | None) -> str:
    stated = [f"{shots} examples"] if shots is not None else []
    stated += [f"version {version}"] if version is not None else []
    return f"{task} ({', '.join(stated)})" if stated else task


def _as_text(version: Any) -> str | None:
    """A version as text: 1 and 1.0 are the same."""
    return f"{version:g}" if isinstance(version, int | float) else None if version is None else str(version)


def _tasks_of(scores: Mapping[str, Any], name: str) -> list[str]:
    """The tasks of a group, through the groups in it; of a task itself."""
    subtasks = _mapping(scores.get("group_subtasks"))
    found: dict[str, None] = {}
    left, seen = [name], set()
    while left:
        part = left.pop()
        if part in seen:
            continue
        seen.add(part)
        parts = subtasks.get(part)
        if isinstance(parts, list) and parts:
            left += map(str, parts)
        else:
            found[part] = None
    return list(found)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _error(metric: str, score: float | None, higher_is_better: Any) -> float | None:
    if score is None or higher_is_better is False:
        return score
    return 1 - score if higher_is_better and metric.startswith(BOUNDED) and 0 <= score <= 1 else None


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
