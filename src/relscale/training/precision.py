"""The floating-point type of a run's matrix products."""

from pathlib import Path

from relscale.errors import RelscaleError

PRECISIONS = ("auto", "float32", "bf16")
# Matrix products are under half of a CPU's step at width 16 to 32 and two thirds at 128 (benchmarks/training.py): the
# rest stays float32 and gains conversions. No processor with bf16 units was at hand to measure where the two meet.
NARROWEST_BF16 = 128


def choose_precision(precision: str, hidden_size: int) -> str:
    """``float32`` or ``bf16`` for a model of this width.

    ``auto`` takes bf16 where the device multiplies it in hardware (a CUDA GPU with bf16; a CPU with AMX or AVX-512 bf16
    units) and the model is at least 128 wide.

    Raises
    ------
    RelscaleError
        ``precision`` is none of auto, float32, bf16.
    """
    if precision not in PRECISIONS:
        raise RelscaleError(f"training.precision: {precision!r}; choose from {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    return "bf16" if hidden_size >= NARROWEST_BF16 and has_bf16() else "float32"


def has_bf16() -> bool:
    """Whether this machine multiplies bf16 in hardware."""
    import torch  # seconds; only a wide model's key asks

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(encoding="utf-8").split() if cpuinfo.is_file() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags
