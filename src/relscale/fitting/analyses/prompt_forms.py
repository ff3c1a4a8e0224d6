"""Effect of the prompt form: share of a metric's variance explained by compute under each form, and gain over a
reference form.

**Share explained by compute.** R² of the least-squares line of a metric on ln F, F the training FLOPs, over the points
of the frontier; bits per byte and nats in logarithms, shares such as accuracy untransformed:

    R² = 1 − Σ (y − line)² / Σ (y − mean)²

Its interval is for the share ρ² = δ² / (δ² + n) of the variance at these computes, with δ the slope divided by its
standard deviation. With normal noise, the slope's t statistic has a noncentral t distribution with noncentrality δ and
n − 2 degrees of freedom; inverting it gives the limits of δ, and from these the limits of ρ² (0 if δ may be 0). A
bootstrap of five to seven points is less accurate: nearly all draws repeat a point, and their R² are too high. If
points are checkpoints of shared training runs, this distribution does not apply, and whole training runs are resampled
instead.

**Gain over the reference form.** A form's accuracy minus that of the reference form, on the same questions. At a point,
the interval is over the items alone (the same draws for both forms), normal, or Student's t of C − 1 if the items come
in C clusters. Over all points, the gain is the level at their
mean ln F of the line of the differences on ln F, with the intervals of ``relscale.fitting.inference.interval``.

Source: Smithson, *Correct confidence intervals for various regression effect sizes and parameters*, Educational and
Psychological Measurement 61, 2001.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.gaps import log_or_nan
from relscale.fitting.curves.optimal_errors import NO_VALUE, NOT_POSITIVE
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, lines
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.spread import known_mean, spread
from relscale.fitting.keys import SeriesKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.measurements.metric import Metric
from relscale.storage.rows import column, fields_of

R_SQUARED: Literal["r_squared"] = "r_squared"
DIFFERENCE: Literal["difference"] = "difference"
LETTERS = "letters"  # the reference form, if a suite has it
Points = Literal["compute-optimal runs", "all runs"]
OPTIMAL: Points = "compute-optimal runs"
ALL_RUNS: Points = "all runs"
LOG_LOG: Literal["log-log"] = "log-log"
LINEAR: Literal["linear"] = "linear"
IN_LOGS = ("bits_per_byte", "nats")
CONSTANT = Remark(Status.CONSTANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormRow(SeriesKey):
    """One row per series of a suite with several prompt forms: R² on ln compute, or the gain over a reference form.

    A gain has one row per point of the frontier, and one row without run and budget for all points pooled.
    """

    budget: float | None = column(
        "Nominal compute of the point, for a difference at one point.", "FLOPs", default=None
    )
    run: str | None = column("The run, if every run is a point.", default=None)
    training_flops: float | None = column("Compute.", "FLOPs", default=None)
    quantity: Literal["r_squared", "difference"] = column(
        "r_squared: share of the metric's variance explained by a line in ln compute; difference: accuracy minus "
        "that under the reference form."
    )
    reference: str | None = column("The reference form of a difference.", default=None)
    points: Points = column("Kind of points.")
    scale: Literal["log-log", "linear"] = column(
        "log-log: the line is fitted to the logarithm of the metric; linear: to the metric."
    )
    value: float | None = column("R², or the difference.")
    stderr: float | None = column("Standard error of a difference.", default=None)
    low: float | None = column("Lower limit of the interval.")
    high: float | None = column("Upper limit of the interval.")
    level: float = column("Confidence level of the interval.")
    df: float | None = column("Degrees of freedom.", default=None)
    n: int = column("Number of points, or runs, behind the value.")
    method: Method = column("How the interval was made.")
    method_note: str | None = column("Details of the method.", default=None)
    estimand: Estimand = column("What the interval generalises over.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


TABLE, ROW = "prompt_forms", PromptFormRow


def rows(curves: FrontierCurves, settings: Settings) -> list[PromptFormRow]:
    """Rows of both quantities for each suite of a run matrix with more than one prompt form."""
    matrix = curves.matrix
    forms: dict[str, list[str | None]] = {}
    for series in matrix.series:
        of_suite = forms.setdefault(series.suite, [])
        of_suite += [series.prompt] if series.prompt not in of_suite else []
    several = {
        suite: _reference(of_suite, suite, settings) for suite, of_suite in forms.items() if len(of_suite) > 1
    }
    columns = [i for i, series in enumerate(matrix.series) if series.suite in several]
    if not columns or not curves.points:
        return []
    shares = _shares(curves, columns, settings)
    return [*shares, *_differences(curves, columns, several, settings)]


def _key(curves: FrontierCurves, i: int) -> SeriesKey:
    """The key of series ``i``."""
    return SeriesKey(**fields_of(curves.matrix.key), **curves.matrix.series[i]._asdict())


def _points(curves: FrontierCurves) -> Points:
    """Kind of the points of the curves."""
    return OPTIMAL if all(point.is_parabola for point in curves.points) else ALL_RUNS


def _reference(forms: Sequence[str | None], suite: str, settings: Settings) -> str | None:
    """Letters, else the form that the suite's figures show, else the first by name."""
    named = [form for form in (LETTERS, settings.shown_prompt.get(suite)) if form in forms]
    return named[0] if named else min(forms, key=str)


