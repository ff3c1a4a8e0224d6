"""The matrix products of a run: their floating-point type and implementation."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from relscale.errors import RelscaleError
from relscale.gpu import has_gpu
from relscale.training.numerical_path import has_bf16_kernels, processor_flags
from relscale.training.options import Training

PRECISIONS = ("auto", "float32", "bf16")
# Autocast converts each factor in separate passes, which costs narrow models more than it gains: on a Zen 4 core a
# step takes as long as in float32 at width 32 and 1.26 times less at 64. The threshold was not measured on a GPU.
NARROWEST_AUTOCAST = 128


class Products(StrEnum):
    """The type of the matrix products of a run, and for bf16 their implementation; weights are always float32."""

    FLOAT32 = "float32"
    BF16_KERNELS = "bf16 kernels"
    BF16_AUTOCAST = "bf16 autocast"


def choose_products(options: Training, hidden_size: int) -> Products:
    """The products of a model of this width on this machine.

    The kernels round both factors of a product to bf16 and keep everything else in float32. Under torch's autocast the
    results of products and many operations on them are bf16 too, so the two give different numbers.

    Raises
    ------
    RelscaleError
        As ``choose_precision``.
    """
    if choose_precision(options, hidden_size) == "float32":
        return Products.FLOAT32
    kernels = has_bf16_kernels(options.threads, options.compile)
    return Products.BF16_KERNELS if kernels else Products.BF16_AUTOCAST


def choose_precision(options: Training, hidden_size: int) -> str:
    """``float32`` or ``bf16`` for a model of this width.

    ``auto`` selects bf16 at any width if the kernels of ``relscale.training.cpu.bf16`` are available: on a processor
    with AVX-512 BF16 and a C compiler that supports it, for runs of one thread that are not compiled. Otherwise bf16 is
    torch's autocast, which ``auto`` selects from width 128 on if the device multiplies bf16 in hardware (a CUDA GPU
    with bf16; a processor with AMX or AVX-512 BF16). The choice depends on the machine's features and not on a
    measurement, so that a run has the same key each time.

    Raises
    ------
    RelscaleError
        ``options.precision`` is none of auto, float32, bf16.
    """
    if options.precision not in PRECISIONS:
        raise RelscaleError(f"training.precision: {options.precision!r}; choose from {', '.join(PRECISIONS)}")
    if options.precision != "auto":
        return options.precision
    if has_bf16_kernels(options.threads, options.compile):
        return "bf16"
    return "bf16" if hidden_size >= NARROWEST_AUTOCAST and has_bf16() else "float32"


def counted(precisions: Iterable[str]) -> str:
    """Number of runs by matrix products: ``bf16 kernels (40 runs), float32 (16 runs)``."""
    counts = sorted(Counter(precisions).items())
    return ", ".join(f"{name} ({number} run{'' if number == 1 else 's'})" for name, number in counts)


def has_bf16() -> bool:
    """Whether this machine multiplies bf16 in hardware."""
    if has_gpu():
        import torch  # takes seconds, and is needed only for the keys of wide models

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not processor_flags().isdisjoint(("avx512_bf16", "amx_bf16"))
