"""An entry of the atlas: a paper, its law, and how its known numbers are reproduced from published tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.atlas.view import View
from relscale.storage.column_arrays import Columns


@dataclass(frozen=True)
class Number:
    """A reproduced number, with a 95% interval where it has one."""

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
            It is not there.
        """
        return Columns.read(self.folder / name)


@dataclass(frozen=True)
class Entry:
    """A paper's law and how it is reproduced.

    Attributes
    ----------
    title, paper
        Of the paper, with its arXiv number.
    law
        The law of ``relscale.laws`` that it is; empty for an entry that is another kind of method.
    formula
        In one line.
    tables
        File names in ``reference/``.
    reproduce
        From the tables to a number per known number (``relscale.atlas.answers``), by its quantity.
    command
        How to use it on a table of one's own; empty where no command does.
    remark
        What a reader must know to trust the numbers.
    differs
        Why known numbers do not come out, by quantity, where they are known not to.
    slow
        Whether it takes more than a few seconds.
    view
        From the tables to its figure; None where it has no view over one number.
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
    """The parameters of a fit, by name; ``limits`` are the low and the high ends of their intervals, if any."""
    results = {}
    for i, name in enumerate(names):
        low, high = (float(side[i]) for side in limits) if limits else (np.nan, np.nan)
        known = np.isfinite(low) and np.isfinite(high)
        results[name] = Number(float(theta[i]), low if known else None, high if known else None)
    return results
