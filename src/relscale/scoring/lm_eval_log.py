"""The files that lm-eval writes with ``--log_samples``, by task and model.

Below its output folder lm-eval makes a folder for each model, ``OUT/<model>/samples_<task>_<time>.jsonl``, and beside
these ``results_<time>.json``, which says with what model and settings they came about. Somebody may have packed the
samples since, or taken the time out of their names.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError

NAME = re.compile(
    r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d:.-]*\d))?\.jsonl(?:\.(?:gz|zst|bz2|xz))?"
)


@dataclass(frozen=True)
class TaskLog:
    """One file of samples.

    Attributes
    ----------
    task, time
        From its name; of several files of a task the newest counts, and one without a time is the oldest.
    path
        The file.
    """

    task: str
    time: str
    path: Path

    @property
    def results(self) -> Path:
        """Where lm-eval puts the results of the same evaluation; the file may not be there."""
        return self.path.with_name(f"results_{self.time}.json")

    @cached_property
    def _results(self) -> dict[str, Any]:
        return _read(self.results) if self.results.is_file() else {}

    @property
    def model(self) -> str | None:
        """The model's name as lm-eval was given it; None where no results say it."""
        name = self._results.get("model_name")
        return str(name) if name else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings, such as ``target_delimiter``; empty where no results say them."""
        return _mapping(_mapping(self._results.get("configs")).get(self.task))

    @property
    def chat_template(self) -> bool:
        """Whether the prompts were put into a chat template, as far as results say it."""
        return bool(self._results.get("chat_template"))

    @property
    def documents(self) -> int | None:
        """How many documents lm-eval asked; None where no results say it."""
        return self._count("effective")

    @property
    def documents_of_task(self) -> int | None:
        """How many the task has, of which ``--limit`` may have asked the first alone; None where no results say it."""
        return self._count("original")

    def _count(self, name: str) -> int | None:
        count = _mapping(_mapping(self._results.get("n-samples")).get(self.task)).get(name)
        return count if isinstance(count, int) else None


def task_logs(folder: str | Path, names: Iterable[str] = ()) -> dict[str, TaskLog]:
    """The newest file of samples of each task below a folder, all of one model.

    Parameters
    ----------
    folder
        A model's folder, or one above it.
    names
        What the model is called; where there are several models below the folder, the one of such a name is meant.

    Raises
    ------
    RelscaleError
        There are no such files, or those of several models and none of them, or more than one, has such a name.
    """
    task_logs = [
        TaskLog(named["task"], named["time"] or "", path)
        for path in sorted(Path(folder).rglob("samples_*.jsonl*"))
        if (named := NAME.fullmatch(path.name))
    ]
    if not task_logs:
        raise RelscaleError(f"{folder}: no samples_*.jsonl found; write them with lm_eval --log_samples")
    model_logs = _of_one_model(task_logs, list(names), Path(folder))
    newest: dict[str, TaskLog] = {}
    for log in sorted(model_logs, key=lambda entry: (entry.time, entry.path)):
        newest[log.task] = log
    return newest


def log_files(folder: str | Path) -> list[Path]:
    """All that `task_logs` may look at."""
    return sorted(
        path for name in ("samples_*.jsonl*", "results_*.json") for path in Path(folder).rglob(name)
    )


def folder_name(model: str) -> str:
    """The folder that lm-eval gives a model: ``EleutherAI__pythia-70m``."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", model)


def _of_one_model(task_logs: Sequence[TaskLog], names: list[str], folder: Path) -> list[TaskLog]:
    """The files of the one model that there is, or that is meant."""
    models: dict[tuple[str, str | None], list[TaskLog]] = {}
    several = len({log.results for log in task_logs if log.results.is_file()}) > 1
    for log in task_logs:
        models.setdefault((log.path.parent.name, log.model if several else None), []).append(log)
    if len(models) > 1:
        meant = {key: logs for key, logs in models.items() if any(_is_called(key, name) for name in names)}
        if len(meant) != 1:
            models_text = ", ".join(sorted({_shown(logs, folder) for logs in models.values()}))
            raise RelscaleError(
                f"{folder}: samples of {len(models)} models ({_first(models_text)}); name the folder of one of them, "
                "or give the run the name of the model's folder"
            )
        models = meant
    ((_, logs),) = models.items()
    _check_folders(logs, folder)
    return logs


def _is_called(key: tuple[str, str | None], name: str) -> bool:
    folder, model = key
    if model is not None:
        return name in (model, folder_name(model), Path(model).name)
    return folder in (name, folder_name(name)) or folder.split("__")[-1] == name


def _check_folders(logs: Sequence[TaskLog], folder: Path) -> None:
    """Two folders of one name may be of two models: one task in both is a question that nobody here can answer."""
    known: dict[str, TaskLog] = {}
    for log in logs:
        other = known.setdefault(log.task, log)
        if other.path.parent != log.path.parent:
            raise RelscaleError(
                f"{folder}: samples of the task {log.task!r} in {other.path.parent} and in {log.path.parent}; "
                "name the folder that is meant"
            )


def _shown(logs: Sequence[TaskLog], folder: Path) -> str:
    place = logs[0].path.parent.relative_to(folder)
    return str(place) if place.parts else str(logs[0].model)


def _first(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most].rsplit(', ', 1)[0]} …"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RelscaleError(f"{path}: not a results file of lm-eval; restore or remove it") from error
    return dict(_mapping(content))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
