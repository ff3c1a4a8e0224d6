"""Where a suite's data lie: a path of the user's own, or a data set of the hub at a pinned revision."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.provenance import digest, file_digest


def data_files(path: str | Path) -> list[Path]:
    """All files of a local data set, sorted; hidden ones left out.

    Raises
    ------
    RelscaleError
        There is nothing at ``path``.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not files:
        raise RelscaleError(f"{path}: no data there; it is what the suite's option 'data' names")
    return files


def find_data(name: str, data: dict[str, Any], files: Sequence[str] = ()) -> tuple[Path, dict[str, Any]]:
    """The folder or file that a suite is read from, fetched where it is on the hub.

    Parameters
    ----------
    name
        The suite, for messages.
    data
        ``{path}``, or ``{hub, revision}``.
    files
        Patterns of the files that are needed of a data set on the hub.

    Returns
    -------
    Path, dict
        And what to write down of it: the path and a digest of its files, or the hub's name and the commit.

    Raises
    ------
    RelscaleError
        There is no such path, or the hub cannot be reached and has not been read before.
    """
    if "path" in data:
        path = Path(data["path"])
        if not path.exists():
            raise RelscaleError(
                f"suite {name}: no data at {path} (in {Path.cwd()}); name the folder in the suite's option 'data'"
            )
        read = [(file.name, file_digest(file)) for file in data_files(path)]
        return path, {"path": str(path), "digest": digest(read)}
    folder = _fetch(name, data["hub"], data.get("revision"), files)
    commit = folder.name  # the hub's cache names snapshots by their commit
    if data.get("revision") is None:
        print(f"suite {name}: {data['hub']} is at commit {commit}; pin it as data.revision", file=sys.stderr)
    return folder, {"hub": data["hub"], "revision": commit}


def _fetch(name: str, hub: str, revision: str | None, files: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(
            snapshot_download(hub, repo_type="dataset", revision=revision, allow_patterns=list(files) or None)
        )
    except (
        Exception
    ) as error:  # no network, no such data set, no permission: the hub's client has many for each
        at = f" at revision {revision}" if revision else ""
        offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RelscaleError(
            f"suite {name}: cannot fetch {', '.join(files) or 'the data'} of {hub}{at}{offline}, nor is it in "
            f"{HF_HUB_CACHE}; give a local copy as the suite's option 'data' ({reason})"
        ) from error
