"""Revisions of what an experiment takes from the hub: looked up once, kept beside its config, read with it.

``mine.yaml`` has its pins in ``mine.pins.yaml``: the commit of each data set and model by its name. A revision in the
config itself stands above them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relscale.atomic import write_text
from relscale.errors import RelscaleError
from relscale.hub import look_up
from relscale.yaml_text import dump, read

KINDS = ("dataset", "model")
HEADER = (
    "# Commits that names on the Hugging Face hub stood for when `relscale corpus {} --pin` looked them up.\n"
)


def pins_file(config: str | Path) -> Path:
    """Where the pins of a config lie: beside it."""
    return Path(config).with_suffix(".pins.yaml")


def write_pins(config: dict[str, Any], path: str | Path) -> dict[str, dict[str, str]]:
    """Look up what a config takes from the hub without a revision, and keep the answers beside it.

    A pin that is there stays as it is: to renew one, delete its line.

    Parameters
    ----------
    config
        As ``load_config`` gives it.
    path
        Where it was read.

    Returns
    -------
    dict
        Of each kind, the commit by name: those that were there and the new ones.

    Raises
    ------
    RelscaleError
        The hub cannot be reached, or has no such repository; what was found before is kept.
    """
    file = pins_file(path)
    pins = _read(file)
    try:
        for kind, name, _ in _unpinned(config):
            if name not in pins[kind]:
                pins[kind][name] = look_up(name, kind)
    finally:
        if any(pins.values()):
            text = dump({kind: dict(sorted(found.items())) for kind, found in sorted(pins.items()) if found})
            write_text(file, HEADER.format(Path(path).name) + text)
    return pins


def with_pins(config: dict[str, Any], paths: Iterable[str | Path]) -> dict[str, Any]:
    """The config with the revisions that lie beside ``paths``, the files it was read from, filled in.

    Raises
    ------
    RelscaleError
        A file of pins is not what ``write_pins`` writes.
    """
    found = [_read(pins_file(path)) for path in paths]
    pins = {kind: {name: commit for each in found for name, commit in each[kind].items()} for kind in KINDS}
    if any(pins.values()):
        for kind, name, place in _unpinned(config):
            if name in pins[kind]:
                place["revision"] = pins[kind][name]
    return config


def _unpinned(config: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What a config takes from the hub without a revision: kind, name, and the mapping that the revision belongs in."""
    for source in config.get("sources", {}).values():
        if source["kind"] == "hub" and not source.get("revision") and not Path(source["path"]).exists():
            yield "dataset", source["path"], source
    words = config["vocabulary"]
    if "tokenizer" in words and "revision" not in words and not Path(words["tokenizer"]).exists():
        yield "model", words["tokenizer"], words
    if config["runs"]["source"] == "measurements":
        return
    from relscale.scoring.suite import hub_data

    for name, options in config["suites"].items():
        data = hub_data(name, options)
        if data and not data.get("revision"):
            options["data"] = data
            yield "dataset", data["hub"], data


def _read(file: Path) -> dict[str, dict[str, str]]:
    pins = (read(file) or {}) if file.is_file() else {}
    if not isinstance(pins, dict) or not all(
        kind in KINDS and _are_texts(found) for kind, found in pins.items()
    ):
        raise RelscaleError(f"{file}: not a file of pins; delete it and run `relscale corpus CONFIG --pin`")
    return {kind: {name: str(commit) for name, commit in pins.get(kind, {}).items()} for kind in KINDS}


def _are_texts(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(commit, str) for commit in found.values())
