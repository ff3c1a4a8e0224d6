"""An entry of the atlas: a paper, its law, the table it can be reproduced from, and what it says comes out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.tables import listed, read_table


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
class Columns:
    """Rows of a table, as one array per column: numbers as floats, nan where missing, and text as objects."""

    of: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.of:
            raise RelscaleError(f"no column {name!r}; there are {listed(tuple(self.of))}")
        return self.of[name]

    def where(self, kept: NDArray[np.bool_]) -> "Columns":
        """Those rows alone."""
        return Columns({name: values[kept] for name, values in self.of.items()})

    def by(self, name: str) -> Iterator[tuple[str, "Columns"]]:
        """The rows of each value of a column, in the order in which the values first stand there."""
        for value in dict.fromkeys(self[name]):
            yield str(value), self.where(np.asarray(self[name] == value))


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
        table = read_table(self.folder / name)
        columns: dict[str, NDArray[Any]] = {}
        for column in table.column_names:
            values = table[column].to_pylist()
            if all(isinstance(value, bool | int | float | None) for value in values):
                columns[column] = np.array([np.nan if v is None else v for v in values], dtype=float)
            else:
                columns[column] = np.array(values, dtype=object)
        return Columns(columns)


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


def fitted(
    names: tuple[str, ...], theta: NDArray[np.float64], *limits: NDArray[np.float64]
) -> dict[str, Number]:
    """The parameters of a fit, by name; ``limits`` are the low and the high ends of their intervals, if any."""
    found = {}
    for i, name in enumerate(names):
        low, high = (float(side[i]) for side in limits) if limits else (np.nan, np.nan)
        known = np.isfinite(low) and np.isfinite(high)
        found[name] = Number(float(theta[i]), low if known else None, high if known else None)
    return found
