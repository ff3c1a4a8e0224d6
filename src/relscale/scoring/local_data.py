"""The data of a prepared suite, as lm-eval's ``custom_dataset``: read in place, nothing cached elsewhere."""

import json
from pathlib import Path
from typing import Any

import datasets


def jsonl(data: str, config_source: str, **_: Any) -> dict[str, datasets.Dataset]:
    """The documents of one task as its test split.

    Parameters
    ----------
    data
        A jsonl file, relative to the task's YAML file.
    config_source
        The task's YAML file; lm-eval passes it.
    """
    path = Path(config_source).parent / data
    with path.open(encoding="utf-8") as file:
        return {"test": datasets.Dataset.from_list([json.loads(line) for line in file])}
