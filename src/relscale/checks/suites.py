"""Checks of an experiment's suites, with their options, data, groups and metrics."""

import importlib.util
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relscale.checks import text
from relscale.corpora.files import PART
from relscale.errors import RelscaleError, keyed
from relscale.experiments.experiment import CheckpointExperiment, ScoredExperiment
from relscale.experiments.messages import unknown_name
from relscale.measurements.metric import metric_names
from relscale.scoring.builders import data_builders, documents_builders, grows
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.options import FEWEST_ITEMS, Suite
from relscale.scoring.suite_code import refuse_code
from relscale.scoring.suite_description import read_suite, suite_inputs
from relscale.storage.folder_files import files_below
from relscale.storage.tables import listed
from relscale.storage.yaml_text import NULL


@dataclass(frozen=True)
class SuiteContents:
    """The groups and metrics of a suite, as far as known before its data are read.

    Attributes
    ----------
    groups
        Its groups; None if they are known only from its data.
    metrics
        Its metrics; None if its tasks define them.
    subjects
        Its subjects; None if they are known only from its data.
    """

    groups: set[str] | None
    metrics: set[str] | None
    subjects: set[str] | None


def check_suite(name: str, experiment: ScoredExperiment) -> SuiteContents:
    """Check that a suite can be prepared, and return what it measures.

    Raises
    ------
    RelscaleError
        The suite, or an option, data, group or task of it, does not exist; the message begins with its key.
    """
    key, suite = f"suites.{name}", experiment.suites[name]
    try:
        with keyed(key):
            contents = _checked(key, name, suite, experiment)
    except RelscaleError as error:
        raise RelscaleError(str(error).replace(f"{key}: suite {name}: ", f"{key}: ")) from None
    _check_group(key, suite.baseline, contents.groups)
    return contents


def _checked(key: str, name: str, suite: Suite, experiment: ScoredExperiment) -> SuiteContents:
    if suite.lm_eval is not None:
        from relscale.scoring.named_tasks import data_by_task  # the import takes a second

        data_by_task(name, suite)
        if suite.include_path is not None and not experiment.scoring.trust_suite_code:
            refuse_code(suite.include_path)
        _check_tasks(key, suite.lm_eval, suite.include_path)
        suite_inputs(suite)
        return SuiteContents(set(suite.lm_eval) if len(suite.lm_eval) > 1 else None, None, None)
    if suite.path is not None and not experiment.scoring.trust_suite_code:
        refuse_code(suite.path)
    folder, manifest = read_suite(name, suite)
    is_built = (folder / "tasks").is_dir()
    _check_built_suite(key, suite, manifest, is_built, experiment)
    if manifest.builder is None and not is_built:
        _check_items(key, folder / "data", manifest)
    elif not is_built:
        _check_requested_items(key, manifest)
    suite_inputs(suite)
    subjects = _subjects(manifest)
    metrics = None if is_built and manifest.builder is None else _metrics(manifest, subjects)
    return SuiteContents(_groups(folder, manifest, is_built, experiment), metrics, subjects)


def _groups(
    folder: Path, manifest: Manifest, is_built: bool, experiment: ScoredExperiment
) -> set[str] | None:
    named = {*manifest.groups, *(other for group in manifest.groups.values() for other in group.also)}
    if is_built:
        return named
    if manifest.builder in documents_builders() and not manifest.groups:
        return _document_groups(experiment)
    if manifest.builder is None:  # a file without a task in the manifest is a group
        stems = {path.stem for path in (folder / "data").glob("*.jsonl")}
        return named | {task.group for task in manifest.tasks.values()} | (stems - set(manifest.tasks))
    return None if grows(manifest.builder) else named


def _metrics(manifest: Manifest, subjects: set[str] | None) -> set[str]:
    without_subjects, with_subjects = (metric_names(manifest.kind, has_subjects=has) for has in (False, True))
    if subjects is None:
        return {*without_subjects, *with_subjects}
    return set(with_subjects if subjects else without_subjects)


def _subjects(manifest: Manifest) -> set[str] | None:
    if manifest.builder in data_builders():
        return None
    return {task.subject for task in manifest.tasks.values() if task.subject}


