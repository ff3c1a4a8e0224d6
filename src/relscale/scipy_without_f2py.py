"""scipy without the parts of numpy that neither it nor this program uses, for processes of the command line.

numpy imports f2py, masked arrays and others when they are first asked for. ``scipy.special`` asks for every name that
numpy lists (``scipy._lib.array_api_compat``), and so imports all of them, which takes a fifth of a second.
"""

UNUSED = frozenset(
    {"f2py", "testing", "polynomial", "ctypeslib", "ma", "random", "rec", "char", "core", "strings", "typing"}
)


def use_scipy_without_f2py() -> None:
    """Take the names from numpy's lists; ``import numpy.f2py`` and ``numpy.f2py`` work as before."""
    import numpy as np

    np.__all__ = [name for name in np.__all__ if name not in UNUSED]
    listed: set[str] = getattr(np, "__numpy_submodules__", set())  # private, so it may be absent
    listed -= UNUSED