def _shares(curves: FrontierCurves, columns: list[int], settings: Settings) -> Iterator[PromptFormRow]:
    """R² of every series."""
    series = curves.matrix.series
    in_logs = np.array([Metric.parse(series[i].metric).quantity.startswith(IN_LOGS) for i in columns])
    value = curves.read.value[:, columns]
    y = np.where(in_logs, log_or_nan(value), value)
    x, blocks = curves.errors.log_flops, curves.errors.blocks
    line = lines(x, y)
    total = np.nansum((y - known_mean(y, np.isfinite(y))) ** 2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(
            (line.n >= SMALLEST) & (total > 0), 1 - (line.residuals**2).sum(axis=0) / total, np.nan
        )
    if curves.errors.shared:
        method, note = Method.BLOCK_BOOTSTRAP, "percentile"
        low, high = _drawn(x, y, blocks, settings)
    else:
        method, note = Method.NONCENTRAL_T, None
        low, high = _limits(line, settings.level)
    for j, i in enumerate(columns):
        yield PromptFormRow(
            **fields_of(_key(curves, i)),
            points=_points(curves),
            quantity=R_SQUARED,
            scale=LOG_LOG if in_logs[j] else LINEAR,
            value=share[j],
            low=low[j],
            high=high[j],
            level=settings.level,
            df=line.n[j] - 2,
            n=int(line.n[j]),
            method=method,
            method_note=note,
            estimand=Estimand.THESE_ITEMS,
            **fields_of(_remark(curves, i, int(line.n[j]), share[j], blocks)),
        )


def _limits(line: Lines, level: float) -> tuple[Floats, Floats]:
    """Limits of ρ² = δ² / (δ² + n), by inverting the noncentral t of the slope."""
    from scipy.special import nctdtrinc

    df = np.where(line.df > 0, line.df, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = line.slope / np.sqrt(line.variance / line.sxx)
        below, above = (nctdtrinc(df, (1 + side * level) / 2, t) for side in (1, -1))
        least = np.where(below * above > 0, np.minimum(below**2, above**2), 0.0)
        most = np.maximum(below**2, above**2)
        return least / (least + line.n), most / (most + line.n)


def _drawn(x: Floats, y: Floats, blocks: Sequence[str], settings: Settings) -> tuple[Floats, Floats]:
    """Percentiles of R² over draws of whole training runs; nan if too few draws have one."""
    rng = np.random.default_rng([settings.seed, 11])
    weights = schemes.weights(schemes.BLOCK, len(x), settings.bootstrap, rng, blocks=blocks)
    is_used = np.isfinite(y)
    used = is_used.astype(float)
    z, known = x - x.mean(), np.where(is_used, y - known_mean(y, is_used), 0.0)
    n, sz, szz, sy, syy, szy = (
        part.T @ weights
        for part in (used, used * z[:, None], used * z[:, None] ** 2, known, known**2, known * z[:, None])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (szy - sz * sy / n) ** 2 / ((szz - sz**2 / n) * (syy - sy**2 / n))
    share = np.where(np.isfinite(share) & (n > 2), np.clip(share, 0, 1), np.nan)
    enough = np.isfinite(share).mean(axis=1) >= 1 - 0.05 if settings.bootstrap else np.zeros(len(share), bool)
    tail = (1 - settings.level) / 2
    limits = np.full((2, len(share)), np.nan)
    if enough.any():
        limits[:, enough] = np.nanquantile(share[enough], [tail, 1 - tail], axis=1)
    return limits[0], limits[1]


def _remark(curves: FrontierCurves, column: int, n: int, share: float, trainings: Sequence[str]) -> Remark:
    wrong = [remark for remark in curves.read.status[:, column] if remark not in (OK, NOT_POSITIVE)]
    why = f" ({wrong[0]})" if wrong else ""
    if n < SMALLEST:
        return Remark(
            Status.TOO_FEW_POINTS,
            f"{n} point{'s' * (n != 1)}; a line with an interval needs {SMALLEST}{why}",
        )
    if np.isnan(share):
        return CONSTANT
    few = interval.too_few_trainings(len(set(trainings))) if curves.errors.shared else None
    if few:
        return few
    return (
        OK
        if n == len(curves.points)
        else Remark(Status.MISSING_POINTS, f"on {n} of {len(curves.points)} points{why}")
    )


def _differences(
    curves: FrontierCurves, columns: list[int], reference: dict[str, str | None], settings: Settings
) -> Iterator[PromptFormRow]:
    """Gains of every accuracy under every form but the reference, at each point and over all."""
    series, read = curves.matrix.series, curves.read
    column = {series[i]: i for i in columns}
    pairs = [
        (i, column[base])
        for i in columns
        if Metric.parse(series[i].metric).is_accuracy
        and (base := series[i]._replace(prompt=reference[series[i].suite])) in column
        and base != series[i]
    ]
    if not pairs:
        return
    target, base = np.array(pairs).T
    value = read.value[:, target] - read.value[:, base]
    replicates = read.replicates[:, target] - read.replicates[:, base]
    noise = (read.noise[:, target] + read.noise[:, base]) / 2
    of_series = curves.matrix.clusters
    clusters = None if of_series is None else np.fmin(of_series[target], of_series[base])
    line, intervals = _overall(curves, value, replicates, noise, clusters, settings)
    of_items = spread(replicates)
    items_df = np.full(len(pairs), np.inf) if clusters is None else np.nan_to_num(clusters - 1, nan=np.inf)
    far = interval.quantile((1 + settings.level) / 2, items_df, 0.0, items_df)
    for j, (i, _) in enumerate(pairs):
        common = {
            **fields_of(_key(curves, i)),
            "points": _points(curves),
            "quantity": DIFFERENCE,
            "reference": reference[series[i].suite],
            "scale": LINEAR,
            "level": settings.level,
        }
        few_clusters = interval.too_few_clusters(float(items_df[j]) + 1) or OK
        for p, point in enumerate(curves.points):
            wrong = _first_wrong(read.status[p, target[j]], read.status[p, base[j]])
            yield PromptFormRow(
                **common,
                budget=point.budget,
                run=point.run,
                training_flops=point.training_flops,
                value=value[p, j],
                stderr=of_items[p, j],
                low=value[p, j] - far[j] * of_items[p, j],
                high=value[p, j] + far[j] * of_items[p, j],
                n=int(min(read.runs[p, target[j]], read.runs[p, base[j]])),
                method=Method.ITEM_REPLICATES,
                method_note="normal" if np.isinf(items_df[j]) else "Student's t, by cluster",
                estimand=Estimand.ITEM_POPULATION_AT_POINT,
                **fields_of(wrong if np.isnan(value[p, j]) else few_clusters),
            )
        n = int(line.n[j])
        remark = interval.too_few_points(n) if n < SMALLEST else interval.too_few_blocks(line, j) or OK
        for estimand, level in intervals.items():
            yield PromptFormRow(
                **common,
                training_flops=np.exp(line.reference[j]),
                value=level.value[j],
                stderr=level.stderr[j],
                low=level.low[j],
                high=level.high[j],
                df=level.df[j],
                n=n,
                method=interval.method_of(line.blocks is not None, estimand),
                estimand=estimand,
                **fields_of(
                    few_clusters if remark == OK and estimand == Estimand.ITEM_POPULATION else remark
                ),
            )


def _overall(
    curves: FrontierCurves,
    value: Floats,
    replicates: Floats,
    noise: Floats,
    clusters: Floats | None,
    settings: Settings,
) -> tuple[Lines, dict[Estimand, interval.Interval]]:
    """The line of each pair, and its level at its mean ln F with the interval for each estimand."""
    x, blocks = curves.errors.log_flops, curves.errors.blocks
    line = lines(x, value, noise, blocks)
    intervals = {Estimand.THESE_ITEMS: interval.level_at(line, line.reference, settings.level)}
    if replicates.shape[-1] > 1:
        items = interval.item_lines(x, value, replicates, line, blocks, clusters)
        intervals[Estimand.ITEM_POPULATION] = interval.level_at(line, line.reference, settings.level, items)
    return line, intervals


def _first_wrong(*remarks: Remark) -> Remark:
    return next((remark for remark in remarks if remark not in (OK, NOT_POSITIVE)), NO_VALUE)
