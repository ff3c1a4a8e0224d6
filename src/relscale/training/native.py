"""Kernels in C for training on a CPU, compiled once where the machine has a compiler.

torch's own operations each pass over memory and allocate a result; at widths under a few hundred that costs as much as
half of the matrix products. ``native.c`` does a layer's norm, rotation, SwiGLU, softmax and attention in one pass each.
Where there is no compiler, or on another device, the callers here compute the same by torch's operations.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from relscale.atomic import atomic_path
from relscale.user_cache import user_cache

SOURCE = Path(__file__).with_suffix(".c")
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
TYPES = {"p": ctypes.c_void_p, "n": ctypes.c_long, "f": ctypes.c_float, "d": ctypes.c_double}


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels can work on tensors of this kind.

    They want float32 on a CPU, outside autocast and ``torch.compile``, and one thread: torch's operations share their
    work among several, these do not.
    """
    return torch.get_num_threads() == 1 and fit(*tensors)


def fit(*tensors: Tensor) -> bool:
    """The same for a caller that shares the work among threads itself."""
    return (
        not torch.compiler.is_compiling()
        and all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
        and not torch.is_autocast_enabled("cpu")
        and library() is not None
    )


def call(kernel: str, *arguments: Any) -> Any:
    """Call a kernel of ``native.c``; tensors, which must be contiguous, go as addresses."""
    return getattr(library(), kernel)(
        *[value.data_ptr() if isinstance(value, Tensor) else value for value in arguments]
    )


@cache
def sgemm() -> int | None:
    """Address of Fortran's ``sgemm`` in torch's own library; None where that shows none."""
    path = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if not path.is_file():
        return None
    found = getattr(ctypes.CDLL(str(path)), "sgemm_", None)
    return None if found is None else ctypes.cast(found, ctypes.c_void_p).value


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, compiled if this machine has not done so; None where it cannot.

    They lie in the user's cache folder under a digest of source, compiler and processor, as a home may be shared by
    several machines. ``RELSCALE_NATIVE=0`` leaves them out.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or os.environ.get("RELSCALE_NATIVE") == "0":
        return None
    cached = user_cache() / f"kernels-{_digest(compiler)}.so"
    try:
        if not cached.is_file():
            with atomic_path(cached) as partial:
                _compile(compiler, partial)
        kernels = ctypes.CDLL(str(cached))
    except (
        OSError,
        subprocess.CalledProcessError,
    ):  # no folder to write to, or a compiler that does not work
        return None
    for name, arguments in KERNELS.items():
        kernel = getattr(kernels, name)
        kernel.argtypes, kernel.restype = [TYPES[kind] for kind in arguments], None
    kernels.cross_entropy.restype = ctypes.c_double
    kernels.cautious_update.restype = ctypes.c_long
    return kernels


def _compile(compiler: str, output: Path) -> None:
    command = [compiler, *OPTIONS, str(SOURCE), "-o", str(output), "-lm"]
    subprocess.run(command, check=True, capture_output=True)


def _digest(compiler: str) -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else platform.processor()
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), text)
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    parts = (
        SOURCE.read_bytes(),
        repr(OPTIONS).encode(),
        version,
        platform.machine().encode(),
        flags.encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
