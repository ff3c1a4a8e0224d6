"""What travels between modules has a type of its own: no ``dict[str, Any]`` or ``Mapping[str, Any]`` in the signature
of a public function."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import relscale

PACKAGE = Path(relscale.__file__).parent
OPEN = ("dict[str, Any]", "Mapping[str, Any]")

# Formats of others, whose keys are not for us to declare, and values before they are checked.
FOREIGN = {
    "design/run.py": "run.json",
    "experiments/config.py": "YAML",
    "experiments/config_schema.py": "JSON Schema",
    "experiments/schema_values.py": "JSON Schema",
    "figures/browser.py": "a figure of plotly",
    "figures/chart/axes.py": "an axis of plotly",
    "figures/chart/hover.py": "properties of a trace of plotly",
    "figures/chart/reflow.py": "a layout of plotly",
    "figures/chart/style.py": "a line, a marker and a layout of plotly",
    "fitting/fit.py": "options of a config",
    "fitting/settings.py": "options of a config",
    "measurements/inferred_task.py": "a task of lm-eval",
    "measurements/logged_metrics.py": "samples of lm-eval",
    "scoring/declared_metrics.py": "a task of lm-eval",
    "scoring/engine.py": "the interface of lm-eval's models",
    "scoring/lm_eval_log.py": "results of lm-eval",
    "scoring/local_splits.py": "a task of lm-eval",
    "scoring/manifest_defaults.py": "keys of a suite.yaml as they were written",
    "scoring/safetensors_header.py": "a header of safetensors",
    "scoring/supported_tasks.py": "a task of lm-eval",
    "scoring/target_agreement.py": "a task of lm-eval",
    "scoring/task_leaves.py": "a task of lm-eval",
    "scoring/task_values.py": "a task of lm-eval",
    "storage/rows.py": "the fields of any row",
    "training/adam.py": "a parameter group of torch",
    "training/checkpoint.py": "config.json of Hugging Face",
    "training/decay_groups.py": "a parameter group of torch",
    "training/distributed_model.py": "a state of torch",
    "training/history.py": "a state of torch",
    "training/optimizers/muon.py": "a parameter group of torch",
    "training/state.py": "a state of torch",
}


def open_functions(source: str) -> Iterator[str]:
    """The public functions and methods of a module with an untyped mapping in their signature, an alias of it too."""
    module = ast.parse(source)
    aliases = {
        target.id
        for each in module.body
        if isinstance(each, ast.Assign) and any(kind in ast.unparse(each.value) for kind in OPEN)
        for target in each.targets
        if isinstance(target, ast.Name)
    }

    def is_open(hint: ast.expr | None) -> bool:
        return hint is not None and (
            any(kind in ast.unparse(hint) for kind in OPEN)
            or any(isinstance(each, ast.Name) and each.id in aliases for each in ast.walk(hint))
        )

    def visit(body: list[ast.stmt], owner: str) -> Iterator[str]:
        for each in body:
            if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
                yield from visit(each.body, f"{each.name}.")
            if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                given = each.args
                several = [given.vararg, given.kwarg]
                arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, several)]
                if any(map(is_open, [each.returns, *(argument.annotation for argument in arguments)])):
                    yield owner + each.name

    yield from visit(module.body, "")


@cache
def found() -> dict[str, set[str]]:
    """By file, relative to the package."""
    by_file = {
        path.relative_to(PACKAGE).as_posix(): set(open_functions(path.read_text(encoding="utf-8")))
        for path in PACKAGE.rglob("*.py")
    }
    return {file: names for file, names in by_file.items() if names}


@pytest.mark.slow
def test_public_functions_take_and_give_types() -> None:
    own = {file: names for file, names in found().items() if file not in FOREIGN}
    assert own == {}


@pytest.mark.slow
def test_a_file_is_excused_only_while_it_reads_a_format_of_others() -> None:
    assert FOREIGN.keys() <= found().keys()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x: dict[str, Any]) -> int: ...", ["f"]),
        ("def f(x: Mapping[str, Any]) -> int: ...", ["f"]),
        ("def f(*x: int, **y: list[dict[str, Any]]) -> int: ...", ["f"]),
        ("Row = dict[str, Any]\nclass A:\n    def f(self) -> list[Row]: ...", ["A.f"]),
        ("def _f(x: dict[str, Any]) -> int: ...\nclass _A:\n    def f(self) -> dict[str, Any]: ...", []),
        ("def f(x: dict[str, int]) -> None:\n    y: dict[str, Any] = {}", []),
    ],
)
def test_a_signature_with_an_untyped_mapping_is_seen(source: str, names: list[str]) -> None:
    assert list(open_functions(source)) == names
