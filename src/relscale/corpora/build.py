"""The corpus stage: a source of text becomes a table of documents, with a manifest beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from relscale.corpora.documents import DOCUMENTS_FILE, Document, documents_table
from relscale.corpora.duplicates import remove_duplicates
from relscale.corpora.files import read_folder
from relscale.corpora.installed import package_versions, read_files, site_folders, source_files
from relscale.corpora.manifest import MANIFEST_FILE, DuplicatesRemoved, PartCounts, SourceManifest
from relscale.corpora.options import HubDataset, InstalledPackages, Source, TextFiles
from relscale.corpora.sample import sample_modules
from relscale.corpora.split import split_of
from relscale.corpora.streamed import build_streamed
from relscale.errors import RelscaleError
from relscale.provenance import file_sha256
from relscale.storage.checksums import sealed_folder
from relscale.storage.tables import write_table


def build_source(source: Source, folder: str | Path, seed: int, workers: int = 1, name: str = "") -> None:
    """Write ``documents.parquet`` and ``manifest.json`` of one source into ``folder`` atomically.

    The steps, in order: read the texts, split their modules, sample the training part down to ``max_bytes``, remove
    duplicates. The held-out documents therefore do not depend on the sample. For a source on the hub only the
    held-out texts become documents (``relscale.corpora.streamed``).

    Parameters
    ----------
    source
        An entry of the config's section ``sources``.
    seed
        Random seed of the split and of the sample.
    workers
        Number of processes that read files; it does not change the result.
    name
        Key of the source in the section ``sources``: the domain of files without a folder, and part of messages.

    Raises
    ------
    RelscaleError
        A package or folder does not exist, or no document is left for training.
    """
    if isinstance(source, HubDataset):
        build_streamed(source, Path(folder), name, seed)
        return
    documents, origin = (
        _installed(source, workers) if isinstance(source, InstalledPackages) else _files(source, name)
    )
    if not documents:
        raise RelscaleError(
            f"the source ({source.kind}) has no document of at least {source.min_characters} characters"
        )
    shares = source.split
    splits = [split_of(document.module, seed, shares.validation, shares.test) for document in documents]
    max_bytes = source.max_bytes if isinstance(source, InstalledPackages) else {}
    sampled = sample_modules(documents, splits, max_bytes, seed)
    unique = remove_duplicates(
        [documents[position].text for position in sampled],
        [splits[position] != "train" for position in sampled],
        source.near_duplicates.ngram,
        source.near_duplicates.max_overlap,
    )
    positions = [sampled[position] for position in unique.positions]
    table = documents_table((documents[i] for i in positions), (splits[i] for i in positions))
    if "train" not in table["split"].to_pylist():
        raise RelscaleError("no document is left for training; lower 'split' or raise 'max_bytes'")
    with sealed_folder(Path(folder)) as partial:
        write_table(table, partial / DOCUMENTS_FILE)
        SourceManifest(
            kind=source.kind,
            settings=source.values(),
            seed=seed,
            **origin,
            found=len(documents),
            left_out_by_max_bytes=len(documents) - len(sampled),
            duplicates_removed=DuplicatesRemoved(
                exact=unique.exact, near=unique.near, held_out_seen_in_train=unique.exposed
            ),
            documents=table.num_rows,
            counts=_counts(table),
            sha256=file_sha256(partial / DOCUMENTS_FILE),
        ).write(partial / MANIFEST_FILE)


def _installed(source: InstalledPackages, workers: int) -> tuple[list[Document], Mapping[str, Any]]:
    folders = [Path(path) for path in source.paths or ()] or site_folders()
    files = source_files(source.groups, folders)
    documents, unreadable = read_files(files, source.min_characters, workers)
    return documents, {
        "versions": package_versions(sorted({file.package for file in files}), folders),
        "files": len(files),
        "files_that_do_not_parse": unreadable,
    }


def _files(source: TextFiles, name: str) -> tuple[list[Document], Mapping[str, Any]]:
    documents = read_folder(source, name)
    return documents, {"files": len({document.package for document in documents})}


def _counts(table: pa.Table) -> tuple[PartCounts, ...]:
    """Documents and bytes by part, split and group."""
    keys = ["part", "split", "group"]
    counted = (
        table.group_by(keys)
        .aggregate([("bytes", "count"), ("bytes", "sum")])
        .sort_by([(k, "ascending") for k in keys])
    )
    rows = counted.rename_columns({"bytes_count": "documents", "bytes_sum": "bytes"}).to_pylist()
    return tuple(PartCounts(**row) for row in rows)
