"""Imports of Lightning Fabric that training does not use, hidden while Fabric is imported.

Fabric itself takes 0.1 s to import. It also imports torchmetrics (2 s), if installed, to compare its version, and
``torch._dynamo`` (0.9 s), to recognise compiled modules by their class. Both can be imported as usual afterwards.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _KnownOnceImported(type):
    """The type of a stand-in for the class of compiled modules: none exist before the compiler is imported."""

    def __instancecheck__(cls, instance: Any) -> bool:
        compiler = sys.modules.get("torch._dynamo")
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_KnownOnceImported):
    pass


@contextmanager
def unused_left_out() -> Iterator[None]:
    """Hide torchmetrics and torch's compiler, except for one class, from imports; loaded modules are kept."""
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
