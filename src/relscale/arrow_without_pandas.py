"""Arrow without pandas, for processes that do not use pandas.

When Arrow first converts a list, it imports pandas, if installed, to test whether the list is a pandas series. This
takes a third of a second in each job of a workflow. Arrow tries only once.
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


def use_arrow_without_pandas() -> None:
    """Make Arrow look for pandas now and not find it; later imports of pandas work as usual."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)
