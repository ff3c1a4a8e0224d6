"""Loading of lm-eval's tasks: templates run in a sandbox, and functions only if they are trusted.

Importing this module installs the guards in lm-eval; no other module imports ``lm_eval.tasks``.

- Prompt templates are Jinja, whose expressions can access any Python object. They are rendered in Jinja's sandbox.
- A function that a YAML file names is imported only if ``relscale.scoring.suite_code`` allows it. Functions of relscale
and of
  lm-eval's tasks come from the installed packages, never from files of the same name next to the YAML file.
- Links to folders of tasks are followed.
- A metric that lm-eval does not know is code, which ``evaluate`` would load from the working folder or the hub. It is
  ignored, as it is without a network; relscale's scores need none.
"""

import ast
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import lm_eval.api.task
import lm_eval.utils
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from lm_eval.api.registry import get_metric, metric_registry
from lm_eval.tasks import TaskManager, _yaml_loader
from lm_eval.tasks._index import TaskIndex
from lm_eval.tasks._yaml_loader import load_yaml

from relscale.errors import RelscaleError
from relscale.scoring.suite_code import LM_EVAL, OPTION, READERS, is_allowed, is_trusted, lm_eval_folder
from relscale.scoring.task_files import yaml_files

__all__ = ["TaskManager", "compiled_once", "load_yaml"]

# Calls and modules by which a function does more than compute, as in a few of lm-eval's tasks that run programs.
RUNNING = ("__import__", "compile", "eval", "exec", "open")
RUNNERS = ("evaluate", "importlib", "pickle", "shutil", "subprocess", "tempfile")

_import_any: Callable[[str, Path], Any] = _yaml_loader._import_func_in_yml


def _sandbox() -> ImmutableSandboxedEnvironment:
    """lm-eval's template environment in a sandbox."""
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    sandbox.filters["regex_replace"] = lm_eval.utils.regex_replace
    return sandbox


def _import_allowed(name: str, folder: Path) -> Any:
    """The function that a YAML file in ``folder`` names.

    Raises
    ------
    RelscaleError
        The function is not allowed.
    """
    if is_trusted() or folder.resolve().is_relative_to(lm_eval_folder()):
        return _import_any(name, folder)
    if not is_allowed(name, folder):
        raise RelscaleError(
            f"{folder}: a task runs code, the function {name!r}; set {OPTION} if you trust it"
        )
    module, _, function = name.rpartition(".")
    if name not in READERS and not _is_pure(module):
        raise RelscaleError(
            f"{folder}: {name!r} of lm-eval runs commands or writes; set {OPTION} if you trust its data"
        )
    target = getattr(importlib.import_module(module), function)
    if name not in READERS and (
        not name.startswith(LM_EVAL) or getattr(target, "__module__", None) != module
    ):
        raise RelscaleError(
            f"{folder}: a task names {name!r}, which is not a function of lm-eval's own tasks"
        )
    return target


def _is_pure(module: str) -> bool:
    """Whether the source of a module of lm-eval neither runs code nor opens files; it is read, not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return True  # the import reports the error
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNNING:
            return False
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.partition(".")[0] in RUNNERS for name in names):
            return False
    return True


@contextmanager
def compiled_once() -> Iterator[None]:
    """Make lm-eval compile each prompt template once instead of once per document, which takes 80% of its time."""
    env = lm_eval.utils.env
    compile_template = env.from_string
    env.from_string = cache(compile_template)
    try:
        yield
    finally:
        env.from_string = compile_template


def _known_metric(name: str, hf_evaluate_metric: bool = False) -> Any:
    if is_trusted() or (name in metric_registry and not hf_evaluate_metric):
        return get_metric(name, hf_evaluate_metric)
    return None


lm_eval.utils.env = _sandbox()
_yaml_loader._import_func_in_yml = _import_allowed
TaskIndex._iter_yaml_files = staticmethod(yaml_files)
lm_eval.api.task.get_metric = _known_metric
