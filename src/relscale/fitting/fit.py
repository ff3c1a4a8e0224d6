"""From measurements to fitted laws: frontier, errors along it, gaps, power laws, relative laws, sigmoids."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.fitting import fits as tables
from relscale.fitting import interval
from relscale.fitting.direction import direction
from relscale.fitting.errors import Errors, errors
from relscale.fitting.fits import Fits
from relscale.fitting.frontier import Point, frontier
from relscale.fitting.gaps import Gaps, gaps, logarithms
from relscale.fitting.ladder import Floats, Ladder, ladders
from relscale.fitting.last_stage import SMALLEST, lines
from relscale.fitting.metrics import VALIDATION
from relscale.fitting.multiplicity import adjusted
from relscale.fitting.nonlinear import least_squares
from relscale.fitting.settings import Settings, settings
from relscale.laws import compute_optimal, power, relative, sigmoid
from relscale.laws.loglog import LogLogLaw

Row = dict[str, Any]

VALIDATION_LOSS = "validation loss"
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
    families = [tuple(row[name] for name in FAMILY) for row in rows["fits"]]
    bh, by = adjusted([row["p_value"] for row in rows["fits"]], families)
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
    rows["frontier"] += [whose | _frontier_row(point) for point in points]
    if all(point.is_parabola for point in points):
        rows["fits"] += _allocation_rows(whose, points, log_flops, chosen.level)

    fitted = [i for i, series in enumerate(ladder.series) if chosen.fits(series.suite, series.metric)]
    read = errors(ladder, points)
    rows["errors"] += [
        whose | ladder.series[i]._asdict() | row for i in fitted for row in _error_rows(points, read, i)
    ]
    shared = _shared_trajectories(ladder, points)
    log_errors, log_replicates = logarithms(read)
    columns = np.array(fitted, dtype=np.int64)
    rows["fits"] += _law_rows(
        power.LAW,
        [whose | ladder.series[i]._asdict() for i in fitted],
        (log_flops, log_errors[:, columns], log_replicates[:, columns]),
        [_status(points, read.status[:, i], shared) for i in fitted],
        chosen.level,
    )

    targets, baselines, orphans = _pairs(ladder, fitted, chosen)
    ratios = gaps(read, targets, baselines)
    pairs = [
        whose | ladder.series[t]._asdict() | {"baseline": ladder.series[b].group}
        for t, b in zip(targets, baselines, strict=True)
    ]
    rows["gaps"] += [pair | row for j, pair in enumerate(pairs) for row in _gap_rows(points, ratios, j)]
    rows["fits"] += _law_rows(
        relative.LAW,
        pairs,
        (log_flops, ratios.log_ratio, ratios.replicates),
        [_status(points, ratios.status[:, j], shared) for j in range(len(pairs))],
        chosen.level,
    )
    rows["fits"] += [whose | orphan for orphan in orphans]
    rows["fits"] += [whose | row for row in _sigmoid_rows(ladder, chosen)]


def _pairs(
    ladder: Ladder, fitted: list[int], chosen: Settings
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Row]]:
    """Columns of targets and of their baselines, and flagged rows for the targets that have no baseline."""
    column = {ladder.series[i]: i for i in fitted}
    targets, baselines, orphans = [], [], []
    for series, i in column.items():
        others = [other for other in column if other[:3] == series[:3] and other != series]
        if not others:
            continue
        name = chosen.baselines.get(series.suite)
        if name == series.group:
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
                "status": f"baseline {name!r} was not measured here"
                if name
                else "no baseline is named for this suite",
            }
        )
    return np.array(targets, dtype=np.int64), np.array(baselines, dtype=np.int64), orphans


def _law_rows(
    law: LogLogLaw,
    keys: list[Row],
    data: tuple[Floats, Floats, Floats],
    status: list[str],
    level: float,
) -> list[Row]:
    """Rows of a law that is a line in logs, for J series or pairs at once: both parameters, both estimands.

    ``data`` is log compute (P,), log values (P, J) and their replicates (P, J, B).
    """
    if not keys:
        return []
    x, y, replicates = data
    estimate = lines(x, y)
    items = interval.item_lines(x, y, replicates, estimate) if replicates.shape[-1] else None
    rows: list[Row] = []
    for estimand, draws in ((interval.THESE_ITEMS, None), (interval.ITEM_POPULATION, items)):
        if estimand == interval.ITEM_POPULATION and draws is None:
            continue
        slope = interval.slope(estimate, level, draws)
        at_reference, at_low, at_high = (
            interval.level_at(estimate, at, level, draws)
            for at in (estimate.reference, estimate.low, estimate.high)
        )
        slope_p, reference_p = slope.p_value, at_reference.p_value
        for j, key in enumerate(keys):
            on_loss = key["suite"] == VALIDATION[0]
            if on_loss and draws is not None:
                continue
            known = np.isfinite(slope.low[j])
            reason = status[j]
            if draws is not None and not known and reason == "ok":
                reason = "no item replicates"
            common = key | {
                "law": law.name,
                "predictor": "training_flops",
                "level": level,
                "df": estimate.df[j] if known else None,
                "scheme": interval.SCHEMES[estimand],
                "estimand": VALIDATION_LOSS if on_loss else estimand,
                "n": int(estimate.n[j]),
                "reference_flops": np.exp(estimate.reference[j]),
                "flops_low": np.exp(estimate.low[j]),
                "flops_high": np.exp(estimate.high[j]),
                "status": reason,
            }
            limits = sorted((law.sign * slope.low[j], law.sign * slope.high[j]))
            spans = [(at.low[j], at.high[j]) for at in (at_low, at_reference, at_high)]
            rows.append(
                common
                | {
                    "parameter": law.slope,
                    "value": law.sign * slope.value[j],
                    "stderr": slope.stderr[j],
                    "low": limits[0],
                    "high": limits[1],
                    "p_value": slope_p[j],
                    "direction": direction((limits[0], limits[1]), spans) if law is relative.LAW else None,
                }
            )
            height = np.exp(at_reference.value[j])
            rows.append(
                common
                | {
                    "parameter": law.level,
                    "value": height,
                    "stderr": height * at_reference.stderr[j],
                    "low": np.exp(at_reference.low[j]),
                    "high": np.exp(at_reference.high[j]),
                    "p_value": reference_p[j] if law is relative.LAW else None,  # of no gap, G = 1
                }
            )
    return rows


def _allocation_rows(whose: Row, points: list[Point], log_flops: Floats, level: float) -> list[Row]:
    """The compute-optimal tokens and parameters as powers of compute."""
    suite, group, metric = VALIDATION
    key = whose | {"suite": suite, "prompt": None, "metric": metric, "group": group}
    status = np.array([point.status for point in points], dtype=object)
    rows = []
    for law, optimum in (
        (compute_optimal.TOKENS, [point.tokens for point in points]),
        (compute_optimal.PARAMS, [point.params for point in points]),
    ):
        y = np.where(status == "ok", np.log(optimum), np.nan)[:, None]
        rows += _law_rows(
            law, [key], (log_flops, y, np.empty((*y.shape, 0))), [_status(points, status, False)], level
        )
    return rows


def _sigmoid_rows(ladder: Ladder, chosen: Settings) -> list[Row]:
    """Accuracy against the loss of the right answer, over all runs of the ladder."""
    column = {series: i for i, series in enumerate(ladder.series)}
    rows: list[Row] = []
    for series, i in column.items():
        if not series.metric.startswith("accuracy"):
            continue
        losses = sorted(
            (
                other
                for other in column
                if other[:2] == series[:2] and other.group == series.group and _is_loss(other)
            ),
            key=lambda other: (other.metric != "bits_per_byte_answer_mean", other.metric),
        )
        common = series._asdict() | {
            "law": sigmoid.NAME,
            "predictor": losses[0].metric if losses else None,
            "level": chosen.level,
            "estimand": interval.THESE_ITEMS,
        }
        problem = None if losses else "no bits per byte to predict it from"
        if series.suite not in chosen.chance:
            problem = "the suite's chance of a right guess is not given"
        if problem or not losses:
            rows.append(common | {"parameter": "ceiling", "status": problem})
        else:
            loss, accuracy = ladder.values[:, column[losses[0]]], ladder.values[:, i]
            known = np.isfinite(loss) & np.isfinite(accuracy)
            floor = chosen.chance[series.suite]
            rows += [common | row for row in _sigmoid(loss[known], accuracy[known], floor, chosen.level)]
    return rows


def _is_loss(series: Any) -> bool:
    return bool(series.metric.startswith("bits_per_byte"))


def _sigmoid(loss: Floats, accuracy: Floats, floor: float, level: float) -> list[Row]:
    common: Row = {"n": len(loss)}
    floor_row = common | {"parameter": "floor", "value": floor, "scheme": "fixed at chance", "status": "ok"}
    if len(np.unique(loss)) <= len(sigmoid.PARAMETERS):
        return [floor_row, common | {"parameter": "ceiling", "status": "too few runs"}]
    found = least_squares(
        lambda theta: sigmoid.accuracy(loss, *theta, floor=floor) - accuracy,
        sigmoid.PARAMETERS,
        sigmoid.starts(loss, floor),
        sigmoid.bounds(loss, floor),
        level,
    )
    scheme = f"t interval of nonlinear least squares; {found.agreeing} of {found.starts} starts agree"
    return [
        floor_row,
        *(
            common
            | {"parameter": name, "scheme": scheme, "df": found.df, "status": found.status}
            | {
                "value": found.values[i],
                "stderr": found.stderr[i],
                "low": found.low[i],
                "high": found.high[i],
            }
            for i, name in enumerate(sigmoid.PARAMETERS)
        ),
    ]


def _status(points: list[Point], status: NDArray[np.object_], shared: bool) -> str:
    """What a reader of a fit must know: "ok", or how many of its points there are, and why not the others."""
    lost = [
        f"{_label(point)}: {reason}" for point, reason in zip(points, status, strict=True) if reason != "ok"
    ]
    used = len(points) - len(lost)
    reasons = f" ({'; '.join(lost)})" if lost else ""
    if used < SMALLEST:
        return f"{used} points, and an interval needs {SMALLEST}{reasons}"
    if lost:
        return f"fitted on {used} of {len(points)} points{reasons}"
    return "points share training runs, so they are not independent" if shared else "ok"


def _label(point: Point) -> str:
    return point.run if point.run is not None else f"{point.budget:g} FLOPs"


def _shared_trajectories(ladder: Ladder, points: list[Point]) -> bool:
    """Whether points, each a run, are checkpoints of one training."""
    rows = [int(row) for point in points if not point.is_parabola for row in point.rows]
    blocks = [ladder.block[row] or ladder.run[row] for row in rows]
    return len(set(blocks)) < len(blocks)


def _frontier_row(point: Point) -> Row:
    return {
        "budget": point.budget,
        "run": point.run,
        "training_flops": point.training_flops,
        "log_tokens": point.log_tokens,
        "tokens": point.tokens,
        "params": point.params,
        "loss": point.loss,
        "curvature": point.curvature,
        "c0": point.c[0],
        "c1": point.c[1],
        "c2": point.c[2],
        "x_mean": point.x_mean,
        "runs": len(point.rows),
        "left_out": point.left_out,
        "residual_sd": point.residual_sd,
        "run_sd": point.run_sd,
        "run_sd_df": point.run_sd_df,
        "status": point.status,
    }


def _point_key(point: Point) -> Row:
    return {"budget": point.budget, "run": point.run, "training_flops": point.training_flops}


def _error_rows(points: list[Point], read: Errors, i: int) -> list[Row]:
    spread = read.stderr_items[:, i]
    return [
        _point_key(point)
        | {
            "value": read.value[p, i],
            "stderr_runs": read.stderr_runs[p, i],
            "stderr_items": spread[p],
            "runs": int(read.runs[p, i]),
            "left_out": int(read.left_out[p, i]),
            "status": read.status[p, i],
        }
        for p, point in enumerate(points)
    ]


def _gap_rows(points: list[Point], ratios: Gaps, j: int) -> list[Row]:
    spread = ratios.stderr_items[:, j]
    return [
        _point_key(point)
        | {
            "ratio": np.exp(ratios.log_ratio[p, j]),
            "log_ratio": ratios.log_ratio[p, j],
            "stderr_log": spread[p],
            "status": ratios.status[p, j],
        }
        for p, point in enumerate(points)
    ]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table; a missing key, nan and infinity are null."""
    columns = {name: [_cell(row.get(name)) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
