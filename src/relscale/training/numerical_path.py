"""The numerical path of a training: the implementations by which the last digits of two machines may differ."""

import os
import shlex
import shutil
from collections.abc import Mapping

from relscale.gpu import has_gpu


def numerical_path(threads: int) -> Mapping[str, str | bool]:
    """The kind of device of this machine and, of a processor, which kernels it trains with.

    Those in C (``relscale.training.cpu``) do the optimizer's step and, on one thread, the layers. They are taken to
    work where there is a compiler. Which type the products are in stands beside this in a run's key.

    Parameters
    ----------
    threads
        Of the processor, for one run.
    """
    if has_gpu():
        return {"device": "cuda"}
    try:
        kernels = c_compiler() is not None
    except ValueError:  # training says so, and does without
        kernels = False
    return {"device": "cpu", "kernels": kernels, "kernels of layers": kernels and threads == 1}


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
