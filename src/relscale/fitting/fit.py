"""From measurements to fitted laws: frontier, errors along it, gaps, power laws, relative laws, sigmoids."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.fitting import fits as tables
from relscale.fitting import interval
from relscale.fitting.accuracy import sigmoid_rows
from relscale.fitting.errors import errors
from relscale.fitting.fits import Fits
from relscale.fitting.frontier import Point, frontier
from relscale.fitting.gaps import gaps, logarithms
from relscale.fitting.ladder import Floats, Ladder, ladders
from relscale.fitting.law_rows import law_rows, status_of
from relscale.fitting.metrics import VALIDATION
from relscale.fitting.multiplicity import adjusted
from relscale.fitting.point_rows import error_rows, frontier_row, gap_rows
from relscale.fitting.settings import Settings, settings
from relscale.laws import compute_optimal, power, relative

Row = dict[str, Any]

NO_BASELINE = "no baseline is named for this suite"
FAMILY = ("experiment", "suite", "prompt", "metric", "law", "parameter", "estimand")


def fit(
    measurements: pa.Table,
    replicates: pa.Table | None = None,
    options: Mapping[str, Any] | None = None,
    suites: Mapping[str, Mapping[str, Any]] | None = None,
) -> Fits:
    """Fit an experiment's measurements.

    Parameters
    ----------
    measurements
        The tidy table; needs ``corpus, run, training_flops, suite, group, metric, value``, and for parabolas
        ``budget``, ``tokens`` and rows of the validation loss (suite "validation", group "all", "nats_per_token").
    replicates
        The same numbers under resamplings of the items; without it only these very items are spoken of.
    options, suites
        See ``relscale.fitting.settings``.

    Raises
    ------
    RelscaleError
        The tables or options cannot be used; what can be fitted in part is fitted, and its status says so.
    """
    all_ladders = ladders(measurements, replicates)
    chosen = settings(options or {}, suites or {}, all_ladders)
    rows: dict[str, list[Row]] = {"frontier": [], "errors": [], "gaps": [], "fits": []}
    for ladder in all_ladders:
        _fit_ladder(ladder, chosen, rows)
    families = [tuple(row.get(name) for name in FAMILY) for row in rows["fits"]]
    bh, by = adjusted([row.get("p_value") for row in rows["fits"]], families)
    for row, p_bh, p_by in zip(rows["fits"], bh, by, strict=True):
        row |= {"p_bh": p_bh, "p_by": p_by}
    return Fits(
        frontier=_table(rows["frontier"], tables.FRONTIER),
        errors=_table(rows["errors"], tables.ERRORS),
        gaps=_table(rows["gaps"], tables.GAPS),
        fits=_table(rows["fits"], tables.FITS),
    )


def _fit_ladder(ladder: Ladder, chosen: Settings, rows: dict[str, list[Row]]) -> None:
    """Fit one corpus and optimizer, and add to ``rows``."""
    whose = {"experiment": ladder.experiment, "corpus": ladder.corpus, "optimizer": ladder.optimizer}
    points = frontier(ladder, chosen.frontier)
    log_flops = np.log([point.training_flops for point in points])
    rows["frontier"] += [whose | frontier_row(point) for point in points]
    if all(point.is_parabola for point in points):
        rows["fits"] += _allocation_rows(whose | _validation_key(ladder), points, log_flops, chosen.level)

    fitted = [i for i, series in enumerate(ladder.series) if chosen.fits(series.suite, series.metric)]
    read = errors(ladder, points)
    rows["errors"] += [
        whose | ladder.series[i]._asdict() | row for i in fitted for row in error_rows(points, read, i)
    ]
    shared = _shared_trajectories(ladder, points)
    log_errors, log_replicates = logarithms(read)
    columns = np.array(fitted, dtype=np.int64)
    rows["fits"] += law_rows(
        power.LAW,
        [whose | ladder.series[i]._asdict() for i in fitted],
        (log_flops, log_errors[:, columns], read.noise[:, columns], log_replicates[:, columns]),
        [status_of(points, read.status[:, i], shared) for i in fitted],
        chosen.level,
    )

    targets, baselines, orphans = _pairs(ladder, fitted, chosen)
    ratios = gaps(read, targets, baselines)
    pairs = [
        whose | ladder.series[t]._asdict() | {"baseline": ladder.series[b].group}
        for t, b in zip(targets, baselines, strict=True)
    ]
    rows["gaps"] += [pair | row for j, pair in enumerate(pairs) for row in gap_rows(points, ratios, j)]
    rows["fits"] += law_rows(
        relative.LAW,
        pairs,
        (log_flops, ratios.log_ratio, ratios.noise, ratios.replicates),
        [status_of(points, ratios.status[:, j], shared) for j in range(len(pairs))],
        chosen.level,
    )
    rows["fits"] += [whose | orphan for orphan in orphans]
    rows["fits"] += [whose | row for row in sigmoid_rows(ladder, chosen)]


def _pairs(
    ladder: Ladder, fitted: list[int], chosen: Settings
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Row]]:
    """Columns of targets and of their baselines, and flagged rows for the targets that have no baseline."""
    column = {ladder.series[i]: i for i in fitted}
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
                "law": relative.LAW.name,
                "parameter": relative.LAW.slope,
                "predictor": "training_flops",
                "level": chosen.level,
                "estimand": interval.THESE_ITEMS,
                "status": f"baseline {name!r} was not measured here" if name else NO_BASELINE,
            }
        )
    return np.array(targets, dtype=np.int64), np.array(baselines, dtype=np.int64), orphans


def _validation_key(ladder: Ladder) -> Row:
    """The series of the loss that the frontier minimises."""
    return next(s._asdict() for s in ladder.series if (s.suite, s.group, s.metric) == VALIDATION)


def _allocation_rows(key: Row, points: list[Point], log_flops: Floats, level: float) -> list[Row]:
    """The compute-optimal tokens and parameters as powers of compute."""
    status = np.array([point.status for point in points], dtype=object)
    noise = np.array([[1 / max(len(point.rows), 1)] for point in points])
    rows = []
    for law, optimum in (
        (compute_optimal.TOKENS, [point.tokens for point in points]),
        (compute_optimal.PARAMS, [point.params for point in points]),
    ):
        y = np.where(status == "ok", np.log(optimum), np.nan)[:, None]
        rows += law_rows(
            law,
            [key],
            (log_flops, y, noise, np.empty((*y.shape, 0))),
            [status_of(points, status, False)],
            level,
        )
    return rows


def _shared_trajectories(ladder: Ladder, points: list[Point]) -> bool:
    """Whether points, each a run, are checkpoints of one training."""
    rows = [int(row) for point in points if not point.is_parabola for row in point.rows]
    blocks = [ladder.block[row] or ladder.run[row] for row in rows]
    return len(set(blocks)) < len(blocks)


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table; a missing key, nan and infinity are null."""
    columns = {name: [_cell(row.get(name)) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
