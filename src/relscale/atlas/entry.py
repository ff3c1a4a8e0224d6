"""An entry of the atlas: a paper, its law, and the reproduction of its known numbers from published tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.atlas.view import View
from relscale.storage.column_arrays import Columns


@dataclass(frozen=True)
class Number:
    """A reproduced number, and its 95% interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Tables:
    """The published tables in a folder."""

    folder: Path

    def read(self, name: str) -> Columns:
        """The table of that file name.

        Raises
        ------
        RelscaleError
            There is no such file.
        """
        return Columns.read(self.folder / name)


@dataclass(frozen=True)
class Entry:
    """A paper's law and its reproduction.

    Attributes
    ----------
    title, paper
        Title, and authors with the arXiv number.
    law
        Its name in ``relscale.laws``; empty for other kinds of methods.
    formula
        One-line formula.
    tables
        File names in ``reference/``.
    reproduce
        Function of the tables that returns the reproduced numbers by quantity, one per known number
        (``relscale.atlas.answers``).
    command
        The command for a user's table; empty if there is none.
    remark
        Data, method and caveats.
    differs
        Reasons for known differences, by quantity.
    slow
        Whether it takes more than a few seconds.
    view
        Function of the tables that returns the figure.
    """

    title: str
    paper: str
    formula: str
    tables: tuple[str, ...]
    reproduce: Callable[[Tables], Mapping[str, Number]]
    command: str
    law: str = ""
    remark: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    view: Callable[[Tables], View] | None = None


def fitted(
    names: tuple[str, ...], theta: NDArray[np.float64], *limits: NDArray[np.float64]
) -> dict[str, Number]:
    """The parameters of a fit by name; ``limits`` are the lower and upper limits of their intervals, if any."""
    results = {}
    for i, name in enumerate(names):
        low, high = (float(side[i]) for side in limits) if limits else (np.nan, np.nan)
        known = np.isfinite(low) and np.isfinite(high)
        results[name] = Number(float(theta[i]), low if known else None, high if known else None)
    return results
