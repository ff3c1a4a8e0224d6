"""Curves of a run matrix: each group's error along the frontier, and its ratio to the baseline's.

If budgets are slices of longer training runs (a table's column ``block`` identifies the training run, and some training
run is in several budgets), optima of different budgets are not independent. Then parabolas, optima and errors are
recomputed without each training run (``Curves.without``), for a jackknife of the lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point, frontier, parabolas
from relscale.fitting.curves.gaps import MEAN, gaps, logarithms, mean_of
from relscale.fitting.curves.optimal_errors import Errors, errors
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.laws import relative
from relscale.storage.rows import fields_of

NO_BASELINE = "this suite has no baseline"


@dataclass(frozen=True)
class FrontierCurves:
    """Frontier and curves of one run matrix.

    Attributes
    ----------
    read, errors
        Errors of every series of the matrix at the points, and the curves that laws are fitted to: column
        ``fitted[j]`` of ``read`` is curve j.
    ratios
        Curves of the gaps to the baselines.
    orphans
        Flagged rows for the series that have no baseline.
    without
        The frontier without each training run if its budgets share some, else empty.
    """

    matrix: RunMatrix
    points: list[Point]
    read: Errors
    fitted: list[int]
    errors: Curves
    ratios: Curves
    orphans: list[ParameterRow]
    without: list[list[Point]] = field(default_factory=list)


def frontier_curves(matrix: RunMatrix, settings: Settings) -> FrontierCurves:
    """Read a matrix: frontier, errors along it, gaps to each suite's baseline."""
    points = frontier(matrix, settings.frontier)
    log_flops = np.log([point.training_flops for point in points])
    fitted = [i for i, series in enumerate(matrix.series) if settings.fits(series.suite, series.metric)]
    read = errors(matrix, points)
    value, replicates = logarithms(read)
    targets, baselines, names, orphans = _pairs(matrix, fitted, settings)
    ratios = gaps(read, targets, baselines)
    blocks = _blocks(matrix, points)
    columns = np.array(fitted, dtype=np.int64)
    at_optima = bool(points) and all(point.is_parabola for point in points)
    trainings = shared_trainings(matrix, [point.rows for point in points]) if at_optima else []
    reduced = [_without(matrix, rows) for rows in trainings]
    frontiers = [parabolas(matrix_without) for matrix_without in reduced]
    jackknife = None
    if reduced:
        readings = [errors(matrix_without, at) for matrix_without, at in zip(reduced, frontiers, strict=True)]
        jackknife = np.stack([logarithms(reading)[0] for reading in readings], axis=-1)
    return FrontierCurves(
        matrix=matrix,
        points=points,
        read=read,
        fitted=fitted,
        errors=Curves(
            quantity=ERROR,
            keys=[matrix.curve_key(matrix.series[i]) for i in fitted],
            points=points,
            log_flops=log_flops,
            value=value[:, columns],
            noise=read.noise[:, columns],
            replicates=replicates[:, columns],
            status=read.status[:, columns],
            blocks=blocks,
            target=value[:, columns],
            without=None if jackknife is None else jackknife[:, columns],
            clusters=None if matrix.clusters is None else matrix.clusters[columns],
            reading=_reading(read)[:, columns] if at_optima else None,
        ),
        ratios=Curves(
            quantity=RATIO,
            keys=[matrix.curve_key(matrix.series[t], name) for t, name in zip(targets, names, strict=True)],
            points=points,
            log_flops=log_flops,
            value=ratios.log_ratio,
            noise=ratios.noise,
            replicates=ratios.replicates,
            status=ratios.status,
            blocks=blocks,
            target=value[:, targets],
            baseline=mean_of(value, baselines),
            without=None if jackknife is None else jackknife[:, targets] - mean_of(jackknife, baselines),
            clusters=None
            if matrix.clusters is None
            else np.array(
                [
                    fewest_clusters(matrix, t, list(baseline))
                    for t, baseline in zip(targets, baselines, strict=True)
                ],
                dtype=float,
            ),
        ),
        orphans=orphans,
        without=frontiers,
    )


def _pairs(
    matrix: RunMatrix, fitted: list[int], settings: Settings
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]], list[str], list[ParameterRow]]:
    """Columns of targets and of their baselines, and flagged rows for targets without a baseline."""
    column = {matrix.series[i]: i for i in fitted}
    targets: list[int] = []
    baselines: list[NDArray[np.int64]] = []
    names: list[str] = []
    orphans: list[ParameterRow] = []
    for series, i in column.items():
        name = settings.baselines.get(series.suite)
        others = [j for other, j in column.items() if other[:3] == series[:3] and other != series]
        if name == series.group or (name in (None, MEAN) and not others):
            continue
        if name == MEAN and series._replace(group=MEAN) not in column:
            targets.append(i)
            baselines.append(np.array(others, dtype=np.int64))
            names.append(MEAN)
            continue
        baseline = series._replace(group=name) if name else None
        if baseline in column:
            targets.append(i)
            baselines.append(np.array([column[baseline]], dtype=np.int64))
            names.append(baseline.group)
            continue
        orphans.append(
            ParameterRow(
                **fields_of(replace(matrix.curve_key(series), baseline=name, contrast="group")),
                law=relative.LINE.name,
                parameter=relative.LINE.slope,
                predictor="training_flops",
                level=settings.level,
                estimand=Estimand.THESE_ITEMS,
                status=Status.NO_BASELINE,
                note=f"baseline {name!r} was not measured on these models" if name else NO_BASELINE,
            )
        )
    return np.array(targets, dtype=np.int64), baselines, names, orphans


def _reading(read: Errors) -> Floats:
    """Variance (P, K) of ln E from the scatter of the runs around its parabola; nan if unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((read.stderr_runs / read.value) ** 2)


def fewest_clusters(matrix: RunMatrix, target: int, baselines: Sequence[int]) -> float:
    """The smaller number of clusters: of the target's items, or of its baselines' items."""
    if matrix.clusters is None:
        return np.nan
    return float(np.fmin(matrix.clusters[target], np.sum(matrix.clusters[list(baselines)])))


def shared_trainings(matrix: RunMatrix, budgets: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """The runs of each training run if some training run is in several of the ``budgets``, else an empty list."""
    runs_of: dict[str, list[int]] = {}
    budgets_of: dict[str, set[float]] = {}
    training = matrix.training
    for row in sorted(int(row) for rows in budgets for row in rows):
        runs_of.setdefault(training[row], []).append(row)
        budgets_of.setdefault(training[row], set()).add(matrix.budget[row])
    shared = any(len(budgets) > 1 for budgets in budgets_of.values())
    return [np.array(rows, dtype=np.int64) for rows in runs_of.values()] if shared else []


def _without(matrix: RunMatrix, rows: NDArray[np.int64]) -> RunMatrix:
    """The matrix without replicates and without the losses of these runs, which excludes them from all parabolas."""
    loss = matrix.loss.copy()
    loss[rows] = np.nan
    return replace(matrix, loss=loss, replicates=matrix.replicates[..., :0])


def _blocks(matrix: RunMatrix, points: list[Point]) -> list[str]:
    """The training run of each point: a run's block; for a budget of several runs, a separate name."""
    training = matrix.training
    return [f"{point.budget:g} FLOPs" if point.run is None else training[point.row] for point in points]
