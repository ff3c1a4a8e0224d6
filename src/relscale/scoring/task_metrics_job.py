"""Values of lm-eval's own metrics for scored runs, kept in the store beside the items."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.provenance import code_digest, digest, file_digest, folder_digest
from relscale.scoring.kept_documents import FOLDER
from relscale.scoring.manifest import read_manifest, suite_name
from relscale.scoring.scores import Score
from relscale.scoring.task_files import task_files
from relscale.scoring.task_values import PreparedTasks, has_task_metrics, task_metrics
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.entries import read_entries, write_entries
from relscale.storage.tables import write_table


def add_task_metrics(output: str | Path, suites: Sequence[str | Path], store: str | Path) -> None:
    """Compute the values of each scored run and suite, and name their files in the score manifest.

    Parameters
    ----------
    output
        The score manifest that `score_job` wrote; each entry gets ``task_metrics``, the file of its values: null if
        its suite has none.
    suites
        Folders of prepared suites.
    store
        Values go to ``store/task_metrics/<key>.parquet``.
    """
    contents: dict[str, str] = {}
    prepared: dict[str, PreparedTasks] = {}
    folders = {suite_name(folder): Path(folder) for folder in suites if has_task_metrics(folder)}

    def values(entry: Score) -> str | None:
        suite = entry.suite
        if entry.items is None or suite not in folders:
            return None
        if suite not in contents:
            contents[suite] = _contents(folders[suite])
        path = Path(store) / "task_metrics" / f"{digest([Path(entry.items).stem, contents[suite]])}.parquet"
        if not _readable(path):
            if suite not in prepared:
                prepared[suite] = PreparedTasks(folders[suite], read_manifest(folders[suite]))
            write_table(task_metrics(prepared[suite], suite, read_parquet(entry.items)), path)
        return str(path)

    entries = read_entries(output, Score)
    write_entries(output, [entry.model_copy(update={"task_metrics": values(entry)}) for entry in entries])


def _contents(folder: Path) -> str:
    """Digest of everything that values depend on besides the items: the task's files and documents, and the code."""
    own = task_files(folder / "tasks", folder)
    return digest(
        [
            folder_digest(folder / FOLDER),
            folder_digest(folder / "tasks"),
            sorted(
                {file_digest(file) for task in own.values() for file in task.code if Path(file).is_file()}
            ),
            code_digest("relscale.scoring.task_values"),
        ]
    )


def _readable(path: Path) -> bool:
    try:
        read_parquet(path)
    except (OSError, RelscaleError):
        return False
    return True


def read_task_metrics(path: str | Path) -> pa.Table:
    """The values of one run and suite, columns of `SCHEMA`.

    Raises
    ------
    RelscaleError
        The file is missing or damaged.
    """
    if not Path(path).is_file():
        raise RelscaleError(f"{path}: these values are listed but missing; score again")
    return read_parquet(path)
