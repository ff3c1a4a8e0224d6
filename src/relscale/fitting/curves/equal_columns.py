"""Groups of equal columns, so that a result is computed once per distinct column.

For example, series that have values at the same runs have the same design matrix.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def equal_columns(table: NDArray[T]) -> list[tuple[NDArray[T], NDArray[np.int64]]]:
    """The distinct columns of a table (n, J), each with the positions of all columns equal to it."""
    return [
        (column, np.flatnonzero((table == column[:, None]).all(axis=0)))
        for column in np.unique(table, axis=1).T
    ]
