"""Groups of equal columns, so that a result is computed once per distinct column.

For example, series that have values at the same runs have the same design matrix.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def equal_columns(table: NDArray[T]) -> list[tuple[NDArray[T], NDArray[np.int64]]]:
    """The distinct columns of a table (n, J), each with the positions of all columns equal to it."""
    positions: dict[bytes, list[int]] = {}
    for position, column in enumerate(table.T):
        positions.setdefault(column.tobytes(), []).append(position)
    return [(table[:, equal[0]], np.array(equal)) for equal in positions.values()]
