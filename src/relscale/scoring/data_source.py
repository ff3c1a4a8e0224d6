"""The source of a suite's data: a local path, or a data set of the hub at a pinned revision."""

import sys
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.hub import fetch
from relscale.provenance import digest, file_digest
from relscale.scoring.manifest import DataSource
from relscale.storage.folder_files import visible_files_below


def data_files(path: str | Path) -> list[Path]:
    """All files of a local data set, sorted, without hidden files.

    Raises
    ------
    RelscaleError
        ``path`` does not exist.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    files = sorted(visible_files_below(path))
    if not files:
        raise RelscaleError(f"{path}: no such file or folder; see the suite's option 'data'")
    return files


def find_data(name: str, data: DataSource) -> tuple[Path, DataSource]:
    """The folder or file of a suite's data, downloaded if it is on the hub.

    Parameters
    ----------
    name
        The suite, for messages.
    data
        Location of the data.

    Returns
    -------
    Path, DataSource
        The path, and its provenance: the path and a digest of its files, or the hub's name and the commit.

    Raises
    ------
    RelscaleError
        There is no such path, or the hub cannot be reached and the data are not in its cache.
    """
    if data.path is not None:
        path = Path(data.path)
        if not path.exists():
            raise RelscaleError(
                f"suite {name}: no data at {path} (in {Path.cwd()}); name the folder in the suite's option 'data'"
            )
        read = [(file.name, file_digest(file)) for file in data_files(path)]
        return path, DataSource(path=str(path), digest=digest(read))
    if data.hub is None:
        raise RelscaleError(f"suite {name}: suite.yaml names no data; give them as the option 'data'")
    remedy = f"give a local copy as the option 'data' of suite {name}"
    folder = fetch(data.hub, "dataset", data.revision, data.files, remedy)
    commit = folder.name  # the hub's cache names snapshots by their commit
    if data.revision is None:
        print(f"suite {name}: {data.hub} is at commit {commit}; pin it as data.revision", file=sys.stderr)
    return folder, DataSource(hub=data.hub, revision=commit)
