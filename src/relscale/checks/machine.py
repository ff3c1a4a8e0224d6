"""Checks of an experiment's demands on this machine, or on those of the config."""

import importlib.util
import math
import os
import platform
import re
import sys
from pathlib import Path

from relscale.design.placement import place
from relscale.errors import RelscaleError
from relscale.experiment import ScoredExperiment, TrainingExperiment
from relscale.training.options import check_noise_scale

LONGEST = 1e10  # seconds of a run: three centuries
ROCM_BUILD = re.compile(r"^hip\s*(:[^=]*)?=\s*['\"]", re.MULTILINE)
OTHER_DEVICES = ("dxg", "nvhost-gpu")  # GPUs of WSL and of Jetson, which have no /dev/nvidia0
CPU_BUILD = re.compile(r"^cuda\s*(:[^=]*)?=\s*None", re.MULTILINE)


def check_folders(store: Path, results: Path) -> None:
    """See that results and store can be written.

    Raises
    ------
    RelscaleError
        They cannot.
    """
    for key, folder in (("store", store), ("experiment", results)):
        there = next((each for each in (folder, *folder.absolute().parents) if _exists(each, key)), Path("/"))
        if not there.is_dir():
            raise RelscaleError(f"{key}: {there} is a file, where the folder {folder} should be")
        if not os.access(there, os.W_OK | os.X_OK) or _is_read_only(there):
            raise RelscaleError(f"{key}: {folder} cannot be written; {there} is read-only for this user")


def check_placed(experiment: TrainingExperiment) -> None:
    """See that every run can be placed, in a time that somebody will wait.

    Raises
    ------
    RelscaleError
        One cannot.
    """
    options = experiment.training
    for run in experiment.planned_runs:
        placement = place(run, experiment.hardware, options)
        if not math.isfinite(placement.seconds) or placement.seconds > LONGEST:
            raise RelscaleError(
                f"hardware: {run.name} would take {placement.seconds / 3.15e7:.1g} years; look at flops_per_second, "
                "seconds_per_token and design.budgets"
            )
        check_noise_scale(run, options, placement.strategy)


def check_devices(experiment: ScoredExperiment, elsewhere: bool) -> None:
    """See that the devices are there that scoring names.

    Where jobs are submitted to other machines, this one's devices say nothing: there a job gets the GPUs of
    ``hardware.gpus_per_node``, and with none of these, none.

    Parameters
    ----------
    experiment
        Whose models are scored.
    elsewhere
        Whether jobs run, or may run, on other machines.

    Raises
    ------
    RelscaleError
        One is not.
    """
    if elsewhere and experiment.hardware.gpus_per_node:
        return
    named = experiment.scoring.device
    for device in [named] if isinstance(named, str) else named:
        kind, _, number = device.partition(":")
        if kind == "mps" and platform.system() != "Darwin":
            raise RelscaleError(f"scoring.device: {device!r}, which only a Mac has; use auto, cpu or cuda")
        if kind == "cuda" and int(number or 0) >= cuda_devices():
            count = cuda_devices()
            raise RelscaleError(
                f"scoring.device: {device!r}, and this machine has {count or 'no'} GPU{'s' if count > 1 else ''} that "
                "torch can use; use auto, or say hardware.gpus_per_node where jobs run on machines that have some"
            )


def cuda_devices() -> int:
    """NVIDIA GPUs of this machine that the installed torch can use, without importing it."""
    torch = importlib.util.find_spec("torch")
    version = Path(torch.origin or "").parent / "version.py" if torch else None
    text = version.read_text(encoding="utf-8") if version is not None and version.is_file() else ""
    if ROCM_BUILD.search(text) or any(Path("/dev", name).exists() for name in OTHER_DEVICES):
        return sys.maxsize  # how many there are, torch says
    if not text or CPU_BUILD.search(text):
        return 0
    there = sum(re.fullmatch(r"nvidia\d+", name) is not None for name in os.listdir("/dev"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (
        there if visible is None else min(there, len([each for each in visible.split(",") if each.strip()]))
    )


def _exists(path: Path, key: str) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise RelscaleError(f"{key}: {str(path)[:60]}: {error.strerror}") from None


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
