"""Exported models onto the Hugging Face hub, one repository per model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError, first_line
from relscale.measurements.measurement import SHARE
from relscale.scoring.checkpoint_table import TABLE, table_schema
from relscale.storage.file_name import file_name
from relscale.storage.tables import read_table, write_table

PUSHED = "checkpoints.hub.csv"


def push(
    folder: Path,
    organisation: str,
    experiment: str,
    licence: str | None,
    report: Callable[[str], None] = print,
) -> Path:
    """Upload every model of an export, and write the table that names them on the hub, at their commits.

    Repositories are called ``organisation/experiment-run``, or by the file name of that
    (``relscale.storage.file_name``), and are private until someone opens them.

    Parameters
    ----------
    folder
        Of the export.
    organisation
        An account of the hub, into which this machine is logged in.
    experiment
        Its name.
    licence
        Of the models.
    report
        Called with one line per uploaded model.

    Raises
    ------
    RelscaleError
        There is no export, no licence, a model of the table lies elsewhere, or the hub refuses.
    """
    if licence is None:
        raise RelscaleError("export.licence: set the licence of the models in the config, then export again")
    listed = read_table(folder / TABLE, ("run", "model"))
    rows = listed.to_pylist()
    for row in rows:
        if row["model"]:
            name = f"{organisation}/{file_name(experiment + '-' + row['run'])}"
            row |= {"model": name, "revision": _upload(_model(folder, row["model"]), name)}
            report(f"{name} at {row['revision']}")
    shares = [pa.field(name, pa.float64()) for name in listed.column_names if name.startswith(SHARE)]
    write_table(pa.Table.from_pylist(rows, pa.schema([*table_schema(), *shares])), folder / PUSHED)
    return folder / PUSHED


def to_push(folder: Path) -> tuple[int, int]:
    """How many models an export has, and their bytes."""
    models: Sequence[Any] = read_table(folder / TABLE, ("model",))["model"].drop_null().to_pylist()
    paths = [_model(folder, name) for name in models if name]
    return len(paths), sum(
        file.stat().st_size for path in paths for file in path.rglob("*") if file.is_file()
    )


def _model(folder: Path, name: str) -> Path:
    """The folder of a model in an export; the table is data, and nothing else of this machine is uploaded by it."""
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise RelscaleError(f"{folder / TABLE}: {name!r} is not a folder of this export, and is not uploaded")
    return path


def _upload(folder: Path, name: str) -> str:
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(name, private=True, exist_ok=True)
        return str(api.upload_folder(repo_id=name, folder_path=folder).oid)
    except Exception as error:  # no network, no account, no permission: the client has many for each
        raise RelscaleError(
            f"cannot push {folder} to {name} ({first_line(error)}); models already pushed stay on the hub"
        ) from error
