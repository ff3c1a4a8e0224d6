"""The metrics that a task of lm-eval declares: their names, directions and aggregations.

A metric's name in measurements is ``lm_eval_`` and lm-eval's name: ``lm_eval_acc_norm``, ``lm_eval_word_perplexity``.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from relscale.errors import RelscaleError

PREFIX = "lm_eval_"
UNFILTERED = "none"  # lm-eval's name for unfiltered responses


def metric_name(metric: str, filtered: str) -> str:
    """The name in measurements of one of lm-eval's metrics, with its filter if there is one."""
    return f"{PREFIX}{metric}" if filtered == UNFILTERED else f"{PREFIX}{metric}_{filtered}"


def filled_registry() -> ModuleType:
    """lm-eval's registry of metrics, which importing its metrics fills."""
    import_module("lm_eval.api.metrics")
    return import_module("lm_eval.api.registry")


def aggregation_name(function: Callable[..., Any] | None) -> str | None:
    """lm-eval's name of an aggregation, by default the mean; None for a function of the task's own."""
    if function is None:
        return "mean"
    known_functions = filled_registry().AGGREGATION_REGISTRY
    return next((name for name, known in known_functions.items() if known is function), None)


def task_config(folder: str | Path, name: str) -> Mapping[str, Any]:
    """The YAML of a task of a prepared suite, with its functions imported.

    Raises
    ------
    RelscaleError
        There is no such task.
    """
    from relscale.scoring.lm_eval_tasks import TaskManager, load_yaml

    entry = TaskManager(include_defaults=False, include_path=str(Path(folder) / "tasks")).task_index.get(name)
    if entry is None or entry.yaml_path is None:
        raise RelscaleError(f"{folder}: no task {name!r}; prepare the suite again")
    config: Mapping[str, Any] = load_yaml(entry.yaml_path)
    return config


def directions(config: Mapping[str, Any]) -> dict[str, bool]:
    """Whether higher is better, for each metric of a task's YAML, by the metric's name in measurements."""
    higher_is_better = filled_registry().HIGHER_IS_BETTER_REGISTRY
    filters = [entry["name"] for entry in config.get("filter_list") or [{"name": UNFILTERED}]]
    return {
        metric_name(entry["metric"], filtered): bool(
            entry.get("higher_is_better", higher_is_better.get(entry["metric"], True))
        )
        for entry in _metric_list(config)
        for filtered in filters
        if isinstance(entry["metric"], str)
    }


def _metric_list(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    named: Sequence[Mapping[str, Any]] | None = config.get("metric_list")
    if named is None:
        return [{"metric": name} for name in filled_registry().DEFAULT_METRIC_REGISTRY[config["output_type"]]]
    return named


def aggregations(config: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The aggregation function of each metric of a task's YAML, by the metric's name."""
    registry = filled_registry()
    aggregations = {}
    for entry in _metric_list(config):
        metric, function = entry["metric"], entry.get("aggregation")
        if function is None:
            function = registry.get_metric_aggregation(metric)
        aggregations[metric] = registry.get_aggregation(function) if isinstance(function, str) else function
    return aggregations
