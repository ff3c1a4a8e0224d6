"""Contrasts between corpora or optimizers: ratios of a group's error between run matrices at matched compute."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.gaps import status_of_ratio
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.keys import Contrast, SeriesKey, key_of

BY: tuple[Contrast, ...] = ("corpus", "optimizer")


def contrasts(frontiers: Sequence[FrontierCurves], by: Contrast, baseline: str) -> list[Curves]:
    """Curves of ln E on each corpus (``by`` "corpus"), or with each optimizer, minus ln E on the ``baseline``.

    Points are matched by budget; if each run is a point, by parameters and tokens, else by training FLOPs. Repeated
    seeds are one point, their mean ln E. Item replicates are paired by draw. If budgets share training runs, the ratios
    are also computed without each training run of either side.

    Raises
    ------
    RelscaleError
        There is no run matrix of the baseline's name.
    """
    if by not in BY:
        raise RelscaleError(f"fit.contrasts: {by!r} is not one of {', '.join(BY)}")
    names = sorted({str(getattr(curves.matrix, by)) for curves in frontiers})
    if baseline not in names:
        raise RelscaleError(
            f"fit.contrasts.{by}: {baseline!r} was not measured; there are {', '.join(names)}"
        )
    others = {_shared_key(r.matrix, by): r for r in frontiers if getattr(r.matrix, by) == baseline}
    result = []
    for curves in frontiers:
        against = others.get(_shared_key(curves.matrix, by))
        if getattr(curves.matrix, by) != baseline and against is not None:
            result += contrast(curves.errors, against.errors, by, baseline)
    return result


def contrast(target: Curves, baseline: Curves, by: str, name: str, arm: str | None = None) -> list[Curves]:
    """One set of curves; None if the two have no series or no point in common.

    Parameters
    ----------
    by, name, arm
        The column in which the two differ, the baseline's name, and the target's name if its key lacks it.
    """
    of_baseline = {_series(key): j for j, key in enumerate(baseline.keys)}
    columns = [
        (j, of_baseline[_series(key)]) for j, key in enumerate(target.keys) if _series(key) in of_baseline
    ]
    pairs = _matched(target.points, baseline.points)
    if not columns or not pairs:
        return []
    averaged = _averaged(target, [rows for rows, _ in pairs], [j for j, _ in columns])
    other = _averaged(baseline, [rows for _, rows in pairs], [j for _, j in columns])
    draws = min(averaged.replicates.shape[-1], other.replicates.shape[-1])
    ratios = Curves(
        quantity=RATIO,
        keys=[replace(key, baseline=name, contrast=by, arm=arm) for key in averaged.keys],
        points=averaged.points,
        log_flops=(averaged.log_flops + other.log_flops) / 2,
        value=averaged.value - other.value,
        noise=(averaged.noise + other.noise) / 2,
        replicates=averaged.replicates[..., :draws] - other.replicates[..., :draws],
        status=status_of_ratio(averaged.status, other.status),
        blocks=averaged.blocks,
        target=averaged.value,
        baseline=other.value,
        clusters=None
        if averaged.clusters is None or other.clusters is None
        else np.fmin(averaged.clusters, other.clusters),
        without=_without(averaged, other),
        reading=None
        if averaged.reading is None or other.reading is None
        else averaged.reading + other.reading,
    )
    return [ratios]


def _without(target: Curves, other: Curves) -> Floats | None:
    """Ratios (P, J, G) without each training run of the target, then of the baseline; None if none is shared.

    A jackknife of two samples has the variance ``Σ_s (G_s − 1) / G_s · Σ (θ_(g) − θ)²``. As that of one sample of
    ``G = Σ G_s`` training runs has the same factor for all, the differences of each sample are rescaled to match.
    """
    ratio = target.value - other.value
    changes = [
        side * (frontier.without - frontier.value[..., None])
        for side, frontier in ((1, target), (-1, other))
        if frontier.without is not None
    ]
    if not changes:
        return None
    counts = [change.shape[-1] for change in changes]
    total = sum(counts)
    stretched = [
        change * np.sqrt((count - 1) / count * total / (total - 1))
        for change, count in zip(changes, counts, strict=True)
    ]
    return np.asarray(ratio[..., None] + np.concatenate(stretched, axis=-1))


def _matched(target: Sequence[Point], baseline: Sequence[Point]) -> list[tuple[list[int], list[int]]]:
    """Positions of the points common to both; several on one side if a run has repeated seeds."""
    pairs, other = _by_identity(target), _by_identity(baseline)
    return [(rows, other[point]) for point, rows in pairs.items() if point in other]


def _by_identity(points: Sequence[Point]) -> dict[Hashable, list[int]]:
    positions: dict[Hashable, list[int]] = {}
    for i, point in enumerate(points):
        positions.setdefault(_identity(point), []).append(i)
    return positions


def _averaged(curves: Curves, groups: Sequence[Sequence[int]], columns: Sequence[int]) -> Curves:
    """These columns only, with the points of each group replaced by their mean ln E."""
    means = [_mean(curves, np.ix_(rows, columns)) for rows in groups]
    value, noise, replicates, status = (np.stack(part) for part in zip(*means, strict=True))
    first = np.ix_([rows[0] for rows in groups], columns)  # of budgets, of which each is a point
    without = None if curves.without is None else curves.without[first]
    reading = None if curves.reading is None else curves.reading[first]
    return replace(
        curves,
        keys=[curves.keys[j] for j in columns],
        points=[curves.points[rows[0]] for rows in groups],
        log_flops=np.array([curves.log_flops[rows].mean() for rows in map(list, groups)]),
        value=value,
        noise=noise,
        replicates=replicates,
        status=status,
        without=without,
        reading=reading,
        clusters=None if curves.clusters is None else curves.clusters[list(columns)],
        blocks=[curves.blocks[rows[0]] for rows in groups],
        target=value,
    )


def _mean(
    curves: Curves, at: tuple[NDArray[np.intp], ...]
) -> tuple[Floats, Floats, Floats, NDArray[np.object_]]:
    """Value, noise, replicates and status, (J,) each, over the points ``at`` that have a value; nan if none has."""
    known = np.isfinite(curves.value[at])
    with np.errstate(invalid="ignore"):
        share = known / known.sum(axis=0)
    value = (share * np.where(known, curves.value[at], 0)).sum(axis=0)
    noise = (share**2 * np.where(known, curves.noise[at], 0)).sum(axis=0)
    draws = np.where(known[..., None], curves.replicates[at], 0)
    replicates = (share[..., None] * draws).sum(axis=0)
    status = np.take_along_axis(curves.status[at], known.argmax(axis=0)[None], axis=0)[0]
    return value, noise, replicates, status


def _identity(point: Point) -> Hashable:
    if point.is_parabola:
        return point.budget
    if np.isfinite(point.params) and np.isfinite(point.tokens):
        return point.params, point.tokens
    return point.training_flops


def _series(key: SeriesKey) -> tuple[object, ...]:
    return key.suite, key.prompt, key.metric, key.group


def _shared_key(matrix: RunMatrix, by: str) -> tuple[object, ...]:
    """The key that two run matrices must share to be compared."""
    return key_of(matrix, ("experiment", *(name for name in BY if name != by)))
