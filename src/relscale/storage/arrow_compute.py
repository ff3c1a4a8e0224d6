"""Functions of ``pyarrow.compute``, which is imported when the first is called.

Its import makes about 300 functions, for a twentieth of a second, in processes that read no table too.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """A function of ``pyarrow.compute``."""
    import pyarrow.compute

    return getattr(pyarrow.compute, name)
