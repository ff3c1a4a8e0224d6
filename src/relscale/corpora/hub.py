"""Files and texts of a data set on the Hugging Face hub, or of a local folder in the hub's layout.

The library ``datasets`` lists the files of a split. They are streamed here, at most two columns each: other columns,
whose types may differ between files, are not read.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from relscale.corpora.options import HubDataset
from relscale.corpora.split import fraction
from relscale.corpora.text_cells import domain_of, text_of
from relscale.errors import RelscaleError, first_line
from relscale.storage.json_lines import json_lines

ENDING = re.compile(r"\.(parquet|jsonl|json)(\.(gz|zst|bz2|xz))?$")
BATCH_ROWS = 64  # rows of a parquet file that are read at a time
PROBED = 1000  # rows of a jsonl file, one of which has the column of the domain
UNGROUPED = "all"


@dataclass(frozen=True)
class TextFile:
    """A file of a data set: its name, its URL for fsspec, and a fingerprint of its content."""

    name: str
    url: str
    content: str


class Text(NamedTuple):
    """A text, its domain, and the number of its row in the file."""

    row: int
    text: str
    group: str


def find_files(dataset: HubDataset, source: str, seed: int) -> list[TextFile]:
    """The files of a source, in an order that depends only on the seed and their names.

    Parameters
    ----------
    dataset
        Entry of the config's section ``sources``.
    source
        Key of that entry, for messages.

    Raises
    ------
    RelscaleError
        The data set has no revision, the hub cannot be reached or does not have it, or a file is neither parquet nor
        jsonl.
    """
    path, revision = dataset.path, dataset.revision
    local = Path(path).exists()
    if not local and not revision:
        raise RelscaleError(
            f"sources.{source}: {path} has no revision and is not a folder in {Path.cwd()}; run `relscale pin CONFIG` "
            "where the hub can be reached, or name a folder"
        )
    urls = _urls(dataset, source, None if local else revision)
    root = str(Path(path).resolve()) if local else f"hf://datasets/{path}@{revision}"
    files = [_file(url, root, revision, local) for url in urls]
    for file in files:
        if not ENDING.search(file.name):
            raise RelscaleError(
                f"sources.{source}: {file.name} is neither parquet nor jsonl; select files with data_files"
            )
    return sorted(files, key=lambda file: (fraction("files", seed, file.name), file.name))


def read_texts(file: TextFile, text: str, group: str | None, start: int = 0) -> Iterator[Text]:
    """The texts of a file from row ``start``, in the order of its rows; rows without text are skipped.

    Memory is that of a row group of a parquet file, or of a line of a jsonl file.

    Parameters
    ----------
    text, group
        Column names; without ``group`` all texts are in one domain.

    Raises
    ------
    RelscaleError
        The file cannot be read, or lacks a column.
    """
    import fsspec

    try:
        zstandard = file.name.endswith(".zst")
        with fsspec.open(file.url, "rb", compression=None if zstandard else "infer") as opened:
            rows = _parquet if ".parquet" in file.name else _jsonl
            stream = _frames(opened) if zstandard else opened
            for number, values in enumerate(rows(stream, [text, *([group] if group else [])], file.url)):
                if number >= start and values[0] is not None:
                    location = f"{file.url}, row {number + 1}"
                    domain = domain_of(values[1], group, location) if group else None
                    content = text_of(values[0], text, location)
                    yield Text(number, content, UNGROUPED if domain is None else domain)
    except RelscaleError:
        raise
    except KeyError as error:
        raise RelscaleError(f"{file.url}: no column {error.args[0]!r}; it has {error.args[1]}") from error
    except (
        Exception
    ) as error:  # of the disk, the network, pyarrow, json and each compression: all have their own
        raise RelscaleError(
            f"{file.url}: cannot be read ({first_line(error)}); try again, or download it again"
        ) from error


def _frames(opened: IO[bytes]) -> IO[bytes]:
    """All frames of a zst file; fsspec stops after the first."""
    from zstandard import ZstdDecompressor

    reader: Any = ZstdDecompressor().stream_reader(opened, read_across_frames=True)
    return io.BufferedReader(reader, 1 << 20)


def _parquet(opened: IO[bytes], columns: list[str], url: str) -> Iterator[tuple[Any, ...]]:
    from pyarrow import parquet

    with parquet.ParquetFile(opened) as file:
        names = file.schema_arrow.names
        for column in columns:
            if column not in names:
                raise KeyError(column, ", ".join(names))
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            yield from zip(*(batch[column].to_pylist() for column in columns), strict=True)


def _jsonl(opened: IO[bytes], columns: list[str], url: str) -> Iterator[tuple[Any, ...]]:
    lines = io.TextIOWrapper(opened, "utf-8-sig", newline="\n")
    text, *_ = columns
    missing = set(columns)
    row: Any = {}
    for count, (number, row) in enumerate(json_lines(lines, url), start=1):
        if not isinstance(row, dict):
            raise RelscaleError(f"{url}, line {number}: not an object with the column {text!r}")
        missing -= row.keys()
        if text not in row or (missing and count == PROBED):
            raise KeyError(text if text not in row else missing.pop(), ", ".join(row))
        yield tuple(map(row.get, columns))
    if row and missing:
        raise KeyError(missing.pop(), ", ".join(row))


def _urls(dataset: HubDataset, source: str, revision: str | None) -> list[str]:
    """The paths of the files, by the data set's own configurations or by ``data_files``."""
    import datasets
    from huggingface_hub import HfApi

    path, split = dataset.path, dataset.split
    try:
        if revision is not None:
            HfApi().repo_info(
                path, repo_type="dataset", revision=revision
            )  # fails at once, whereas datasets retries
        builder = datasets.load_dataset_builder(
            path,
            dataset.name,
            data_files=list(dataset.data_files)
            if isinstance(dataset.data_files, tuple)
            else dataset.data_files,
            revision=revision,
        )
    except (
        Exception
    ) as error:  # no network, no such data set, configuration or file: each library has its own
        location, remedy = f"in {Path.cwd()}", "it is not a folder of data files in the hub's layout"
        if revision is not None:
            location, remedy = f"at revision {revision} on the hub", "run it where the hub can be reached"
        raise RelscaleError(
            f"sources.{source}: cannot read the data set {path} {location} ({first_line(error)}); "
            f"{remedy}, or name a folder of its files as path"
        ) from error
    files: dict[str, list[str]] = builder.config.data_files or {}
    # files given by data_files form one split, under any name
    if dataset.data_files:
        return [url for urls in files.values() for url in urls]
    if split not in files:
        raise RelscaleError(
            f"sources.{source}: {path} has no split {split!r}; it has {', '.join(map(str, files)) or 'no files'}"
        )
    return list(files[split])


def _file(url: str, root: str, revision: str | None, local: bool) -> TextFile:
    name = url.removeprefix(root).lstrip("/")
    if not local:
        return TextFile(name, url, str(revision))
    status = Path(url).stat()
    return TextFile(name, url, f"{status.st_size} bytes of {status.st_mtime_ns}")
