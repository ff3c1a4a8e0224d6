"""Arrow without pandas, in a process that has no use for pandas.

When Arrow is first given a list, it imports pandas where that is installed, to ask whether the list is one of pandas'
series: a third of a second in each job of a workflow. Arrow asks once.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=fullname)
        return None


def leave_pandas_out() -> None:
    """Let Arrow ask for pandas now, and find none; whoever imports pandas later still gets it."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)
