"""An entry of the atlas: a paper, its law, the table it can be reproduced from, and what it says comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.atlas.view import View
from relscale.storage.column_arrays import Columns


class Origin(StrEnum):
    """Whose number an answer is."""

    PAPER = "paper"  # stated in the paper, or in the files that it released
    TABLE = "table"  # computed from the same table by a program that shares no code with relscale
    THEORY = "theory"  # exact


@dataclass(frozen=True)
class Answer:
    """A known number.

    Attributes
    ----------
    quantity, unit
        What it is.
    value
        The number.
    tolerance
        How far off the reproduced number may be, in the same unit.
    origin
        Whose number it is.
    differs
        Why the number does not come out, where it is known not to.
    """

    quantity: str
    value: float
    tolerance: float
    unit: str = ""
    origin: Origin = Origin.PAPER
    differs: str = ""


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
    answers
        What is known to come out.
    reproduce
        From the tables to a number per answer, by ``Answer.quantity``.
    command
        How to use it on a table of one's own; empty where no command does.
    remark
        What a reader must know to trust the numbers.
    slow
        Whether it takes more than a few seconds.
    view
        From the tables to its figure; None where it has no view over one number.
    """

    title: str
    paper: str
    formula: str
    tables: tuple[str, ...]
    answers: tuple[Answer, ...]
    reproduce: Callable[[Tables], Mapping[str, Number]]
    command: str
    law: str = ""
    remark: str = ""
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
