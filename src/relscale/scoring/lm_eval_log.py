"""The files that lm-eval writes with ``--log_samples``, by task and model.

In its output folder lm-eval writes ``OUT/<model>/samples_<task>_<time>.jsonl`` for each model, and next to
these ``results_<time>.json``, with the model and settings. The samples may have been compressed
since, or renamed without the time.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.storage.folder_files import files_below

NAME = re.compile(
    r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d:.-]*\d))?\.jsonl(?:\.(?:gz|zst|bz2|xz))?"
)


@dataclass(frozen=True)
class TaskLog:
    """One file of samples.

    Attributes
    ----------
    task, time
        Task and time in its name; the newest of several files of a task is used, and one without a time is the oldest.
    path
        The file.
    """

    task: str
    time: str
    path: Path

    @property
    def results(self) -> Path:
        """Path of lm-eval's results of the same evaluation; the file may be missing."""
        return self.path.with_name(f"results_{self.time}.json")

    @cached_property
    def _results(self) -> dict[str, Any]:
        return _read(self.results) if self.results.is_file() else {}

    @property
    def model(self) -> str | None:
        """The model's name as passed to lm-eval; None without results."""
        name = self._results.get("model_name")
        return str(name) if name else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The task's settings, such as ``target_delimiter``; empty without results."""
        return _mapping(_mapping(self._results.get("configs")).get(self.task))

    @property
    def chat_template(self) -> bool:
        """Whether the prompts were put into a chat template; False without results."""
        return bool(self._results.get("chat_template"))

    @property
    def documents(self) -> int | None:
        """Number of documents that lm-eval scored; None without results."""
        return self._count("effective")

    @property
    def documents_of_task(self) -> int | None:
        """Number of documents of the task, of which ``--limit`` scores the first ones only; None without results."""
        return self._count("original")

    def _count(self, name: str) -> int | None:
        count = _mapping(_mapping(self._results.get("n-samples")).get(self.task)).get(name)
        return count if isinstance(count, int) else None


def task_logs(folder: str | Path, names: Iterable[str] = ()) -> dict[str, TaskLog]:
    """The newest file of samples of each task below a folder, all of one model.

    Parameters
    ----------
    folder
        A model's folder, or a parent of it.
    names
        Names of the model, which select it if there are several models below the folder.

    Raises
    ------
    RelscaleError
        There are no such files, or files of several models of which not exactly one has such a name.
    """
    task_logs = [
        TaskLog(named["task"], named["time"] or "", path)
        for path in sorted(files_below(Path(folder)))
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
    """All files that `task_logs` may read."""
    return sorted(
        path
        for path in files_below(Path(folder))
        if NAME.fullmatch(path.name) or fnmatch(path.name, "results_*.json")
    )


def folder_name(model: str) -> str:
    """The folder that lm-eval gives a model: ``EleutherAI__pythia-70m``."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", model)


def _of_one_model(task_logs: Sequence[TaskLog], names: list[str], folder: Path) -> list[TaskLog]:
    """The files of the only model, or of the one that ``names`` select."""
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
    """Refuse a task in two folders of the same name, which may belong to different models."""
    known: dict[str, TaskLog] = {}
    for log in logs:
        other = known.setdefault(log.task, log)
        if other.path.parent != log.path.parent:
            raise RelscaleError(
                f"{folder}: samples of the task {log.task!r} in {other.path.parent} and in {log.path.parent}; "
                "name one of the two folders"
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
