"""The compute-optimal tokens and parameters as curves along compute.

How well a budget fixes its optimum depends on how far its runs reach on either side of it: on the published grids the
variance differs by a factor of 40 between budgets of as many runs. So ``noise`` is that of each parabola's minimum, and
``point_variance`` what the scatter around the parabola says of it (delta method): the line through two to five optima
may by chance scatter less than that.
"""

import numpy as np

from relscale.fitting.curves.curves import ERROR, Curves, PointVariance
from relscale.fitting.curves.frontier import Point, minimum_spread
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.status import OK
from relscale.laws import compute_optimal
from relscale.laws.loglog import LogLogLaw
from relscale.measurements.metric import VALIDATION


def allocation(one: FrontierCurves) -> list[tuple[LogLogLaw, Curves]]:
    """Tokens and parameters at the optimum of each budget, each with its law; nothing where each run is a point."""
    if not one.points or not all(point.is_parabola for point in one.points):
        return []
    matrix = one.matrix
    validation = next(s for s in matrix.series if (s.suite, s.group, s.metric) == VALIDATION)
    noise = np.array([[_noise(matrix, point)] for point in one.points])
    status = np.array([[point.status] for point in one.points], dtype=object)
    df = np.array([[max(len(point.rows) - 3.0, 0.0)] for point in one.points])
    result = []
    for law, optimum, stderr in (
        (
            compute_optimal.TOKENS,
            [point.tokens for point in one.points],
            [point.log_tokens_stderr for point in one.points],
        ),
        (
            compute_optimal.PARAMS,
            [point.params for point in one.points],
            [point.log_params_stderr for point in one.points],
        ),
    ):
        value = np.where(status == OK, np.log(optimum)[:, None], np.nan)
        curves = Curves(
            quantity=ERROR,
            keys=[matrix.curve_key(validation)],
            points=one.points,
            log_flops=one.errors.log_flops,
            value=value,
            noise=noise,
            replicates=np.empty((*value.shape, 0)),
            status=status,
            blocks=one.errors.blocks,
            target=value,
            point_variance=PointVariance(np.array(stderr)[:, None] ** 2, df),
        )
        result.append((law, curves))
    return result


def _noise(matrix: RunMatrix, point: Point) -> float:
    """Variance of the optimum's ln tokens in units of that of one run's loss."""
    if point.status != OK:
        return 1.0
    return float(minimum_spread(np.log(matrix.tokens[point.rows]) - point.x_mean, point.c)) ** 2
