"""Relative scaling laws for language models, from raw text to figures, as one cached workflow."""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["fit"]


def __getattr__(name: str) -> Any:
    """``relscale.fit``, loaded when it is first asked for: the libraries behind it take a while.

    By its name as text, so that a stage that asks for the version does not depend on the code of the fits
    (``relscale.provenance``).
    """
    if name == "fit":
        return importlib.import_module("relscale.table_fit").fit
    raise AttributeError(f"module 'relscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
