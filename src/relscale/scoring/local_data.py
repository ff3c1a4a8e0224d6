"""The data of a prepared suite as lm-eval's ``custom_dataset``, read in place without a cache."""

import tempfile
from pathlib import Path
from typing import Any

import datasets

from relscale.scoring.csv_documents import read_csv
from relscale.storage.json_lines import read_json_lines
from relscale.storage.text_file import PACKED

FORMATS = {"parquet": "parquet", "jsonl": "json", "json": "json", "csv": "csv", "tsv": "csv"}


def plain_name(path: Path) -> Path:
    """The name of a file without the ending of its compression: ``test.jsonl`` of ``test.jsonl.gz``."""
    return Path(path.stem if path.suffix in PACKED else path.name)


def format_of(path: Path) -> str | None:
    """The builder of ``datasets`` that reads a file, by its ending; None for other files."""
    return FORMATS.get(plain_name(path).suffix[1:])


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
    return datasets.Dataset.from_list([row for _, row in read_json_lines(path)])


def files(split_files: dict[str, list[str]], **_: Any) -> dict[str, datasets.Dataset]:
    """A local copy of a task's data set.

    Parameters
    ----------
    split_files
        By split, parquet, jsonl, json, csv or tsv files, or a folder saved by ``datasets``; see
        ``relscale.scoring.local_splits``.
    """
    loaded: dict[tuple[str, ...], datasets.Dataset] = {}
    tables = {}
    for split, named in split_files.items():
        key = tuple(named)
        if key not in loaded:
            loaded[key] = _load([Path(file) for file in named])
        tables[split] = loaded[key]
    return tables


def _load(paths: list[Path]) -> datasets.Dataset:
    if paths[0].is_dir():
        return datasets.load_from_disk(str(paths[0]))
    kind = format_of(paths[0])
    if kind is None:
        raise ValueError(f"{paths[0]}: not one of {', '.join(FORMATS)}")
    if kind == "csv":
        return datasets.Dataset.from_dict(read_csv(*paths))
    with tempfile.TemporaryDirectory() as cache:
        return datasets.load_dataset(
            kind,
            data_files=[str(path) for path in paths],
            split="train",
            cache_dir=cache,
            keep_in_memory=True,
        )
