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
    from relscale.frame import Frame
    from relscale.frontier_fit import frontier
    from relscale.listings import suites
    from relscale.table_fit import fit
    from relscale.table_fit_result import TableFit

__version__ = "0.1.0"

_WHERE = {  # the module of each name, imported when the name is first asked for
    "fit": "table_fit",
    "TableFit": "table_fit_result",
    "frontier": "frontier_fit",
    "extrapolate": "extrapolation.of_table",
    "laws": "listings",
    "suites": "listings",
    "figures": "listings",
    "datasets": "",
    "Experiment": "api",
    "Results": "api",
    "open": "api",
    "score": "api",
    "Frame": "frame",
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
    """A public name, loaded when it is first asked for: the libraries behind it take a while."""
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module 'relscale' has no attribute {name!r}; it has {', '.join(_WHERE)}")
    module = _WHERE[name]
    if not module:
        return import_module(f"relscale.{name}")
    return getattr(
        import_module(f"relscale.{module}"), "extrapolate_table" if name == "extrapolate" else name
    )


def __dir__() -> list[str]:
    return [*_WHERE, "__version__"]
