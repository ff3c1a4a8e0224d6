"""A matrix as curves: each group's error along its frontier, and its ratio to the baseline's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.frontier import Point, frontier
from relscale.fitting.curves.gaps import gaps, logarithms
from relscale.fitting.curves.optimal_errors import Errors, errors
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.inference import interval
from relscale.fitting.settings import Settings
from relscale.laws import relative

Row = dict[str, Any]

NO_BASELINE = "no baseline is named for this suite"


@dataclass(frozen=True)
class FrontierCurves:
    """What is read off one matrix.

    Attributes
    ----------
    points
        Of the frontier.
    read, errors
        The errors of every series of the matrix at the points, and as curves those that laws are fitted to: column
        ``fitted[j]`` of ``read`` is curve j.
    ratios
        The gaps to the baselines, as curves.
    orphans
        Flagged rows for the series that have no baseline.
    """

    matrix: RunMatrix
    points: list[Point]
    read: Errors
    fitted: list[int]
    errors: Curves
    ratios: Curves
    orphans: list[Row]


def frontier_curves(matrix: RunMatrix, chosen: Settings) -> FrontierCurves:
    """Read a matrix: frontier, errors along it, gaps to each suite's baseline."""
    points = frontier(matrix, chosen.frontier)
    log_flops = np.log([point.training_flops for point in points])
    whose = {"experiment": matrix.experiment, "corpus": matrix.corpus, "optimizer": matrix.optimizer}
    fitted = [i for i, series in enumerate(matrix.series) if chosen.fits(series.suite, series.metric)]
    read = errors(matrix, points)
    value, replicates = logarithms(read)
    targets, baselines, orphans = _pairs(matrix, fitted, chosen)
    ratios = gaps(read, targets, baselines)
    blocks = _blocks(matrix, points)
    columns = np.array(fitted, dtype=np.int64)
    return FrontierCurves(
        matrix=matrix,
        points=points,
        read=read,
        fitted=fitted,
        errors=Curves(
            quantity=ERROR,
            keys=[whose | matrix.series[i]._asdict() for i in fitted],
            points=points,
            log_flops=log_flops,
            value=value[:, columns],
            noise=read.noise[:, columns],
            replicates=replicates[:, columns],
            status=read.status[:, columns],
            blocks=blocks,
            target=value[:, columns],
        ),
        ratios=Curves(
            quantity=RATIO,
            keys=[
                whose | matrix.series[t]._asdict() | {"baseline": matrix.series[b].group, "contrast": "group"}
                for t, b in zip(targets, baselines, strict=True)
            ],
            points=points,
            log_flops=log_flops,
            value=ratios.log_ratio,
            noise=ratios.noise,
            replicates=ratios.replicates,
            status=ratios.status,
            blocks=blocks,
            target=value[:, targets],
            baseline=value[:, baselines],
        ),
        orphans=[whose | row for row in orphans],
    )


def _pairs(
    matrix: RunMatrix, fitted: list[int], chosen: Settings
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Row]]:
    """Columns of targets and of their baselines, and flagged rows for the targets that have no baseline."""
    column = {matrix.series[i]: i for i in fitted}
    targets, baselines, orphans = [], [], []
    for series, i in column.items():
        name = chosen.baselines.get(series.suite)
        alone = not any(other[:3] == series[:3] and other != series for other in column)
        if name == series.group or (name is None and alone):
            continue
        baseline = series._replace(group=name) if name else None
        if baseline in column:
            targets.append(i)
            baselines.append(column[baseline])
            continue
        orphans.append(
            series._asdict()
            | {
                "baseline": name,
                "contrast": "group",
                "law": relative.LINE.name,
                "parameter": relative.LINE.slope,
                "predictor": "training_flops",
                "level": chosen.level,
                "estimand": interval.THESE_ITEMS,
                "status": f"baseline {name!r} was not measured here" if name else NO_BASELINE,
            }
        )
    return np.array(targets, dtype=np.int64), np.array(baselines, dtype=np.int64), orphans


def _blocks(matrix: RunMatrix, points: list[Point]) -> list[str]:
    """The training behind each point: a run's block; a budget of many runs stands for itself."""
    return [
        f"{point.budget:g} FLOPs" if point.run is None else (matrix.block[point.row] or matrix.run[point.row])
        for point in points
    ]
