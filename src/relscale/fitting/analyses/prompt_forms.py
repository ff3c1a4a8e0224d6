"""How much the form of the prompt matters: what compute explains of a metric under each form, and what a form gains.

**Share explained by compute.** R² of the least-squares line of a metric on ln F, F the training FLOPs, over the points
of the frontier; bits per byte and nats in logs, shares such as accuracy as they are:

    R² = 1 − Σ (y − line)² / Σ (y − mean)²

Its interval is about the share ρ² = δ² / (δ² + n) of the variance at these computes, with δ the slope over its standard
deviation. The slope's t statistic has a noncentral t distribution with noncentrality δ and n − 2 degrees of freedom,
where noise is normal; inverting it gives the limits of δ, and those, squared, of ρ² (0 where δ may be 0). A bootstrap
of five to seven points does worse: nearly all of its draws repeat a point, and their R² are too high. Where points are
checkpoints of one training there is no such distribution, and whole trainings are drawn instead.

**Gain over the reference form.** A form's accuracy less that of the reference form, on the same questions. At a point
the interval is over the items alone (the same draws for both forms). Over all points it is the level, at their mean
ln F, of the line of the differences on ln F, with the intervals of ``relscale.fitting.inference.interval``.

Source: Smithson, *Correct confidence intervals for various regression effect sizes and parameters*, Educational and
Psychological Measurement 61, 2001.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtrinc, ndtri

from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.optimal_errors import NOT_POSITIVE
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, lines
from relscale.fitting.inference.spread import spread
from relscale.fitting.settings import Settings
from relscale.measurements.metric import Metric

Row = dict[str, Any]

R_SQUARED, DIFFERENCE = "r_squared", "difference"
LETTERS = "letters"  # the reference form, where a suite has it
OPTIMAL, ALL_RUNS = "compute-optimal runs", "all runs"
LOG_LOG, LINEAR = "log-log", "linear"
IN_LOGS = ("bits_per_byte", "nats")
ITEMS_ALONE = "item population, of this point alone"
NONCENTRAL, PERCENTILE = "noncentral t", "block bootstrap by trajectory, percentile"


def prompt_form_rows(one: FrontierCurves, chosen: Settings) -> list[Row]:
    """Rows of both kinds for every suite of a matrix that has more than one prompt form."""
    matrix = one.matrix
    forms: dict[str, list[str | None]] = {}
    for series in matrix.series:
        told = forms.setdefault(series.suite, [])
        told += [series.prompt] if series.prompt not in told else []
    several = {suite: _reference(told, suite, chosen) for suite, told in forms.items() if len(told) > 1}
    columns = [i for i, series in enumerate(matrix.series) if series.suite in several]
    if not columns or not one.points:
        return []
    common = {
        "experiment": matrix.experiment,
        "corpus": matrix.corpus,
        "optimizer": matrix.optimizer,
        "points": OPTIMAL if all(point.is_parabola for point in one.points) else ALL_RUNS,
        "level": chosen.level,
    }
    rows = [common | row for row in _shares(one, columns, chosen)]
    return rows + [common | row for row in _differences(one, columns, several, chosen)]


def _reference(forms: Sequence[str | None], suite: str, chosen: Settings) -> str | None:
    """Letters, else the form that the suite is shown by, else the first by name."""
    named = [form for form in (LETTERS, chosen.shown_prompt.get(suite)) if form in forms]
    return named[0] if named else min(forms, key=str)


def _shares(one: FrontierCurves, columns: list[int], chosen: Settings) -> list[Row]:
    """R² of every series."""
    in_logs = np.array(
        [Metric.parse(one.matrix.series[i].metric).quantity.startswith(IN_LOGS) for i in columns]
    )
    value = one.read.value[:, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.where(in_logs, np.log(np.where(value > 0, value, np.nan)), value)
    x, blocks = one.errors.log_flops, one.errors.blocks
    line = lines(x, y)
    total = np.nansum((y - _mean(y)) ** 2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(
            (line.n >= SMALLEST) & (total > 0), 1 - (line.residuals**2).sum(axis=0) / total, np.nan
        )
    if one.errors.shared:
        scheme = PERCENTILE
        low, high = _drawn(x, y, blocks, chosen)
    else:
        scheme = NONCENTRAL
        low, high = _limits(line, chosen.level)
    return [
        one.matrix.series[i]._asdict()
        | {
            "quantity": R_SQUARED,
            "scale": LOG_LOG if in_logs[j] else LINEAR,
            "value": share[j],
            "low": low[j],
            "high": high[j],
            "df": line.n[j] - 2,
            "n": int(line.n[j]),
            "scheme": scheme,
            "estimand": interval.THESE_ITEMS,
            "status": _status(one, i, int(line.n[j]), share[j], blocks),
        }
        for j, i in enumerate(columns)
    ]


def _limits(line: Lines, level: float) -> tuple[Floats, Floats]:
    """Of ρ² = δ² / (δ² + n), by inverting the noncentral t of the slope."""
    df = np.where(line.df > 0, line.df, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = line.slope / np.sqrt(line.variance / line.sxx)
        below, above = (nctdtrinc(df, (1 + side * level) / 2, t) for side in (1, -1))
        least = np.where(below * above > 0, np.minimum(below**2, above**2), 0.0)
        most = np.maximum(below**2, above**2)
        return least / (least + line.n), most / (most + line.n)


def _drawn(x: Floats, y: Floats, blocks: Sequence[str], chosen: Settings) -> tuple[Floats, Floats]:
    """Percentiles of R² over draws of whole trainings; nan where too few draws have one."""
    rng = np.random.default_rng([chosen.seed, 11])
    weights = schemes.weights(schemes.BLOCK, len(x), chosen.bootstrap, rng, blocks=blocks)
    used = np.isfinite(y).astype(float)
    z, known = x - x.mean(), np.where(used > 0, y - _mean(y), 0.0)
    n, sz, szz, sy, syy, szy = (
        part.T @ weights
        for part in (used, used * z[:, None], used * z[:, None] ** 2, known, known**2, known * z[:, None])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (szy - sz * sy / n) ** 2 / ((szz - sz**2 / n) * (syy - sy**2 / n))
    share = np.where(np.isfinite(share) & (n > 2), np.clip(share, 0, 1), np.nan)
    enough = np.isfinite(share).mean(axis=1) >= 1 - 0.05 if chosen.bootstrap else np.zeros(len(share), bool)
    tail = (1 - chosen.level) / 2
    limits = np.full((2, len(share)), np.nan)
    if enough.any():
        limits[:, enough] = np.nanquantile(share[enough], [tail, 1 - tail], axis=1)
    return limits[0], limits[1]


def _status(one: FrontierCurves, column: int, n: int, share: float, blocks: Sequence[str]) -> str:
    told = [status for status in one.read.status[:, column] if status not in ("ok", NOT_POSITIVE)]
    why = f" ({told[0]})" if told else ""
    if n < SMALLEST:
        return f"{n} points, and a line with an interval needs {SMALLEST}{why}"
    if np.isnan(share):
        return "it does not vary with compute"
    number = len(set(blocks))
    if one.errors.shared and number < interval.FEWEST_BLOCKS:
        return f"too few training runs behind the points for a reliable interval: {number}"
    return "ok" if n == len(one.points) else f"on {n} of {len(one.points)} points{why}"


def _differences(
    one: FrontierCurves, columns: list[int], reference: dict[str, str | None], chosen: Settings
) -> list[Row]:
    """Of every accuracy under every form but the reference, at each point and over all."""
    series = one.matrix.series
    place = {series[i]: i for i in columns}
    pairs = [
        (i, place[base])
        for i in columns
        if Metric.parse(series[i].metric).is_accuracy
        and (base := series[i]._replace(prompt=reference[series[i].suite])) in place
        and base != series[i]
    ]
    if not pairs:
        return []
    own, base = np.array(pairs).T
    value = one.read.value[:, own] - one.read.value[:, base]
    replicates = one.read.replicates[:, own] - one.read.replicates[:, base]
    overall = _overall(one, value, replicates, (one.read.noise[:, own] + one.read.noise[:, base]) / 2, chosen)
    of_items = spread(replicates)
    far = float(ndtri((1 + chosen.level) / 2))
    rows = []
    for j, (i, _) in enumerate(pairs):
        key = series[i]._asdict() | {
            "quantity": DIFFERENCE,
            "reference": reference[series[i].suite],
            "scale": LINEAR,
        }
        for p, point in enumerate(one.points):
            status = _first_wrong(one.read.status[p, own[j]], one.read.status[p, base[j]])
            rows.append(
                key
                | {"budget": point.budget, "run": point.run, "training_flops": point.training_flops}
                | {
                    "value": value[p, j],
                    "stderr": of_items[p, j],
                    "low": value[p, j] - far * of_items[p, j],
                    "high": value[p, j] + far * of_items[p, j],
                    "n": int(min(one.read.runs[p, own[j]], one.read.runs[p, base[j]])),
                    "scheme": "item replicates, normal",
                    "estimand": ITEMS_ALONE,
                    "status": status if np.isnan(value[p, j]) else "ok",
                }
            )
        rows += [key | row for row in overall[j]]
    return rows


def _overall(
    one: FrontierCurves, value: Floats, replicates: Floats, noise: Floats, chosen: Settings
) -> list[list[Row]]:
    """The level of each pair's line at its mean ln F, for both estimands."""
    x, blocks = one.errors.log_flops, one.errors.blocks
    line = lines(x, value, noise, blocks)
    found = [interval.level_at(line, line.reference, chosen.level)]
    if replicates.shape[-1] > 1:
        items = interval.item_lines(x, value, replicates, line, blocks)
        found.append(interval.level_at(line, line.reference, chosen.level, items))
    names = interval.SCHEMES_OF_BLOCKS if line.blocks is not None else interval.SCHEMES
    rows: list[list[Row]] = []
    for j, n in enumerate(line.n):
        wrong = f"{n:.0f} points, and an interval needs {SMALLEST}" if n < SMALLEST else None
        rows.append(
            [
                {
                    "training_flops": np.exp(line.reference[j]),
                    "value": one_interval.value[j],
                    "stderr": one_interval.stderr[j],
                    "low": one_interval.low[j],
                    "high": one_interval.high[j],
                    "df": one_interval.df[j],
                    "n": int(n),
                    "scheme": names[estimand],
                    "estimand": estimand,
                    "status": wrong or interval.too_few_blocks(line, j) or "ok",
                }
                for estimand, one_interval in zip(names, found, strict=False)
            ]
        )
    return rows


def _first_wrong(*told: str) -> str:
    return next((status for status in told if status not in ("ok", NOT_POSITIVE)), "no value")


def _mean(y: Floats) -> Floats:
    known: NDArray[np.bool_] = np.isfinite(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, y, 0).sum(axis=0) / known.sum(axis=0))
