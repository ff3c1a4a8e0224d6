"""Checks of this machine and of the installation, each with its consequence."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from relscale import __version__
from relscale.extras import MODULES, missing
from relscale.storage.process import cores
from relscale.training.numerical_path import c_compiler, has_bf16_kernels, numerical_path, processor_flags
from relscale.training.precision import NARROWEST_AUTOCAST

PURPOSE = {
    "train": "corpora, vocabularies, training",
    "score": "suites and checkpoints",
    "workflow": "relscale run",
    "pictures": "figures as SVG, PDF and PNG",
    "corpus": "additional text for the default experiment, and relscale extrapolate",
    "gpu": "less memory for the loss on NVIDIA GPUs",
}
LACKING = "pip install 'relscale[{}]'"


@dataclass(frozen=True)
class Finding:
    """A checked component.

    Attributes
    ----------
    component
        Name of the component.
    available
        Whether it is available.
    detail
        Details, such as a version.
    consequence
        Consequence for relscale, or how to install what is missing.
    """

    component: str
    available: bool
    detail: str
    consequence: str


def findings() -> Iterator[Finding]:
    """All checks: the installation, then the machine.

    Examples
    --------
    >>> [each.component for each in findings()][0]
    'relscale'
    """
    yield Finding("relscale", True, f"{__version__}, Python {platform.python_version()}", sys.executable)
    for extra in MODULES:
        modules = missing(extra)
        yield Finding(
            f"extra {extra}",
            not modules,
            f"missing: {', '.join(modules)}" if modules else _versions(extra),
            LACKING.format(extra) if modules else PURPOSE[extra],
        )
    yield Finding("cores", True, str(cores()), "all of them are used by relscale run; --cores N for fewer")
    yield Finding("memory", True, f"{memory_bytes() / 2**30:.1f} GiB", "limits the number of concurrent jobs")
    yield from _gpu()
    yield _bf16()
    yield _compiler()
    yield _chrome()
    yield _slurm()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding(
        "disk", free > 5, f"{free:.0f} GiB free in {Path.cwd()}", "results/ is written to this disk"
    )


def memory_bytes() -> int:
    """Memory of this machine or container, in bytes."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdecimal() else total


def _versions(extra: str) -> str:
    first = MODULES[extra][0]
    try:
        return f"{first} {version(first.replace('_', '-'))}"
    except PackageNotFoundError:
        return first


def _gpu() -> Iterator[Finding]:
    from relscale.gpu import has_gpu

    if not missing("train") and has_gpu():
        import torch

        for number in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(number)
            yield Finding(
                f"GPU {number}",
                True,
                f"{device.name}, {device.total_memory / 2**30:.0f} GiB",
                "trains and scores",
            )
        return
    yield Finding("GPU", False, "none usable by torch", "training and scoring run on the CPU")


def _bf16() -> Finding:
    flags = sorted(processor_flags() & {"avx512_bf16", "amx_bf16"})
    if has_bf16_kernels(threads=1, compiled=False):
        consequence = (
            "training.precision: auto uses bf16 at any width, with C kernels, about 1.8 times as fast"
        )
    elif flags:
        consequence = (
            f"training.precision: auto uses bf16 from width {NARROWEST_AUTOCAST} on, with torch's autocast"
        )
    else:
        consequence = "training.precision: auto uses float32"
    return Finding("bf16 on the CPU", bool(flags), ", ".join(flags) or "not in hardware", consequence)


def _compiler() -> Finding:
    """The C compiler of the training kernels: CC, or the first compiler found."""
    slower = "torch operations on the CPU, which are slower"
    try:
        command = c_compiler()
    except ValueError as reason:
        return Finding("C compiler", False, f"CC: {reason}", slower)
    if command is None:
        switched_off = os.environ.get("RELSCALE_NATIVE") == "0"
        return Finding(
            "C compiler", False, "not used (RELSCALE_NATIVE=0)" if switched_off else "none", slower
        )
    shown = shlex.join(command)
    if numerical_path(threads=1).get("kernels") is False:
        return Finding("C compiler", False, f"{shown} does not compile", slower)
    return Finding("C compiler", True, shown, "compiled kernels on the CPU")


def _chrome() -> Finding:
    if missing("pictures"):
        return Finding("Chrome", False, "not checked", LACKING.format("pictures"))
    from relscale.figures.browser import find_chrome

    chrome = find_chrome()
    return Finding(
        "Chrome",
        chrome is not None,
        chrome or "none",
        "figures as SVG, PDF and PNG too"
        if chrome
        else "figures as HTML only; install chromium for SVG, PDF and PNG",
    )


def _slurm() -> Finding:
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        return Finding("Slurm", False, "no sbatch", "jobs run on this machine")
    version_output = subprocess.run(["sbatch", "--version"], capture_output=True, text=True)
    return Finding(
        "Slurm", True, version_output.stdout.strip() or sbatch, "relscale run CONFIG --profile slurm"
    )
