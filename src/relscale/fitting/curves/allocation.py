"""The compute-optimal tokens and parameters as curves along compute.

The precision of an optimum depends on how far the runs of its budget extend on either side of it: on the published
grids the variance differs by a factor of 40 between budgets with the same number of runs. Therefore ``noise`` is the
variance of each parabola's minimum, and ``point_variance`` its estimate from the scatter around the parabola (delta
method): two to five optima may by chance scatter less around the line.
"""

import numpy as np

from relscale.fitting.curves.curves import ERROR, Curves, PointVariance
from relscale.fitting.curves.frontier import Point, minimum_spread
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.status import OK
from relscale.laws import compute_optimal
from relscale.laws.loglog import LogLogLaw
from relscale.measurements.metric import VALIDATION


def allocation(frontier: FrontierCurves) -> list[tuple[LogLogLaw, Curves]]:
    """Tokens and parameters at the optimum of each budget, each with its law; empty if each run is a point."""
    if not frontier.points or not all(point.is_parabola for point in frontier.points):
        return []
    matrix = frontier.matrix
    validation = next(s for s in matrix.series if (s.suite, s.group, s.metric) == VALIDATION)
    noise = np.array([[_noise(matrix, point)] for point in frontier.points])
    status = np.array([[point.status] for point in frontier.points], dtype=object)
    df = np.array([[max(len(point.rows) - 3.0, 0.0)] for point in frontier.points])
    result = []
    for law, name in ((compute_optimal.TOKENS, "tokens"), (compute_optimal.PARAMS, "params")):
        value = _log_optima(frontier.points, name)
        stderr = np.array([[getattr(point, f"log_{name}_stderr")] for point in frontier.points])
        curves = Curves(
            quantity=ERROR,
            keys=[matrix.curve_key(validation)],
            points=frontier.points,
            log_flops=frontier.errors.log_flops,
            value=value,
            noise=noise,
            replicates=np.empty((*value.shape, 0)),
            status=status,
            blocks=frontier.errors.blocks,
            target=value,
            point_variance=PointVariance(stderr**2, df),
            without=np.stack([_log_optima(points, name) for points in frontier.without], axis=-1)
            if frontier.without
            else None,
        )
        result.append((law, curves))
    return result


def _log_optima(points: list[Point], name: str) -> Floats:
    """(P, 1) ln of the optimal tokens or params; nan if the budget has no optimum."""
    return np.array(
        [[np.log(getattr(point, name)) if point.status == OK else np.nan] for point in points], dtype=float
    )


def _noise(matrix: RunMatrix, point: Point) -> float:
    """Variance of the optimum's ln tokens in units of that of one run's loss."""
    if point.status != OK:
        return 1.0
    return float(minimum_spread(np.log(matrix.tokens[point.rows]) - point.x_mean, point.c)) ** 2
