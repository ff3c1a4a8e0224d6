"""Removal of results that are damaged or refer to missing files of the store, so that the same command recomputes
them.

Snakemake treats a file as done if it exists. Before the workflow is planned, this module also checks
sizes, which is cheap for thousands of jobs, and the digests of small files. Larger files are compared with their
digest by the job that reads them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from relscale.errors import Damaged, RelscaleError
from relscale.experiments.results import Results
from relscale.fitting.fits import ROWS
from relscale.scoring.scores import Score
from relscale.storage.atomic import remove, remove_all_partials
from relscale.storage.checked_parquet import check_ends, check_parquet
from relscale.storage.checksums import FILE as CHECKSUMS
from relscale.storage.checksums import check_digests, check_files, check_sizes, files_list, listed
from relscale.storage.entries import read_entries
from relscale.storage.lock import remove_stale_locks
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.training.manifest import TrainedModel
from relscale.training.record import RECORD

SMALL = 1 << 24  # bytes of a result whose digest is checked each time


def remove_damaged(results: Path, store: Path, dry: bool = False) -> list[str]:
    """Remove damaged results of an experiment, and incomplete files of killed processes.

    Parameters
    ----------
    results
        Folder of the results.
    store
        Folder of runs, items and shards of tokens, where no intact file is removed.
    dry
        Whether to report what would be removed without removing it.

    Returns
    -------
    list of str
        A line for each result that was removed.

    Raises
    ------
    RelscaleError
        The store does not exist: an unmounted disk must not cause everything to be trained again.
    """
    if not store.is_dir() and any(results.glob("runs/*/*.json")):
        raise RelscaleError(
            f"{store}: the store does not exist, but {results} refers to it; mount it, set store: to its path, or "
            f"delete {results}/runs and {results}/scores to train and score everything again"
        )
    if not dry:
        remove_leftovers(results, store)
    messages = []
    for path, check in _checks(results):
        try:
            check(path)
            continue
        except Damaged as error:
            messages.append(f"{error.path}: damaged ({error.reason}), so {path} is recomputed")
        except (KeyError, TypeError):
            messages.append(f"{path}: written by another version, so it is recomputed")
        if not dry:
            remove(path)
    return messages


def remove_leftovers(results: Path, store: Path) -> None:
    """Remove incomplete files and free lock files of killed processes.

    Called before and after a workflow, because a job that outlives its killed workflow may end during the next.
    """
    for folder in (results, *_folders(results), *_folders(store)):
        remove_all_partials(folder)
    remove_stale_locks(store / "locks")


def _folders(root: Path) -> Iterator[Path]:
    """The folders in which results are written: two levels deep."""
    for path in root.glob("*/"):
        if not path.name.startswith("."):
            yield path
            yield from (folder for folder in path.glob("*/") if not folder.name.startswith("."))


def _checks(results: Path) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    """All existing results, files or atomically written folders, each with its check."""
    folders = {"corpora": "manifest.json", "tokens": "manifest.json", "suites": "suite.yaml"}
    for stage, file in folders.items():
        stated = {path.parent for name in (file, CHECKSUMS) for path in (results / stage).glob(f"*/{name}")}
        for folder in sorted(stated):
            yield folder, _check_tokens if stage == "tokens" else _check_folder
    paths = Results(results)
    if paths.vocabulary.is_file():
        yield paths.vocabulary.parent, _check_folder
    for path in sorted(results.glob("runs/*/*.json")):
        yield path, _check_runs
    for path in sorted(results.glob("scores/*/*.json")):
        yield path, _check_scores
    # Other files in the folder belong to the user.
    tables = (
        *(paths.measurements, paths.replicates, paths.responses),
        *(paths.branches, paths.critical_batches),
    )
    for path in (*tables, *map(paths.fit, ROWS)):
        if path.is_file():
            yield path, _check_table
    for path in (*sorted(results.glob("figures/*.html")), paths.report):
        if path.is_file() and files_list(path).is_file():
            yield path, _check_listed


def _check_folder(folder: Path) -> None:
    check_sizes(folder)
    check_digests(folder, [name for name, checksum in listed(folder).items() if checksum.bytes <= SMALL])


def _check_tokens(folder: Path) -> None:
    _check_folder(folder)
    for part in StoreManifest.read(folder / STORE_FILE).parts:
        for shard in part.shards:
            check_sizes(Path(shard))


def _check_runs(path: Path) -> None:
    for entry in read_entries(path, TrainedModel):
        check_sizes(Path(entry.path))
        check_digests(Path(entry.path), [RECORD])


def _check_scores(path: Path) -> None:
    for entry in read_entries(path, Score):
        for file in filter(None, (entry.items, entry.task_metrics)):
            if not Path(file).is_file():
                raise Damaged(Path(file), "no such file")
            check_ends(file)
        if entry.items is not None and Path(entry.items).stat().st_size != entry.bytes:
            raise Damaged(Path(entry.items), f"not the {entry.bytes:,} bytes that were written")


def _check_table(path: Path) -> None:
    (check_parquet if path.stat().st_size <= SMALL else check_ends)(path)


def _check_listed(path: Path) -> None:
    check_files(files_list(path))
