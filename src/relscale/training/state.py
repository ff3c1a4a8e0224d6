"""The training state on disk, from which a run resumes exactly.

It consists of weights, the optimizer's moments, the history, and the states of the random number generators. The data
need no state: a batch is a function of its step (``relscale.tokens.store``).

The file does not depend on the strategy, so that a run can resume on another number of devices, and it replaces the
previous one only when it is complete and on disk. ``fabric.save`` has neither property: each strategy writes its own
format over the previous state.
"""

import sys
import zipfile
from pathlib import Path
from typing import Any

from relscale.storage.atomic import atomic_path, remove, remove_partials

FILE = "state.pt"
CHECKPOINTS = (
    "checkpoints"  # folder of intermediate checkpoints, in the state's and later in the result's folder
)
OWNER = "owner.json"  # the name of the process that owns the run


def state_folder(folder: Path) -> Path:
    """Folder of the state of the run whose result will be in ``folder``."""
    return folder.with_name(f"{folder.name}.state")


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state in ``folder`` atomically."""
    import torch  # takes seconds, and is not needed for `state_folder`

    random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
    with atomic_path(folder / FILE) as partial, partial.open("wb") as file:
        try:
            torch.save({**state, "random": random}, file)
        except RuntimeError as error:
            # On a full disk torch reports an unexpected file position.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def read_state(folder: Path) -> dict[str, Any] | None:
    """Load the state in ``folder`` and set the random number generators; None without a readable state.

    Tensors are mapped from the file in the processor's memory; pages are loaded on demand and shared by the processes
    of a node. Incomplete files of killed processes are deleted.
    """
    import torch

    path = folder / FILE
    remove_partials(path)
    if not path.is_file():
        return None
    try:
        _check(path)
        state: dict[str, Any] = torch.load(
            path, map_location="cpu", weights_only=True, mmap=torch.cuda.is_available()
        )
    except Exception as error:  # any exception of torch, depending on the damage
        print(f"{path}: damaged; the run starts again ({type(error).__name__})", file=sys.stderr)
        return None
    random = state.pop("random")
    torch.set_rng_state(random["cpu"])
    if len(random["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(random["cuda"])
    return state


def _check(path: Path) -> None:
    """Verify the checksums of a torch file, a zip archive, which torch does not do.

    Raises
    ------
    zipfile.BadZipFile
        A member differs from its checksum.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(damaged)


def remove_state(folder: Path) -> None:
    """Delete the content of ``folder`` except the ownership file (``relscale.training.ownership``)."""
    for path in folder.glob("*"):
        if path.name != OWNER:
            remove(path)
