"""The same group on two corpora, or with two optimizers: ratios between ladders at matched compute."""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.curves import RATIO, Curves
from relscale.fitting.frontier import Point
from relscale.fitting.ladder import Ladder
from relscale.fitting.reading import Reading

BY = ("corpus", "optimizer")


def contrasts(readings: Sequence[Reading], by: str, baseline: str) -> list[Curves]:
    """Curves of ln E on each corpus (``by`` "corpus"), or with each optimizer, less ln E on the ``baseline`` one.

    Points are matched by budget; where each run is a point, by parameters and tokens, else by training FLOPs. Items'
    replicates are paired draw by draw.

    Raises
    ------
    RelscaleError
        There is no ladder of that name to compare with.
    """
    if by not in BY:
        raise RelscaleError(f"fit.contrasts: {by!r} is not one of {', '.join(BY)}")
    names = sorted({str(getattr(reading.ladder, by)) for reading in readings})
    if baseline not in names:
        raise RelscaleError(
            f"fit.contrasts.{by}: {baseline!r} was not measured; there are {', '.join(names)}"
        )
    others = {_other(r.ladder, by): r for r in readings if getattr(r.ladder, by) == baseline}
    result = []
    for reading in readings:
        against = others.get(_other(reading.ladder, by))
        if getattr(reading.ladder, by) != baseline and against is not None:
            curves = _contrast(reading.errors, against.errors, by, baseline)
            if curves.keys and curves.points:
                result.append(curves)
    return result


def _contrast(target: Curves, baseline: Curves, by: str, name: str) -> Curves:
    of_baseline = {_series(key): j for j, key in enumerate(baseline.keys)}
    columns = [
        (j, of_baseline[_series(key)]) for j, key in enumerate(target.keys) if _series(key) in of_baseline
    ]
    rows = _matched(target.points, baseline.points)
    t = np.ix_([i for i, _ in rows], [j for j, _ in columns])
    b = np.ix_([i for _, i in rows], [j for _, j in columns])
    status = np.where(
        target.status[t] != "ok",
        target.status[t],
        np.where(baseline.status[b] != "ok", "baseline: " + baseline.status[b], "ok"),
    )
    draws = min(target.replicates.shape[-1], baseline.replicates.shape[-1])
    return Curves(
        quantity=RATIO,
        keys=[target.keys[j] | {"baseline": name, "contrast": by} for j, _ in columns],
        points=[target.points[i] for i, _ in rows],
        log_flops=(target.log_flops[t[0][:, 0]] + baseline.log_flops[b[0][:, 0]]) / 2,
        value=target.value[t] - baseline.value[b],
        noise=(target.noise[t] + baseline.noise[b]) / 2,
        replicates=target.replicates[t][..., :draws] - baseline.replicates[b][..., :draws],
        status=status,
        blocks=[target.blocks[i] for i, _ in rows],
        target=target.value[t],
        baseline=baseline.value[b],
    )


def _matched(target: Sequence[Point], baseline: Sequence[Point]) -> list[tuple[int, int]]:
    """Positions of the points that both have, by compute."""
    of_baseline: dict[Hashable, int] = {}
    for i, point in enumerate(baseline):
        of_baseline.setdefault(_identity(point), i)
    found: dict[Hashable, tuple[int, int]] = {}
    for i, point in enumerate(target):
        if _identity(point) in of_baseline:
            found.setdefault(_identity(point), (i, of_baseline[_identity(point)]))
    return list(found.values())


def _identity(point: Point) -> Hashable:
    if point.is_parabola:
        return point.budget
    if np.isfinite(point.params) and np.isfinite(point.tokens):
        return point.params, point.tokens
    return point.training_flops


def _series(key: dict[str, object]) -> tuple[object, ...]:
    return tuple(key[name] for name in ("suite", "prompt", "metric", "group"))


def _other(ladder: Ladder, by: str) -> tuple[object, ...]:
    """What two ladders must share to be compared."""
    names: Iterable[str] = ("experiment", *(name for name in BY if name != by))
    return tuple(getattr(ladder, name) for name in names)
