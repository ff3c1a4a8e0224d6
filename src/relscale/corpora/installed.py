"""Text of installed packages: the docstrings of their objects, and their source without docstrings.

Packages are located by their files and never imported. Test folders and test files are excluded: they are mostly data
and repeated calls, and a third of the reading time.
"""

import gc
import importlib.metadata
import os
import re
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from relscale.corpora.docstrings import separate, summary
from relscale.corpora.documents import Document
from relscale.errors import RelscaleError
from relscale.storage.process import end_with_parent

TEST_FOLDERS = frozenset({"test", "tests", "testing"})
TEST_FILE = re.compile(r"test_.*|.*_test\.py|conftest\.py")
MAX_LINE_LENGTH = 1000  # characters; files with longer lines are mostly data
MAX_NAME_LENGTH = 100  # characters of a package; file systems take 255 bytes
CHUNK = 64  # files that a process reads at a time


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A Python file of a package; ``name`` is its path below the folder that contains the package, with slashes."""

    path: str
    name: str
    package: str
    group: str

    @property
    def module(self) -> str:
        """The dotted name under which Python would import the file."""
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def site_folders() -> list[Path]:
    """Folders of the packages that are installed for the running Python."""
    return [Path(path) for path in dict.fromkeys(sysconfig.get_path(key) for key in ("purelib", "platlib"))]


def source_files(groups: Mapping[str, Sequence[str]], folders: Sequence[Path]) -> list[SourceFile]:
    """The Python files of the packages of all groups, without tests, sorted by name.

    Raises
    ------
    RelscaleError
        A package is in none of the folders, or in two groups.
    """
    files: list[SourceFile] = []
    group_of: dict[str, str] = {}
    for group, packages in groups.items():
        for package in packages:
            if package in group_of:
                raise RelscaleError(f"package {package!r} is in two groups: {group_of[package]!r}, {group!r}")
            group_of[package] = group
            files += [
                SourceFile(str(path), path.relative_to(folder).as_posix(), package, group)
                for folder, path in _package_files(package, folders)
            ]
    return sorted(files, key=lambda file: file.name)


def package_versions(packages: Sequence[str], folders: Sequence[Path]) -> dict[str, str]:
    """Version of each package's distribution; "unknown" without metadata."""
    versions = dict.fromkeys(sorted(packages), "unknown")
    distributions = importlib.metadata.distributions(path=[str(folder) for folder in folders])
    for distribution in sorted(distributions, key=lambda distribution: str(distribution.metadata["Name"])):
        for package in _top_level(distribution) & versions.keys():
            versions[package] = distribution.version
    return versions


def read_files(
    files: Sequence[SourceFile], min_characters: int, workers: int = 1
) -> tuple[list[Document], list[str]]:
    """The documents of all files, and the names of the files that cannot be parsed.

    A document is the docstring of one object or the code of one file, of at least ``min_characters``. The number of
    worker processes does not change the result.
    """
    chunks = [(files[start : start + CHUNK], min_characters) for start in range(0, len(files), CHUNK)]
    if workers == 1 or len(chunks) == 1:
        results = [_read_chunk(chunk) for chunk in chunks]
    else:
        with ProcessPoolExecutor(min(workers, len(chunks)), initializer=end_with_parent) as pool:
            results = list(pool.map(_read_chunk, chunks))
    return [document for documents, _ in results for document in documents], [
        name for _, unreadable in results for name in unreadable
    ]


def _top_level(distribution: importlib.metadata.Distribution) -> set[str]:
    """Top-level import names of a distribution."""
    record = distribution.read_text("RECORD") or distribution.read_text("top_level.txt") or ""
    return {line.split(",")[0].split("/")[0].removesuffix(".py") for line in record.splitlines()}


def find_package(package: str, folders: Sequence[Path]) -> Path:
    """The folder that contains a package.

    Raises
    ------
    RelscaleError
        The package is in none of the folders.
    """
    is_name = all(part.isidentifier() and len(part) < MAX_NAME_LENGTH for part in package.split("/"))
    for folder in folders if is_name else ():
        if next(_walk(folder / package), None) or (folder / f"{package}.py").is_file():
            return folder
    searched = ", ".join(map(str, folders))
    raise RelscaleError(
        f"package {package[:MAX_NAME_LENGTH]!r} is not installed (searched {searched}); install it or remove it from "
        "'groups'"
    )


def _package_files(package: str, folders: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Each file of a package, with the folder that contains the package."""
    folder = find_package(package, folders)
    return [(folder, path) for path in list(_walk(folder / package)) or [folder / f"{package}.py"]]


def _walk(package: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(package):
        subfolders[:] = [name for name in subfolders if name not in TEST_FOLDERS]
        for name in names:
            if name.endswith(".py") and not TEST_FILE.fullmatch(name):
                yield Path(folder, name)


def _read_chunk(chunk: tuple[Sequence[SourceFile], int]) -> tuple[list[Document], list[str]]:
    files, min_characters = chunk
    documents: list[Document] = []
    unreadable = []
    # syntax trees have no reference cycles, and searching for them would double the time
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for file in files:
            try:
                documents += _read(file, min_characters)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                unreadable.append(file.name)
    finally:
        if was_enabled:
            gc.enable()
    return documents, unreadable


def _read(file: SourceFile, min_characters: int) -> list[Document]:
    docstrings, code = separate(Path(file.path).read_text(encoding="utf-8-sig"))
    documents = [
        Document(
            id=f"{file.module}.{docstring.name}" if docstring.name else file.module,
            part="docstrings",
            group=file.group,
            package=file.package,
            module=file.module,
            name=docstring.name,
            signature=docstring.signature,
            summary=summary(docstring.text),
            text=docstring.text,
        )
        for docstring in docstrings
        if len(docstring.text) >= min_characters
    ]
    code = code.strip("\n") + "\n"
    if len(code) >= min_characters and max(map(len, code.split("\n"))) <= MAX_LINE_LENGTH:
        documents.append(Document(file.name, "code", file.group, file.package, file.module, "", "", "", code))
    return documents
