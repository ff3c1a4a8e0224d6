"""Pinned revisions of data sets and models on the hub: looked up once and stored beside the config.

``mine.yaml`` has its pins in ``mine.pins.yaml``: the commit of each data set and model, by name. A revision in the
config itself takes precedence over them.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from relscale.corpora.options import HubDataset
from relscale.errors import RelscaleError
from relscale.experiments.experiment import Experiment, MeasurementExperiment
from relscale.hub import latest_commit
from relscale.scoring.options import Suite
from relscale.storage.atomic import write_text
from relscale.storage.yaml_text import dump, read
from relscale.tokens.options import Vocabulary

KINDS = ("dataset", "model")
HEADER = "# Latest commits on the Hugging Face hub at the time of `relscale pin {}`.\n"

Revision = Callable[[str, str], str | None]
"""A function that returns the commit of a repository by its kind and name, or None if it has no pin."""


def pins_file(config: str | Path) -> Path:
    """The file of a config's pins, beside it."""
    return Path(config).with_suffix(".pins.yaml")


def write_pins(experiment: Experiment, path: str | Path) -> dict[str, dict[str, str]]:
    """Look up missing revisions of an experiment's repositories on the hub, and store them beside its config.

    Existing pins are kept; to renew one, delete its line.

    Parameters
    ----------
    experiment
        The experiment, as returned by ``load_config``.
    path
        Its config file.

    Returns
    -------
    dict
        Existing and new commits by kind and name.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, or has no such repository; pins found before the error are kept.
    """
    file = pins_file(path)
    pins = _read(file)
    try:
        for kind, name in unpinned(experiment):
            if name not in pins[kind]:
                pins[kind][name] = latest_commit(name, kind)
    finally:
        if any(pins.values()):
            text = dump({kind: dict(sorted(names.items())) for kind, names in sorted(pins.items()) if names})
            write_text(file, HEADER.format(Path(path).name) + text)
    return pins


def with_pins(experiment: Experiment, paths: Iterable[str | Path]) -> Experiment:
    """Fill in the revisions pinned beside the config files ``paths`` of an experiment.

    Raises
    ------
    RelscaleError
        A file of pins has another format.
    """
    files = [_read(pins_file(path)) for path in paths]
    pins = {
        kind: {name: commit for file_pins in files for name, commit in file_pins[kind].items()}
        for kind in KINDS
    }
    if not any(pins.values()):
        return experiment
    return _with_revisions(experiment, lambda kind, name: pins[kind].get(name))


def unpinned(experiment: Experiment) -> list[tuple[str, str]]:
    """The repositories that an experiment reads from the hub without a revision: kind and name of each."""
    names: list[tuple[str, str]] = []

    def note(kind: str, name: str) -> None:
        names.append((kind, name))

    _with_revisions(experiment, note)
    return names


def _with_revisions(experiment: Experiment, revision: Revision) -> Experiment:
    """Fill in the revision of each repository that has none."""
    if isinstance(experiment, MeasurementExperiment):
        return experiment.replaced(vocabulary=_pinned_vocabulary(experiment.vocabulary, revision))
    sources: dict[str, Any] = {}
    for name, source in (experiment.sources or {}).items():
        sources[name] = source
        if isinstance(source, HubDataset) and not source.revision and not Path(source.path).exists():
            sources[name] = source.model_copy(update={"revision": revision("dataset", source.path)})
    changed: dict[str, Any] = {"sources": sources} if sources else {}
    changed["vocabulary"] = _pinned_vocabulary(experiment.vocabulary, revision)
    changed["suites"] = {
        name: _pinned_suite(name, suite, revision) for name, suite in experiment.suites.items()
    }
    return experiment.replaced(**changed)


def _pinned_vocabulary(vocabulary: Vocabulary, revision: Revision) -> Vocabulary:
    if vocabulary.tokenizer is None or vocabulary.revision or Path(vocabulary.tokenizer).exists():
        return vocabulary
    commit = revision("model", vocabulary.tokenizer)
    return vocabulary.model_copy(update={"revision": commit}) if commit else vocabulary


def _pinned_suite(name: str, suite: Suite, revision: Revision) -> Suite:
    from relscale.scoring.suite_description import hub_data  # heavy

    data = hub_data(name, suite)
    if data is None or data.hub is None or data.revision:
        return suite
    commit = revision("dataset", data.hub)
    return suite.model_copy(update={"data": {"hub": data.hub, "revision": commit}}) if commit else suite


def _read(file: Path) -> dict[str, dict[str, str]]:
    pins = (read(file) or {}) if file.is_file() else {}
    if not isinstance(pins, dict) or not all(
        kind in KINDS and _are_texts(entries) for kind, entries in pins.items()
    ):
        raise RelscaleError(f"{file}: not a file of pins; delete it and run `relscale pin CONFIG`")
    return {kind: {name: str(commit) for name, commit in pins.get(kind, {}).items()} for kind in KINDS}


def _are_texts(entries: Any) -> bool:
    return isinstance(entries, dict) and all(isinstance(commit, str) for commit in entries.values())
