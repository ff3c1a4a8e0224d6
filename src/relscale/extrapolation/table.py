"""The data of an extrapolation: one measured number per row, its predictors, and the curve of the row."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array

Mask = NDArray[np.bool_]
Labels = NDArray[np.int64]

NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Table:
    """n rows.

    Attributes
    ----------
    names
        Names of the predictors, in the order of ``x``.
    x
        (p, n) predictors.
    y
        (n,) the measured value; nan for target rows.
    group
        (n,) integers; rows of one group are on one curve.
    model
        (n,) integers; rows of one model were measured on it.
    """

    names: tuple[str, ...]
    x: Array
    y: Array
    group: Labels
    model: Labels

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> "Table":
        """The rows of a mask or of positions."""
        return Table(self.names, self.x[:, rows], self.y[rows], self.group[rows], self.model[rows])

    def of(self, names: tuple[str, ...]) -> Array:
        """The predictors of these names, (len(names), n)."""
        return self.x[[self.names.index(name) for name in names]]

    @cached_property
    def rows_of(self) -> dict[int, Labels]:
        """Positions of the rows of each curve, in their order."""
        return rows_of(self.group)

    @property
    def of_answers(self) -> bool:
        """Whether every known y is an answer, right (1) or wrong (0), and both occur."""
        return np.array_equal(np.unique(self.y[np.isfinite(self.y)]), (0, 1))

    @property
    def positive(self) -> bool:
        """Whether every known y has a logarithm."""
        return bool((self.y[np.isfinite(self.y)] > 0).all())


def rows_of(group: Labels) -> dict[int, Labels]:
    """Positions of the rows of each group, by one sort for all groups; groups and positions ascend."""
    groups, first = np.unique(np.sort(group), return_index=True)
    positions = np.split(np.argsort(group, kind="stable"), first[1:])
    return dict(zip(groups.tolist(), positions, strict=True)) if len(groups) else {}
