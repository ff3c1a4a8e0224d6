"""``native.c`` and ``bf16.c``, compiled once if the machine has a compiler, and loaded by ``ctypes``."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from relscale.provenance import file_digest
from relscale.storage.atomic import atomic_path, remove
from relscale.storage.user_cache import user_cache
from relscale.training.numerical_path import c_compiler

FOLDER = Path(__file__).parent
SOURCES = (FOLDER / "native.c", FOLDER / "bf16.c")
OPTIONS = (
    "-O3",
    "-march=native",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-shared",
)
# Arguments of each kernel: p an array, n an integer, f and d numbers.
KERNELS = {
    "rms_norm": "nnfpppp",
    "rms_norm_gradient": "nnpppppp",
    "norm_rotate": "nnnnfpppppp",
    "norm_rotate_gradient": "nnnnpppppppp",
    "swiglu": "nppp",
    "swiglu_gradient": "nppp",
    "cross_entropy": "nnnfpp",
    "attention": "pnnnnnpppppp",
    "attention_gradient": "pnnnnnpppppppppp",
    "cautious_update": "nddddppp",
    "cautious_move": "nddpp",
}
# Kernels of bf16.c, which only some processors support.
BF16_KERNELS = {
    "linear": "nnnppp",
    "linear_gradient": "nnnpppnpp",
    "linear_cross_entropy": "nnnnfppppp",
    "attention_in_bf16": "nnnnnppppp",
    "attention_gradient_in_bf16": "nnnnnpppppppp",
}
TYPES = {"p": ctypes.c_void_p, "n": ctypes.c_long, "f": ctypes.c_float, "d": ctypes.c_double}


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels can work on tensors of this kind.

    They take float32 on a processor, outside autocast and ``torch.compile``, and one thread: torch's operations divide
    their work among several threads, these do not.
    """
    return torch.get_num_threads() == 1 and supports(*tensors)


def supports(*tensors: Tensor) -> bool:
    """The same for a caller that divides the work among threads itself."""
    return (
        not torch.compiler.is_compiling()
        and all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
        and not torch.is_autocast_enabled("cpu")
        and library() is not None
    )


def call(kernel: str, *arguments: Any) -> Any:
    """Call a kernel; tensors, which must be contiguous, go as addresses."""
    return getattr(library(), kernel)(
        *[value.data_ptr() if isinstance(value, Tensor) else value for value in arguments]
    )


@cache
def sgemm() -> int | None:
    """Address of Fortran's ``sgemm`` in torch's own library; None if it does not export it."""
    path = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if not path.is_file():
        return None
    symbol = getattr(ctypes.CDLL(str(path)), "sgemm_", None)
    return None if symbol is None else ctypes.cast(symbol, ctypes.c_void_p).value


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, compiled if necessary; None if they cannot be compiled, which is reported in one line.

    They are kept in the user's cache folder under a digest of source, compiler and processor, as machines may share a
    home folder, and one of their own bytes. ``RELSCALE_NATIVE=0`` disables them; ``CC`` names another compiler,
    with or without arguments.
    """
    if os.environ.get("RELSCALE_NATIVE") == "0":
        return None
    try:
        compiler = _compiler()
        key = _digest(compiler)
        kernels = ctypes.CDLL(str(_cached(key) or _compile(key, compiler)))
    # No compiler, one that does not work, or a cache that is not writable.
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"training without kernels in C, which is slower: {_reason(error)}", file=sys.stderr)
        return None
    declared = KERNELS | (BF16_KERNELS if kernels.has_bf16_products() else {})
    for name, arguments in declared.items():
        kernel = getattr(kernels, name)
        kernel.argtypes, kernel.restype = [TYPES[kind] for kind in arguments], None
    if kernels.has_bf16_products():
        kernels.linear_cross_entropy.restype = ctypes.c_double
    kernels.cross_entropy.restype = ctypes.c_double
    kernels.cautious_update.restype = ctypes.c_long
    return kernels


def _compiler() -> list[str]:
    """The command that compiles C: ``CC``, or the first compiler found.

    Raises
    ------
    FileNotFoundError
        There is none.
    ValueError
        ``CC`` has quotes that do not end.
    """
    command = c_compiler()
    if command is None:
        raise FileNotFoundError("no C compiler found")
    return command


def _cached(key: str) -> Path | None:
    """The intact kernels under a key; damaged files are deleted.

    A truncated library would crash the process, and one that cannot be loaded would silently change the last digits.
    """
    for path in sorted(user_cache().glob(f"kernels-{key}-*.so")):
        if path.stem.endswith(f"-{file_digest(path)}"):
            return path
        print(f"{path}: damaged; compiling it again", file=sys.stderr)
        remove(path)
    return None


def _compile(key: str, compiler: Sequence[str]) -> Path:
    """Compile the kernels into the cache."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "kernels.so"
        subprocess.run(
            [*compiler, *OPTIONS, *map(str, SOURCES), "-o", str(output), "-lm"],
            check=True,
            capture_output=True,
        )
        path = user_cache() / f"kernels-{key}-{file_digest(output)}.so"
        with atomic_path(path) as partial:
            shutil.copyfile(output, partial)
    return path


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        messages = error.stderr.decode(errors="replace").strip().splitlines()
        return f"{error.cmd[0]} failed ({messages[0] if messages else f'exit status {error.returncode}'})"
    return " ".join(str(error).split())


def _digest(compiler: Sequence[str]) -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else platform.processor()
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), text)
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False).stdout
    parts = (
        *(path.read_bytes() for path in SOURCES),
        repr([*compiler[1:], *OPTIONS]).encode(),
        version,
        platform.machine().encode(),
        flags.encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
