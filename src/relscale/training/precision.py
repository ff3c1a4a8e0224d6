"""The floating-point type of a run's matrix products."""

from collections import Counter
from collections.abc import Iterable

from relscale.errors import RelscaleError
from relscale.gpu import has_gpu
from relscale.training.numerical_path import has_bf16_kernels, processor_flags
from relscale.training.options import Training

PRECISIONS = ("auto", "float32", "bf16")
# Under autocast each factor is converted by passes of its own, which narrow models do not gain back: on a Zen 4 core a
# step takes as long as in float32 at width 32 and 1.26 times less at 64. On a GPU the threshold was never measured.
NARROWEST_AUTOCAST = 128


def choose_precision(options: Training, hidden_size: int) -> str:
    """``float32`` or ``bf16`` for a model of this width.

    ``auto`` takes bf16 at any width where the kernels of ``relscale.training.cpu.bf16`` multiply it: on a processor
    with AVX-512 BF16 and a C compiler that knows it, for runs of one thread that are not compiled. Elsewhere bf16 is
    torch's autocast, which ``auto`` takes from width 128 on, where the device multiplies bf16 in hardware (a CUDA GPU
    with bf16; a processor with AMX or AVX-512 BF16). The answer depends on the machine's features and on no
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
    """Number of runs by product type: ``bf16 (40 runs), float32 (16 runs)``."""
    counts = sorted(Counter(precisions).items())
    return ", ".join(f"{name} ({number} run{'' if number == 1 else 's'})" for name, number in counts)


def has_bf16() -> bool:
    """Whether this machine multiplies bf16 in hardware."""
    if has_gpu():
        import torch  # seconds; only a wide model's key asks

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not processor_flags().isdisjoint(("avx512_bf16", "amx_bf16"))
