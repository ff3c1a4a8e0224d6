"""Relative scaling laws for language models, from raw text to figures, as one cached workflow."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["fit"]


def __getattr__(name: str) -> Any:
    """``relscale.fit``, loaded when it is first asked for: the libraries behind it take a while."""
    if name == "fit":
        from relscale.table_fit import fit

        return fit
    raise AttributeError(f"module 'relscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
