"""The items of a run on a suite: parts while they are scored, task by task, then one table in the store."""

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import Damaged, RelscaleError
from relscale.provenance import digest, file_digest
from relscale.scoring.items import SCHEMA
from relscale.scoring.manifest import read_manifest, suite_name
from relscale.scoring.requests import FILE, not_prepared, request_counts
from relscale.storage.atomic import remove, remove_all_partials
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.checksums import check_digests
from relscale.storage.lock import locked
from relscale.storage.tables import write_table
from relscale.training.manifest import TrainedModel

KEY = b"relscale.items"  # metadata key in the schema of items: their name in the store


@dataclass(frozen=True)
class Suite:
    """The parts of a prepared suite on which its items depend.

    Attributes
    ----------
    folder
        Folder of the suite.
    name
        Name of the suite in the experiment.
    digest
        Its ``scored_digest``.
    rows
        The number of requests of each of its tasks, by the task's number.
    """

    folder: Path
    name: str
    digest: str
    rows: dict[int, int]

    @classmethod
    def read(cls, folder: Path) -> "Suite":
        """Read a suite, and verify the digests of its files.

        Raises
        ------
        RelscaleError
            The suite was not prepared, or is damaged.
        """
        content = scored_digest(folder)
        return cls(folder, suite_name(folder), content, request_counts(folder))


@dataclass(frozen=True)
class Entry:
    """One run on one suite, and the path of its items."""

    run: TrainedModel
    suite: Suite
    items: Path

    @property
    def parts(self) -> Path:
        """The folder of the parts, while a job runs."""
        return self.items.with_suffix(".parts")

    def lock(self, share: str = "all") -> Path:
        """Lock of a job that scores a share of the tasks, or reads all and joins them."""
        return self.items.parents[1] / "locks" / f"items-{self.items.stem}-{share}.lock"


def read_statuses(entry: Entry) -> pa.ChunkedArray | None:
    """The status of each item of an entry; None if there are none or they are damaged, in which case they are deleted.

    Each request of the suite must occur once, and the file's metadata must name this entry.
    """
    try:
        table = read_parquet(entry.items, ["status"])
        if (table.schema.metadata or {}).get(KEY) != entry.items.stem.encode():
            raise Damaged(entry.items, "the items of another run or suite")
        if table.num_rows != sum(entry.suite.rows.values()):
            raise Damaged(entry.items, f"{table.num_rows:,} items of {sum(entry.suite.rows.values()):,}")
    except FileNotFoundError:
        return None
    except Damaged as error:
        print(f"{entry.items}: damaged ({error.reason}); scoring them again", file=sys.stderr)
        remove(entry.items)
        return None
    return table["status"]


def scored_digest(suite: str | Path) -> str:
    """Digest of the parts of a prepared suite that items depend on: its requests and windows, not its title or labels.

    Raises
    ------
    RelscaleError
        The suite was not prepared, or is damaged.
    """
    folder = Path(suite)
    if not (folder / FILE).is_file():
        raise not_prepared(folder)
    check_digests(folder)
    manifest = read_manifest(folder)
    windows = {task.prompt: manifest.windows(task.prompt) for task in manifest.tasks.values()}
    return digest([folder.name, file_digest(folder / FILE), windows])


def numbered(items: pa.Table, number: int) -> pa.Table:
    """Items with the number of their task, as in parts."""
    return items.append_column("number", pa.array([number] * items.num_rows, pa.int32()))


def write_part(entry: Entry, tables: Sequence[pa.Table], share: str) -> None:
    """Write tasks as one part, named after the first of them and the share, so that jobs with another number of shares
    write other parts.
    """
    part = pa.concat_tables(tables)
    write_table(part, entry.parts / f"{part['number'][0]}-{share}.parquet", durable=False)


def read_parts(entry: Entry) -> pa.Table:
    """The items of all parts with the number of their task; a task in two parts is read once.

    Damaged parts are deleted, and incomplete tasks are ignored.
    """
    tables = [numbered(SCHEMA.empty_table(), 0)]
    seen_requests: set[int] = set()
    for path in sorted(entry.parts.glob("*.parquet")):
        try:
            part = read_parquet(path)
        except Damaged as error:
            print(f"{path}: damaged ({error.reason}); scoring it again", file=sys.stderr)
            remove(path)
            continue
        counts = Counter(part["number"].to_pylist())
        new_requests = {
            number for number, rows in counts.items() if entry.suite.rows.get(number) == rows
        } - seen_requests
        tables.append(part.filter(pc.is_in(part["number"], pa.array(sorted(new_requests), pa.int32()))))
        seen_requests |= new_requests
    return pa.concat_tables(tables)


def join_parts(entry: Entry) -> None:
    """Join the parts into the items of an entry, in the order of its tasks, unless another job has done so.

    Raises
    ------
    RelscaleError
        Tasks are missing.
    """
    with locked(entry.lock()):
        if read_statuses(entry) is None:
            parts = read_parts(entry)
            missing = entry.suite.rows.keys() - set(parts["number"].to_pylist())
            if missing:
                raise RelscaleError(
                    f"{entry.parts}: {len(missing)} of {len(entry.suite.rows)} tasks are missing; run it again"
                )
            order = pc.sort_indices(parts["number"])  # stable
            items = parts.take(order).drop_columns("number")
            write_table(items.replace_schema_metadata({KEY: entry.items.stem.encode()}), entry.items)
        for path in entry.parts.glob("*.parquet"):
            remove(path)
        remove_all_partials(entry.parts)
        with suppress(OSError):  # a job with other shares may still be running, and deletes its own parts
            entry.parts.rmdir()
