"""Relative scaling laws for language models, from raw text to figures, as one cached workflow."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["extrapolate", "fit"]


def __getattr__(name: str) -> Any:
    """``relscale.fit`` and ``relscale.extrapolate``, loaded when first asked for, as their libraries take a while."""
    if name == "extrapolate":
        from relscale.extrapolation.of_table import extrapolate_table

        return extrapolate_table
    if name == "fit":
        from relscale.table_fit import fit

        return fit
    raise AttributeError(f"module 'relscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
