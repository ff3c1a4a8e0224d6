"""Code in a folder of tasks, which is refused unless the experiment trusts the folder.

lm-eval's YAML may name Python functions (``!function``), which run when a task is loaded. A suite from a third
party, or next to downloaded models, must not run code. Allowed are relscale's readers of
data and the functions of lm-eval's own tasks; with ``scoring: {trust_suite_code: true}`` all functions.

`refuse_code` checks a folder before it is loaded; ``relscale.scoring.lm_eval_tasks`` checks `is_allowed` again
when lm-eval imports a function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from relscale.errors import RelscaleError
from relscale.scoring.manifest import FILE

OPTION = "scoring.trust_suite_code: true"
READERS = (
    "relscale.scoring.kept_documents.read",
    "relscale.scoring.local_data.files",
    "relscale.scoring.local_data.jsonl",
)
LM_EVAL = "lm_eval.tasks."
# Arguments of `datasets.load_dataset` that locate and read files, and neither run code nor write.
LOADING = (
    *("column_names", "columns", "data_dir", "data_file", "data_files", "data", "dataset_name", "delimiter"),
    *(
        "document_file",
        "encoding",
        "examples",
        "features",
        "field",
        "header",
        "keep_in_memory",
        "names",
        "path",
    ),
    *(
        "quotechar",
        "quoting",
        "revision",
        "sep",
        "skiprows",
        "split",
        "split_files",
        "streaming",
        "verification_mode",
    ),
)
CONNECTING = (
    "generator",
    "iceberg",
    "pandas",
    "spark",
    "sql",
)  # builders of datasets that do more than read

_trusted = False


def trust_suite_code(trusted: bool) -> None:
    """Set for this process whether functions of any folder may run (``scoring.trust_suite_code``)."""
    global _trusted
    _trusted = trusted


def is_trusted() -> bool:
    """Whether functions of any folder may run in this process."""
    return _trusted


@cache
def lm_eval_folder() -> Path:
    """The folder of lm-eval's own tasks."""
    spec = find_spec("lm_eval")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "tasks").resolve()


def is_allowed(function: str, folder: str | Path) -> bool:
    """Whether a YAML file in an untrusted ``folder`` may name a function."""
    if Path(folder).resolve().is_relative_to(lm_eval_folder()):
        return True
    return function in READERS or function.startswith(LM_EVAL)


@dataclass(frozen=True)
class Function:
    """The function named by ``!function``."""

    name: str


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!function", lambda loader, node: Function(str(loader.construct_scalar(node))))


def refuse_code(folder: str | Path) -> None:
    """Refuse a suite's folder with a task that names code that is not allowed; nothing is imported.

    Raises
    ------
    RelscaleError
        A task names such code; the message states the file, the function and the option that trusts it.
    """
    root = Path(folder)
    for path in sorted(root.rglob("*")):
        if path.is_symlink() and path.is_dir() and not path.resolve().is_relative_to(root.resolve()):
            raise RelscaleError(
                f"{path}: points outside the suite's folder, to {path.resolve()}; put a copy inside"
            )
        if path.suffix == ".yaml" and path != root / FILE:
            _refuse_in(path, root, set())


def _refuse_in(path: Path, root: Path, visited: set[Path]) -> None:
    """Refuse a task's file if it, or a file that it includes, names code."""
    if path.resolve() in visited:
        return
    visited.add(path.resolve())
    try:
        task = yaml.load(path.read_bytes(), _Loader)
    except OSError as error:
        raise RelscaleError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RelscaleError(f"{path}: not a task that lm-eval reads ({_reason(error)})") from error
    if not isinstance(task, dict):
        return
    for function in _functions(task, set()):
        if not is_allowed(function, path.parent):
            raise RelscaleError(f"{path}: runs code, the function {function!r}; set {OPTION} if you trust it")
    for problem in _loading(task):
        raise RelscaleError(f"{path}: {problem}; set {OPTION} if you trust it")
    included = task.get("include", [])
    for name in included if isinstance(included, list) else [included]:
        target = (path.parent / str(name)).resolve()
        if target.is_relative_to(lm_eval_folder()):
            continue
        if not target.is_relative_to(root.resolve()):
            raise RelscaleError(
                f"{path}: includes {name!r}, which is outside the suite's folder; set {OPTION} if you trust it"
            )
        _refuse_in(target, root, visited)


def _functions(value: Any, visited: set[int]) -> Iterator[str]:
    """The functions in a value; a part that occurs several times, or in itself, is visited once."""
    if id(value) in visited:
        return
    visited.add(id(value))
    if isinstance(value, Function):
        yield value.name
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            yield from _functions(part, visited)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _functions(part, visited)


def _loading(task: dict[Any, Any]) -> Iterator[str]:
    """Settings of a task's data or prompts that may do more than read, as the rest of a sentence."""
    options = task.get("dataset_kwargs")
    for key in options if isinstance(options, dict) else ():
        if key not in LOADING:
            yield f"loads its data with {key!r}, which may run code or write files"
    dataset = task.get("dataset_path")
    if isinstance(dataset, str) and (dataset in CONNECTING or dataset.endswith(".py")):
        yield f"loads its data by {dataset!r}, which runs code"
    prompt = task.get("use_prompt")
    if prompt is not None and not str(prompt).startswith("qa-basic:"):
        yield f"takes its prompts from {prompt!r}"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
