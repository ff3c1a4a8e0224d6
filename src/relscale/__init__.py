"""Relative scaling laws for language models, from raw text to figures, as one cached workflow.

>>> import relscale as rs
>>> fit = rs.fit(rs.datasets.olmo_ladder(), x="training_flops", y="bpb", group="subgroup", baseline="stem")
>>> fit.table()["group"]
['humanities', 'other', 'social_sciences']
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relscale import datasets
    from relscale.api import Experiment, Results, open, score
    from relscale.errors import RelscaleError
    from relscale.listings import suites
    from relscale.table_fit.fit import fit
    from relscale.table_fit.frame import Frame
    from relscale.table_fit.frontier import frontier
    from relscale.table_fit.result import TableFit

__version__ = "0.1.0"

CHANGES_NO_NUMBER = "the version of the package; its modules are digested one by one"

_MODULES = {  # of the public names, imported on first use
    "fit": "table_fit.fit",
    "TableFit": "table_fit.result",
    "frontier": "table_fit.frontier",
    "extrapolate": "extrapolation.of_table",
    "laws": "listings",
    "suites": "listings",
    "figures": "listings",
    "datasets": "",
    "Experiment": "api",
    "Results": "api",
    "open": "api",
    "score": "api",
    "Frame": "table_fit.frame",
    "RelscaleError": "errors",
}
__all__ = [
    "Frame",
    "RelscaleError",
    "datasets",
    "extrapolate",
    "figures",
    "fit",
    "frontier",
    "laws",
    "score",
    "suites",
]
__all__ += ["Experiment", "Results", "TableFit", "open"]


def __getattr__(name: str) -> Any:
    """A public name, imported on first use because its libraries are slow to import."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module 'relscale' has no attribute {name!r}; it has {', '.join(_MODULES)}")
    module = _MODULES[name]
    if not module:
        return import_module(f"relscale.{name}")
    return getattr(
        import_module(f"relscale.{module}"), "extrapolate_table" if name == "extrapolate" else name
    )


def __dir__() -> list[str]:
    return [*_MODULES, "__version__"]
