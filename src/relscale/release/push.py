"""Upload of exported models to the Hugging Face hub, one repository per model."""

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
    """Upload every model of an export, and write a table of their names and commits on the hub.

    Repositories are named ``organisation/experiment-run``, with ``experiment-run`` made a file name
    (``relscale.storage.file_name``), and are private until someone publishes them.

    Parameters
    ----------
    folder
        The folder of the export.
    organisation
        An account of the hub to which the logged-in user may write.
    experiment
        Name of the experiment.
    licence
        Licence of the models.
    report
        Function that is called with one line per uploaded model.

    Raises
    ------
    RelscaleError
        There is no export or no licence, a model in the table is outside of ``folder``, or the hub refuses.
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


def upload_size(folder: Path) -> tuple[int, int]:
    """The number of models in an export, and their bytes."""
    models: Sequence[Any] = read_table(folder / TABLE, ("model",))["model"].drop_null().to_pylist()
    paths = [_model(folder, name) for name in models if name]
    return len(paths), sum(
        file.stat().st_size for path in paths for file in path.rglob("*") if file.is_file()
    )


def _model(folder: Path, name: str) -> Path:
    """The folder of a model in an export; a path in the table that leads elsewhere is refused."""
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
    except Exception as error:  # the client raises many types without network, account or permission
        raise RelscaleError(
            f"cannot push {folder} to {name} ({first_line(error)}); models already pushed stay on the hub"
        ) from error
