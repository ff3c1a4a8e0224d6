"""Columns that are equal, together: what is computed from a column is computed once for all of them.

Series that have values at the same runs, for one, have the same design matrix.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def equal_columns(table: NDArray[T]) -> list[tuple[NDArray[T], NDArray[np.int64]]]:
    """The distinct columns of a table (n, J), each with the numbers of the columns that equal it."""
    return [
        (column, np.flatnonzero((table == column[:, None]).all(axis=0)))
        for column in np.unique(table, axis=1).T
    ]
