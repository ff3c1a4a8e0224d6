"""The tasks behind a name of lm-eval, which is a task, a tag or a group, with the settings of the groups above each."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relscale.errors import RelscaleError
from relscale.scoring.supported_tasks import unsupported

if TYPE_CHECKING:
    from relscale.scoring.lm_eval_tasks import TaskManager


# Keys of a group's file that concern the group; all others concern its tasks.
GROUP_KEYS = ("group", "task", "group_alias", "aggregate_metric_list", "metadata", "include", "tag")


@dataclass(frozen=True)
class Leaf:
    """One task of a named task or group: lm-eval's YAML with its group's settings, or why it is excluded."""

    name: str
    config: Mapping[str, Any]
    group_settings: Mapping[str, Any]
    refused: str | None = None


def leaves_of(
    name: str, manager: "TaskManager", suite: str, settings: Mapping[str, Any] | None = None
) -> Iterator[Leaf]:
    """The tasks of a name, each with the settings of its parent groups."""
    settings = settings or {}
    entry = manager.task_index.get(name)
    if entry is None:
        close = ", ".join(difflib.get_close_matches(name, manager.all_tasks, n=3))
        raise RelscaleError(
            f"suite {suite}: lm-eval has no task {name!r}" + (f"; did you mean {close}?" if close else "")
        )
    if name in manager.all_tags:
        yield from (_leaf(leaf, manager, settings) for leaf in sorted(entry.tags))
    elif name in manager.all_groups:
        group = entry.cfg or {}
        group_settings = {key: value for key, value in group.items() if key not in GROUP_KEYS}
        yield from _members(group["task"], manager, suite, {**group_settings, **settings})
    else:
        yield _leaf(name, manager, settings)


def _members(
    members: Iterable[Any], manager: "TaskManager", suite: str, inherited: Mapping[str, Any]
) -> Iterator[Leaf]:
    """The tasks of a group; its settings of a member override those of all, as in lm-eval."""
    several: list[Any] = members if isinstance(members, list) else [members]
    for member in several:
        settings = {"task": member} if isinstance(member, str) else dict(member)
        inside = settings.pop("task") if "group" in settings and "task" in settings else None
        named = settings.pop("task", None) or settings.pop("group", None)
        settings.pop("group", None)
        if inside is not None:
            shared_settings = {key: value for key, value in settings.items() if key not in GROUP_KEYS}
            yield from _members(inside, manager, suite, {**shared_settings, **inherited})
        elif named in manager.task_index:
            yield from leaves_of(named, manager, suite, {**inherited, **settings})
        else:
            yield Leaf(str(named), {}, {}, "is defined inside its group's file, or not at all")


def _leaf(name: str, manager: "TaskManager", settings: Mapping[str, Any]) -> Leaf:
    entry = manager.task_index.get(name)
    if entry is None:
        return Leaf(name, {}, settings, "is in lm-eval's index, but its file is missing")
    config = {**(entry.cfg or {}), **settings}
    if any(_is_function(value) for value in settings.values()):
        return Leaf(name, config, settings, "is given a function by its group")
    return Leaf(name, config, settings, unsupported(config, entry.yaml_path))


def _is_function(value: Any) -> bool:
    """Whether a value was a ``!function``, which lm-eval's index stores as a path and a name."""
    return isinstance(value, str) and Path(value).is_absolute() and Path(value).with_suffix(".py").is_file()
