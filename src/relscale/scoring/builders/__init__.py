"""Builders of a suite's data: one file per builder, found by its name.

``suite.yaml`` names a builder by its file: one of ``documents``, which make tasks of held-out documents, or one of
``data``, which read a data set.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from relscale.scoring.manifest import Manifest
    from relscale.scoring.task_data import TaskData

DOCUMENTS, DATA = f"{__name__}.documents", f"{__name__}.data"


class DocumentsBuilder(Protocol):
    """A module of ``documents``."""

    def build(self, documents: "pa.Table", manifest: "Manifest", folder: Path, seed: int) -> "list[TaskData]":
        """The tasks of a suite, from documents of the test split; ``folder`` contains its suite.yaml."""
        ...


class DataBuilder(Protocol):
    """A module of ``data``; with ``GROWS = True``, its data add groups to those of the manifest."""

    def build(self, data: Path | None, manifest: "Manifest") -> "list[TaskData]":
        """The tasks of a suite, from its ``data``; None gives tasks without documents."""
        ...


def documents_builders() -> list[str]:
    """Names of the builders that make tasks of held-out documents."""
    return _names("documents")


def data_builders() -> list[str]:
    """Names of the builders that read a data set."""
    return _names("data")


def builder_modules() -> list[str]:
    """Dotted names of all builders."""
    documents = [f"{DOCUMENTS}.{name}" for name in documents_builders()]
    return [*documents, *(f"{DATA}.{name}" for name in data_builders())]


def documents_builder(name: str) -> DocumentsBuilder:
    """The builder of that name, one of `documents_builders`."""
    builder: DocumentsBuilder = importlib.import_module(f"{DOCUMENTS}.{name}")
    return builder


def data_builder(name: str) -> DataBuilder:
    """The builder of that name, one of `data_builders`."""
    builder: DataBuilder = importlib.import_module(f"{DATA}.{name}")
    return builder


def grows(name: str | None) -> bool:
    """Whether the data that a builder reads add groups to those of the manifest."""
    return name in data_builders() and bool(getattr(data_builder(name), "GROWS", False))


def _names(kind: str) -> list[str]:
    folders = [str(Path(folder) / kind) for folder in __path__]
    return sorted(module.name for module in pkgutil.iter_modules(folders))
