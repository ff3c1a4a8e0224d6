"""The data of a prepared suite, as lm-eval's ``custom_dataset``: read in place, nothing cached elsewhere."""

import json
from pathlib import Path
from typing import Any

import datasets


def jsonl(
    data: str, config_source: str, examples: str | None = None, **_: Any
) -> dict[str, datasets.Dataset]:
    """The documents of one task as its test split, and those of its solved examples as ``dev``.

    Parameters
    ----------
    data, examples
        jsonl files, relative to the task's YAML file.
    config_source
        The task's YAML file; lm-eval passes it.
    """
    splits = {"test": data} | ({"dev": examples} if examples else {})
    return {split: _read(Path(config_source).parent / file) for split, file in splits.items()}


def _read(path: Path) -> datasets.Dataset:
    with path.open(encoding="utf-8") as file:
        return datasets.Dataset.from_list([json.loads(line) for line in file])
