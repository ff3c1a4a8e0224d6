"""The numerical path of a training: the implementations by which the last digits of two machines may differ."""

import os
import shlex
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from relscale.gpu import has_gpu


def numerical_path(threads: int, compiled: bool = False) -> Mapping[str, str | bool]:
    """The kind of device of this machine and, of a processor, which kernels it trains with.

    Those in C (``relscale.training.cpu``) do the optimizer's step and, on one thread, the layers. They are taken to
    work where there is a compiler. Which type the products are in stands beside this in a run's key.

    Parameters
    ----------
    threads
        Of the processor, for one run.
    compiled
        Whether ``torch.compile`` compiles the layers.
    """
    if has_gpu():
        return {"device": "cuda"}
    kernels = _has_kernels()
    return {
        "device": "cpu",
        "kernels": kernels,
        "kernels of layers": kernels and threads == 1,
        "kernels in bf16": has_bf16_kernels(threads, compiled),
    }


def has_bf16_kernels(threads: int, compiled: bool) -> bool:
    """Whether products in bf16 would be those of ``relscale.training.cpu.bf16``."""
    able = "avx512_bf16" in processor_flags() and _has_kernels() and not has_gpu()
    return able and threads == 1 and not compiled


@cache
def processor_flags() -> frozenset[str]:
    """What the first processor can do, by the names that Linux gives it; empty on another system."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), []))


def _has_kernels() -> bool:
    try:
        return c_compiler() is not None
    except ValueError:  # training says so, and does without
        return False


def c_compiler() -> list[str] | None:
    """The command that compiles C, as ``CC`` says or the first that is found; None under ``RELSCALE_NATIVE=0``.

    Raises
    ------
    ValueError
        ``CC`` has quotes that do not end.
    """
    if os.environ.get("RELSCALE_NATIVE") == "0":
        return None
    named = shlex.split(os.environ.get("CC", ""))
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return named or ([found] if found else None)
