"""Checks of an experiment's text: packages, folders, columns, parts, tokenizers."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from relscale.corpora.files import PART, TABLE_ENDINGS, TEXT_ENDINGS, ending
from relscale.corpora.hub import ENDING
from relscale.corpora.installed import find_package, site_folders
from relscale.corpora.options import HubDataset, InstalledPackages, Source, TextFiles
from relscale.errors import RelscaleError, keyed
from relscale.experiments.experiment import TrainingExperiment
from relscale.storage.folder_files import files_below
from relscale.tokens.interleave import integer_shares
from relscale.tokens.options import Vocabulary

PARTS = {"installed": ("docstrings", "code"), "files": (PART,), "hub": (PART,)}
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
ENDINGS = (*TEXT_ENDINGS, *TABLE_ENDINGS)
ROWS_READ = 1000  # of JSON lines, to find all keys, because rows may lack some


def check_text(experiment: TrainingExperiment) -> None:
    """Refuse sources, parts of corpora and a tokenizer that do not exist; the message begins with the key."""
    for name, source in experiment.sources.items():
        key = f"sources.{name}"
        if isinstance(source, InstalledPackages):
            _check_installed(key, source)
        elif isinstance(source, TextFiles):
            _check_files(key, source)
        else:
            _check_hub(key, source)
        shares = source.held_out if isinstance(source, HubDataset) else source.split
        if shares.validation + shares.test >= 1:
            raise RelscaleError(
                f"{key}: validation and test leave no text for training; their sum must be below 1"
            )
        if shares.validation == 0:
            raise RelscaleError(f"{key}: a validation share of 0 leaves no text for the validation loss")
    for name, corpus in experiment.corpora.items():
        with keyed(f"corpora.{name}"):
            integer_shares([part.weight for part in corpus.mixture])
        for part in corpus.mixture:
            _check_part(f"corpora.{name}", part.part, parts(experiment.sources[part.source]))
    _check_tokenizer(experiment.vocabulary)


def parts(source: Source) -> tuple[str, ...]:
    """The parts of a source."""
    return PARTS[source.kind]


def groups(name: str, source: Source) -> set[str] | None:
    """Groups of a source's documents; None if they are known only after reading it."""
    if isinstance(source, InstalledPackages):
        return set(source.groups)
    if isinstance(source, HubDataset) or source.group is not None:
        return None
    if source.domain:
        return {source.domain}
    path = Path(source.path)
    root = path if path.is_dir() else path.parent
    paths = [file.relative_to(root).parts for file in _files(path, _is_text)] if path.exists() else []
    return {parts[0] if len(parts) > 1 else name for parts in paths}


def _check_installed(key: str, source: InstalledPackages) -> None:
    folders = [Path(path) for path in source.paths or ()] or site_folders()
    for folder in folders:
        if not folder.is_dir():
            raise RelscaleError(f"{key}.paths: {folder}: no such folder in {Path.cwd()}")
    group_of: dict[str, str] = {}
    for group, packages in source.groups.items():
        for package in packages:
            if package in group_of:
                both = (
                    f"{group_of[package]!r} and {group!r}"
                    if group_of[package] != group
                    else f"{group!r} twice"
                )
                raise RelscaleError(f"{key}.groups: package {package!r} is in {both}")
            group_of[package] = group
            try:
                find_package(package, folders)
            except RelscaleError as error:
                raise RelscaleError(f"{key}.groups.{group}: {error}") from None
    for part in source.max_bytes:
        _check_part(f"{key}.max_bytes", part, parts(source))


def _is_text(name: str) -> bool:
    return ending(Path(name)) in ENDINGS


def _check_files(prefix: str, source: TextFiles) -> None:
    path = Path(source.path)
    _check_exists(prefix, path)
    files = _files(path, _is_text)
    first = next(files, None)
    if first is None:
        raise RelscaleError(f"{prefix}.path: {path}: no file ends in {', '.join(ENDINGS)}")
    if first.suffix in TABLE_ENDINGS:
        columns = _columns(first)
        for key, column in (("text", source.text), ("group", source.group)):
            if columns is not None and column and column not in columns:
                raise RelscaleError(
                    f"{prefix}.{key}: {first} has no column {column!r}; it has {', '.join(columns)}"
                )
    if not first.stat().st_size and not any(file.stat().st_size for file in files):
        raise RelscaleError(f"{prefix}.path: {path}: its files are empty")


def _check_hub(key: str, source: HubDataset) -> None:
    path = Path(source.path)
    if not path.exists():
        if not HUB_NAME.fullmatch(source.path):
            raise RelscaleError(
                f"{key}.path: {path} is neither a folder nor the name of a data set on the hub"
            )
    elif next(_files(path, lambda name: bool(ENDING.search(name))), None) is None:
        raise RelscaleError(f"{key}.path: {path}: no parquet or jsonl file")


def _check_exists(key: str, path: Path) -> None:
    if not path.exists():
        raise RelscaleError(f"{key}.path: {path}: no such file or folder in {Path.cwd()}")


def _check_part(key: str, part: str | None, known: tuple[str, ...]) -> None:
    if part is not None and part not in known:
        raise RelscaleError(f"{key}: no part {part!r}; the source has {', '.join(known)}")


def _check_tokenizer(vocabulary: Vocabulary) -> None:
    if vocabulary.tokenizer is None:
        return
    path = Path(vocabulary.tokenizer)
    if path.is_dir() and not (path / "tokenizer.json").is_file():
        raise RelscaleError(f"vocabulary.tokenizer: {path}: no tokenizer.json")
    if not path.is_dir() and (not HUB_NAME.fullmatch(vocabulary.tokenizer) or path.is_file()):
        raise RelscaleError(
            f"vocabulary.tokenizer: {path} is neither a folder nor the name of one on the hub"
        )


def _files(path: Path, pattern: Any) -> Iterator[Path]:
    """The matching files of a folder, or the single file, listed lazily."""
    if path.is_file():
        if pattern(path.name):
            yield path
        return
    for file in files_below(path):
        if pattern(file.name) and file.is_file():
            yield file


def _columns(table: Path) -> list[str] | None:
    """Columns of a table's first rows; None if unreadable, which is reported when it is read."""
    try:
        if table.suffix == ".parquet":
            from pyarrow import parquet  # slow, and many experiments have no table of text

            names: list[str] = parquet.read_schema(table).names
            return names
        with table.open(encoding="utf-8-sig") as lines:
            rows = islice((json.loads(line) for line in lines if line.strip()), ROWS_READ)
            return list(dict.fromkeys(key for row in rows for key in row)) or None
    except (OSError, ValueError, TypeError, pa.ArrowException):
        return None
