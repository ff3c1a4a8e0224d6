"""The training state on disk, from which a run resumes exactly.

Weights, the optimizer's moments, what was recorded, and the states of the random number generators. The data need no
state: a batch is a function of its step (``relscale.tokens.store``).

The file is the same whatever the strategy, so that a run may resume on another number of devices, and it replaces the
one before only when it is whole and on disk. ``fabric.save`` has neither: each strategy writes a format of its own, and
over the former state.
"""

import sys
import zipfile
from pathlib import Path
from typing import Any

from relscale.storage.atomic import atomic_path, remove, remove_partials

FILE = "state.pt"
CHECKPOINTS = "checkpoints"  # the folder of weights on the way, in the state's and later in the result's
OWNER = "owner.json"  # the name of the process that owns the run


def state_folder(folder: Path) -> Path:
    """Folder of the state of the run whose result will be in ``folder``."""
    return folder.with_name(f"{folder.name}.state")


def write_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state in ``folder`` atomically."""
    import torch  # seconds; where the state lies is asked without it

    random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
    with atomic_path(folder / FILE) as partial, partial.open("wb") as file:
        try:
            torch.save({**state, "random": random}, file)
        except RuntimeError as error:
            # Of a full disk torch says that its position is not the one it expected.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def read_state(folder: Path) -> dict[str, Any] | None:
    """Load the state in ``folder`` and set the random number generators; None without a readable state.

    Tensors come to the processor's memory; where they go on to a GPU, a page at a time, which the processes of a node
    share. What a killed process left half-written is deleted.
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
    except Exception as error:  # torch raises whatever the damage leads to
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
