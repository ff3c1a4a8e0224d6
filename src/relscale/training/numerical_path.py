"""The numerical path of a run: implementations that can change the last digits between machines."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.gpu import has_gpu

CHANGES_NO_NUMBER = "reports the kernels of training, which are part of the key themselves"


def numerical_path(threads: int, compiled: bool = False) -> Mapping[str, str | bool]:
    """The kind of device of this machine and, for a processor, the kernels that it trains with.

    Kernels in C (``relscale.training.cpu``) compute the optimizer's step and, on one thread, the layers. The compiler
    is queried for its target, which takes milliseconds; a training with other kernels is refused (``check_kernels``).
    The type of the products is a separate part of a run's key.

    Parameters
    ----------
    threads
        Processor threads per run.
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
    if threads != 1 or compiled or has_gpu():
        return False
    flags = (
        processor_flags()
    )  # if they are known, a processor without the instructions needs no question to a compiler
    return ("avx512_bf16" in flags or not flags) and "__AVX512BF16__" in _macros()


def check_kernels(threads: int, compiled: bool, layers: bool, products: bool) -> None:
    """Check that the kernels are those of the run's key.

    Parameters
    ----------
    threads, compiled
        As for ``numerical_path``.
    layers, products
        Whether the kernels could be compiled and loaded, and whether those of products in bf16 are among them.

    Raises
    ------
    RelscaleError
        The kernels differ from those that the compiler reported.
    """
    path = numerical_path(threads, compiled)
    if path["device"] != "cpu" or (path["kernels"], path["kernels in bf16"]) == (layers, products):
        return
    raise RelscaleError(
        "the C kernels differ from those in the keys of the runs, because the compiler does not support what "
        "it reports; fix it, name another in CC, or set RELSCALE_NATIVE=0 to train without kernels"
    )


@cache
def processor_flags() -> frozenset[str]:
    """Feature flags of the first processor, by their Linux names; empty on other systems."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), []))


def _has_kernels() -> bool:
    return "__STDC__" in _macros()


def _macros() -> frozenset[str]:
    """Macros that the C compiler defines for this processor; empty without a working compiler."""
    try:
        command = c_compiler()
    except ValueError:  # reported by training, which uses no kernels then
        return frozenset()
    return _defined(tuple(command)) if command else frozenset()


@cache
def _defined(compiler: tuple[str, ...]) -> frozenset[str]:
    options = ("-march=native", "-dM", "-E", "-x", "c", os.devnull)
    try:
        answer = subprocess.run([*compiler, *options], check=True, capture_output=True, text=True).stdout
    except (OSError, ValueError, subprocess.CalledProcessError):
        return frozenset()
    lines = (line.split(maxsplit=2) for line in answer.splitlines())
    return frozenset(line[1] for line in lines if len(line) > 1 and line[0] == "#define")


def c_compiler() -> list[str] | None:
    """The command that compiles C: ``CC``, or the first compiler found; None under ``RELSCALE_NATIVE=0``.

    Raises
    ------
    ValueError
        ``CC`` has quotes that do not end.
    """
    if os.environ.get("RELSCALE_NATIVE") == "0":
        return None
    named = shlex.split(os.environ.get("CC", ""))
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return named or ([compiler] if compiler else None)
