"""What Lightning Fabric imports and a training does not use, left out while Fabric is imported.

torchmetrics (2 s, against 0.1 s of Fabric itself) is loaded, where it is installed, to compare its version;
``torch._dynamo`` (0.9 s) for the class of compiled modules, to recognise one. Both can be imported as ever afterwards.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _KnownOnceImported(type):
    """The type of a class that stands for the one of compiled modules: before the compiler is there, there are none."""

    def __instancecheck__(cls, instance: Any) -> bool:
        compiler = sys.modules.get("torch._dynamo")
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_KnownOnceImported):
    pass


@contextmanager
def unused_left_out() -> Iterator[None]:
    """Have imports find no torchmetrics, and of torch's compiler a class alone; what is loaded already stays."""
    compiler = ModuleType("torch._dynamo")
    compiler.OptimizedModule = _OptimizedModule  # type: ignore[attr-defined]
    substitutes = {"torchmetrics": None, "torch._dynamo": compiler}
    hidden = {name: module for name, module in substitutes.items() if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