def _check_built_suite(
    key: str, suite: Suite, manifest: Manifest, is_built: bool, experiment: ScoredExperiment
) -> None:
    """Check the sources of a suite that is built from held-out documents."""
    if manifest.builder not in documents_builders() or is_built:
        return
    if isinstance(experiment, CheckpointExperiment):
        raise RelscaleError(
            f"{key}: is built from held-out documents of corpora, but nothing is trained here; remove it, or "
            "put the prepared suite into suites/ beside the table, as `relscale export` does"
        )
    known = {part for name in experiment.corpus_sources for part in text.parts(experiment.sources[name])}
    part = manifest.options.part
    is_text = suite.part is None and known == {PART}  # which is then used in place of docstrings
    if part is not None and part not in known and not is_text:
        raise RelscaleError(unknown_name(f"{key}.part", "part", part, sorted(known), "in the sources"))
    found = _document_groups(experiment)
    if found is not None and not manifest.groups and len(found) < 2:
        raise RelscaleError(f"{key}: needs two groups, but the sources have one")


def _check_items(key: str, data: Path, manifest: Manifest) -> None:
    """Check that at least two groups have enough questions, or documents."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)  # the same documents under every prompt
    for file in sorted(data.glob("*.jsonl")):
        task = manifest.tasks.get(file.stem, Task(file.stem))
        with file.open("rb") as lines:
            counts[manifest.group_called(task.group)][task.prompt] += sum(
                bool(line.strip()) for line in lines
            )
    items = {group: max(by_prompt.values()) for group, by_prompt in counts.items()}
    if items and sum(count >= FEWEST_ITEMS for count in items.values()) < 2:
        counted = listed([f"{count} of {group}" for group, count in items.items()], 6)
        raise RelscaleError(
            f"{key}: a gap needs two groups with at least {FEWEST_ITEMS} items, but {data} has {counted}; add items"
        )


def _check_requested_items(key: str, manifest: Manifest) -> None:
    """Check that at least two groups, merged from those of the data, can have enough questions, or documents."""
    for option in ("documents", "questions"):
        requested = getattr(manifest.options, option)
        if requested is None or requested >= FEWEST_ITEMS:
            continue
        merged = [1 + len(group.also) for group in manifest.groups.values()]
        if sum(requested * n_groups >= FEWEST_ITEMS for n_groups in merged) < 2:
            raise RelscaleError(f"{key}.{option}: {requested} is not at least {FEWEST_ITEMS} per group")


def _document_groups(experiment: ScoredExperiment) -> set[str] | None:
    group_sets = [text.groups(name, source) for name, source in (experiment.sources or {}).items()]
    return (
        None
        if not group_sets or None in group_sets
        else {group for group_set in group_sets for group in group_set or ()}
    )


def _check_group(key: str, baseline: str | None, known: set[str] | None) -> None:
    if baseline is not None and known is not None and baseline not in known:
        raise RelscaleError(unknown_name(f"{key}.baseline", "group", baseline, sorted(known)))


def _check_tasks(key: str, names: Sequence[str], include_path: str | None) -> None:
    """Check that lm-eval's folder, or the user's, mentions each name.

    Whether a task can be scored is checked when it is prepared: building lm-eval's own index takes many seconds.
    """
    if any(NULL.fullmatch(name) for name in names):
        raise RelscaleError(f"{key}.lm_eval: is empty; name tasks of lm-eval, or remove the key")
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        return
    known = [Path(spec.submodule_search_locations[0], "tasks")]
    if include_path is not None:
        if not Path(include_path).is_dir():
            raise RelscaleError(f"{key}.include_path: no folder {include_path} (in {Path.cwd()})")
        known.append(Path(include_path))
    files = [file for top in known for file in files_below(top) if file.suffix in (".yaml", ".yml", ".py")]
    stems = {file.stem for file in files}
    missing = {name for name in names if name not in stems}
    for file in files if missing else ():
        content = file.read_text(encoding="utf-8", errors="replace")
        missing -= {name for name in missing if name in content and _index_contains(content, name)}
        if not missing:
            return
    if missing:
        raise RelscaleError(
            unknown_name(f"{key}.lm_eval", "task of lm-eval", sorted(missing)[0], sorted(stems))
        )


def _index_contains(content: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", content) is not None
