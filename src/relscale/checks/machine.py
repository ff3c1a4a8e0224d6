"""Checks of an experiment against this machine, or the hardware of its config."""

import importlib.util
import math
import os
import platform
import re
import sys
from pathlib import Path

from relscale.design.placement import place
from relscale.errors import RelscaleError
from relscale.experiments.experiment import ScoredExperiment, TrainingExperiment
from relscale.training.options import check_noise_scale

LONGEST = 1e10  # seconds of a run: three centuries
ROCM_BUILD = re.compile(r"^hip\s*(:[^=]*)?=\s*['\"]", re.MULTILINE)
OTHER_DEVICES = ("dxg", "nvhost-gpu")  # device files of GPUs under WSL and on Jetson, instead of /dev/nvidia0
CPU_BUILD = re.compile(r"^cuda\s*(:[^=]*)?=\s*None", re.MULTILINE)


def check_folders(store: Path, results: Path) -> None:
    """Refuse folders of results and of the store that cannot be written."""
    for key, folder in (("store", store), ("experiment", results)):
        existing = next(
            (parent for parent in (folder, *folder.absolute().parents) if _exists(parent, key)), Path("/")
        )
        if not existing.is_dir():
            raise RelscaleError(f"{key}: {existing} is a file, but the folder {folder} is needed")
        if not os.access(existing, os.W_OK | os.X_OK) or _is_read_only(existing):
            raise RelscaleError(f"{key}: {folder} cannot be written; {existing} is read-only for this user")


def check_placed(experiment: TrainingExperiment) -> None:
    """Refuse runs that cannot be placed, or take unrealistically long."""
    options = experiment.training
    for run in experiment.planned_runs:
        placement = place(run, experiment.hardware, options)
        if not math.isfinite(placement.seconds) or placement.seconds > LONGEST:
            raise RelscaleError(
                f"hardware: {run.name} would take {placement.seconds / 3.15e7:.1g} years; check "
                "flops_per_second, seconds_per_token and design.budgets"
            )
        check_noise_scale(run, options, placement.strategy)


def check_devices(experiment: ScoredExperiment, submitted: bool) -> None:
    """Check that the devices for scoring exist.

    If jobs are submitted to other machines, they get the GPUs of ``hardware.gpus_per_node`` instead.

    Parameters
    ----------
    experiment
        The experiment.
    submitted
        Whether jobs run, or may run, on other machines.

    Raises
    ------
    RelscaleError
        A device does not exist.
    """
    if submitted and experiment.hardware.gpus_per_node:
        return
    named = experiment.scoring.device
    for device in [named] if isinstance(named, str) else named:
        kind, _, number = device.partition(":")
        if kind == "mps" and platform.system() != "Darwin":
            raise RelscaleError(
                f"scoring.device: {device!r}, which exists only on a Mac; use auto, cpu or cuda"
            )
        if kind == "cuda" and int(number or 0) >= cuda_devices():
            count = cuda_devices()
            raise RelscaleError(
                f"scoring.device: {device!r}, but torch can use {count or 'no'} GPU{'s' if count > 1 else ''} of this "
                "machine; use auto, or set hardware.gpus_per_node if jobs run on other machines"
            )


def cuda_devices() -> int:
    """NVIDIA GPUs of this machine that the installed torch can use, without importing it."""
    torch = importlib.util.find_spec("torch")
    version = Path(torch.origin or "").parent / "version.py" if torch else None
    text = version.read_text(encoding="utf-8") if version is not None and version.is_file() else ""
    if ROCM_BUILD.search(text) or any(Path("/dev", name).exists() for name in OTHER_DEVICES):
        return sys.maxsize  # unknown until torch is imported
    if not text or CPU_BUILD.search(text):
        return 0
    n_devices = sum(re.fullmatch(r"nvidia\d+", name) is not None for name in os.listdir("/dev"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return n_devices
    return min(n_devices, len([device for device in visible.split(",") if device.strip()]))


def _exists(path: Path, key: str) -> bool:
    try:
        return path.exists()
    except OSError as error:  # the name is too long, or the folder is not readable
        raise RelscaleError(f"{key}: {str(path)[:60]}: {error.strerror}") from None


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
