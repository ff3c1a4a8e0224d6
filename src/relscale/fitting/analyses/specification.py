"""How much of the answer is the analyst's choice? Δβ of every defensible way to analyse one table.

=========== ============================== ========================================================================
choice      values                         meaning
=========== ============================== ========================================================================
frontier    parabola, all                  errors at each budget's compute-optimal tokens; or every run a point
flops       training_flops, 6ND            what was spent as counted exactly, or 6 × parameters × tokens
degree      2, 3                           of the polynomial in log tokens that loss and errors are read off
window      all, inner                     runs of a budget that it is fitted to: all, or the four token counts nearest
                                           the minimum (with degree 2: a cubic through four leaves no scatter)
bytes       answer, scored, document       what a bit is divided by
pooling     mean, pooled                   mean over items of each one's ratio, or ratio of sums
subjects    macro, micro                   mean over subjects, or over their questions
prompt      as the suite calls them        how a question is put
form        ratio, difference, reducible   see below
=========== ============================== ========================================================================

Bytes, pooling and subjects are in the metric's name. A choice that a table does not have is null. The value is always
the implied

    Δβ = d ln G / d ln F    at the reference compute, the geometric mean of the data, where

* ratio: G = E_t / E_b is a power law;
* difference: ``G = 1 + D / E_b`` with the difference D = E_t − E_b and E_b power laws. Both lines together are one,
  of ln |D / E_b| = ln |G − 1|, with slope κ and value ln r at the reference; ``Δβ = ± r·κ / (1 ± r)``, and its t
  interval is that of the two parameters carried over to first order;
* reducible: ``G = (E_t − E∞_t) / (E_b − E∞_b)`` with each group's irreducible error E∞ from its own fit. There is no
  interval: the scatter of the last stage does not know how uncertain E∞ is.

A constant factor between two ways to count FLOPs changes no Δβ. That between 6ND and exact training FLOPs is not
constant: attention, head and embedding weigh more in small models. Where it is, as in a table whose FLOPs are 6ND, or
where parameters or tokens are unknown, there is no such choice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from relscale.fitting.curves.frontier import frontier
from relscale.fitting.curves.run_matrix import Floats, RunMatrix, Series
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.direction import CLOSES, UNCLEAR, WIDENS
from relscale.fitting.inference.interval import Interval
from relscale.fitting.inference.line_with_intervals import Trend, trend
from relscale.fitting.settings import Settings
from relscale.laws import irreducible
from relscale.measurements.metric import Metric

Row = dict[str, Any]

PARABOLA, ALL = "parabola", "all"
INNER = "inner"
WAYS = ((2, ALL), (2, INNER), (3, ALL))  # degree and window
NEAREST = 4  # token counts of an inner window
SAME_FACTOR = 1e-6  # between ways to count FLOPs, as a spread of its logarithm
TRAINING, SIX_ND = "training_flops", "6ND"
RATIO, DIFFERENCE, REDUCIBLE = "ratio", "difference", "reducible"

NO_INTERVAL = "no interval: irreducible errors are estimates"


@dataclass(frozen=True)
class Variant:
    """Errors as one way to look at a matrix has them; P points, K series.

    Attributes
    ----------
    frontier, degree, window
        The way.
    log_flops
        By convention, (P,); nan where unknown.
    value, noise
        (P, K) ln E, nan where it can not be read; 1 / runs.
    blocks
        (P,) the training behind each point.
    """

    frontier: str
    degree: int | None
    window: str | None
    log_flops: dict[str, Floats]
    value: Floats
    noise: Floats
    blocks: list[str]


@dataclass(frozen=True)
class Pair:
    """Columns of a target and its baseline in a matrix, and what the metric's name says of both."""

    target: int
    baseline: int
    of: Row
    is_default: bool


@dataclass(frozen=True)
class Slopes:
    """Δβ of J pairs under one specification; limits, p-value nan and direction None where there is no interval."""

    value: Floats
    low: Floats
    high: Floats
    p_value: Floats
    direction: list[str | None]
    n: NDArray[np.int64]
    status: list[str]


def specification_rows(matrix: RunMatrix, chosen: Settings) -> list[Row]:
    """A row for each target and specification, by corpus and optimizer.

    ``specification`` numbers those of one target by value, from 1; what can not be had comes last, with a status.
    ``chosen`` marks the default analysis. The metrics are all those that differ from the default one by nothing but
    bytes, pooling and subjects, under every prompt.
    """
    pairs = _pairs(matrix, chosen)
    if not pairs:
        return []
    both = np.array([[pair.target, pair.baseline] for pair in pairs])
    columns, place = np.unique(both, return_inverse=True)
    targets, baselines = place.reshape(both.shape).T
    default = PARABOLA if all(point.is_parabola for point in frontier(matrix, chosen.frontier)) else ALL

    found: dict[tuple[Any, ...], list[Row]] = {}
    for one in _variants(matrix, columns):
        usual = one.frontier == default and one.degree in (None, 2) and one.window in (None, ALL)
        for flops, log_flops in one.log_flops.items():
            for form, slopes in _forms(one, log_flops, targets, baselines, chosen.level):
                for j, pair in enumerate(pairs):
                    row = pair.of | {
                        "frontier": one.frontier,
                        "flops": flops,
                        "degree": one.degree,
                        "window": one.window,
                        "form": form,
                        "value": slopes.value[j],
                        "low": slopes.low[j],
                        "high": slopes.high[j],
                        "level": chosen.level,
                        "p_value": slopes.p_value[j],
                        "direction": slopes.direction[j],
                        "n": int(slopes.n[j]),
                        "chosen": bool(usual and flops == TRAINING and form == RATIO and pair.is_default),
                        "status": slopes.status[j],
                    }
                    found.setdefault((row["suite"], row["group"]), []).append(row)
    return [row for rows in found.values() for row in _numbered(rows)]


def _numbered(rows: list[Row]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (np.isnan(row["value"]), row["value"]))
    return [row | {"specification": number} for number, row in enumerate(ordered, start=1)]


# The choices that are in the names of metrics


def _pairs(matrix: RunMatrix, chosen: Settings) -> list[Pair]:
    """Targets with their baselines, of every metric and prompt that the default ones can be exchanged for."""
    column = {series: i for i, series in enumerate(matrix.series)}
    whose = {"experiment": matrix.experiment, "corpus": matrix.corpus, "optimizer": matrix.optimizer}
    pairs = []
    for suite, baseline in sorted(chosen.baselines.items()):
        if chosen.specifications is not None and suite not in chosen.specifications:
            continue
        of_suite = [series for series in matrix.series if series.suite == suite]
        default = _default(of_suite, suite, chosen)
        for series in of_suite:
            other = column.get(series._replace(group=baseline))
            if default is None or other is None or series.group == baseline:
                continue
            metric = Metric.parse(series.metric)
            if metric.quantity == Metric.parse(default.metric).quantity:
                of = whose | series._asdict() | {"baseline": baseline, "contrast": "group"} | _choices(metric)
                pairs.append(Pair(column[series], other, of, series[:3] == default[:3]))
    return pairs


def _default(of_suite: list[Series], suite: str, chosen: Settings) -> Series | None:
    """A series of the metric and prompt that a suite is analysed by."""
    fitted = [series for series in of_suite if chosen.fits(suite, series.metric)]
    named = [*filter(None, [chosen.shown_metric.get(suite)]), *chosen.metrics.get(suite, ())]

    def order(series: Series) -> tuple[object, ...]:
        metric, prompt = series.metric, series.prompt
        place = named.index(metric) if metric in named else len(named)
        return place, Metric.parse(metric).preference, prompt != chosen.shown_prompt.get(suite), str(prompt)

    return min(fitted, key=order, default=None)


def _choices(metric: Metric) -> Row:
    """The choices in a metric's name."""
    return {"bytes": metric.bytes, "pooling": metric.items, "subjects": metric.subjects}


# Ways to read errors off a matrix


def _variants(matrix: RunMatrix, columns: NDArray[np.int64]) -> Iterator[Variant]:
    """Those that the table has runs for."""
    budgets = np.unique(matrix.budget[np.isfinite(matrix.budget)])
    rows = [_counted(matrix, float(budget)) for budget in budgets]
    rows = [of_budget for of_budget in rows if len(of_budget)]
    widths = [len(np.unique(matrix.tokens[of_budget])) for of_budget in rows]
    for degree, window in WAYS:
        if max(widths, default=0) > (NEAREST if window == INNER else degree):
            yield _at_optima(matrix, columns, rows, degree, window)
    ok = np.array(matrix.status) == "ok"
    value = _log(np.where(ok[:, None], matrix.values[:, columns], np.nan))
    flops = _conventions(np.log(matrix.training_flops), _log(6 * matrix.params * matrix.tokens))
    blocks = [block or run for block, run in zip(matrix.block, matrix.run, strict=True)]
    yield Variant(ALL, None, None, flops, value, np.ones_like(value), blocks)


def _conventions(exact: Floats, six_nd: Floats) -> dict[str, Floats]:
    """ln FLOPs by convention, each (P,); 6ND where it is known and makes a difference."""
    factor = (six_nd - exact)[np.isfinite(six_nd)]
    differs = len(factor) > 0 and np.ptp(factor) > SAME_FACTOR
    return {TRAINING: exact, SIX_ND: six_nd} if differs else {TRAINING: exact}


def _counted(matrix: RunMatrix, budget: float) -> NDArray[np.int64]:
    return np.flatnonzero((matrix.budget == budget) & np.isfinite(matrix.loss) & (matrix.tokens > 0))


def _at_optima(
    matrix: RunMatrix, columns: NDArray[np.int64], budgets: list[NDArray[np.int64]], degree: int, window: str
) -> Variant:
    """Errors at the tokens of least loss, all off polynomials of one degree."""
    shape = (len(budgets), len(columns))
    value, noise = np.full(shape, np.nan), np.ones(shape)
    exact, six_nd = np.full(len(budgets), np.nan), np.full(len(budgets), np.nan)
    for i, rows in enumerate(budgets):
        exact[i] = np.log(matrix.training_flops[rows]).mean()
        if window == INNER:
            rows = _nearest(matrix, rows)
        x = np.log(matrix.tokens[rows])
        at = _minimum(x, matrix.loss[rows], degree)
        if np.isnan(at):
            continue
        tokens, first = np.unique(x, return_index=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            six_nd[i] = np.log(6) + at + np.interp(at, tokens, np.log(matrix.params[rows[first]]))
        values = matrix.values[np.ix_(rows, columns)]
        known = np.isfinite(values)
        for pattern in np.unique(known, axis=1).T:
            alike = np.flatnonzero((known == pattern[:, None]).all(axis=0))
            own = x[pattern]
            if len(np.unique(own)) > degree and own.min() <= at <= own.max():
                value[i, alike] = _weights(own, at, degree) @ values[np.ix_(pattern, alike)]
                noise[i, alike] = 1 / pattern.sum()
    flops = _conventions(exact, six_nd)
    blocks = [str(i) for i in range(len(budgets))]
    return Variant(PARABOLA, degree, window, flops, _log(value), noise, blocks)


def _minimum(x: Floats, loss: Floats, degree: int) -> float:
    """Where the polynomial through the losses has its minimum; nan if that is not inside the runs."""
    if len(np.unique(x)) <= degree:
        return np.nan
    c = np.linalg.pinv(_powers(x - x.mean(), degree)) @ loss
    c1, c2, c3 = c[1], c[2], c[3] if degree == 3 else 0.0
    square = c2 * c2 - 3 * c1 * c3  # of half the curvature at the minimum
    curvature = c2 if degree == 2 else np.sqrt(square) if square > 0 else np.nan
    if not curvature > 0:
        return np.nan
    if c2 + curvature > 0:
        at = -c1 / (c2 + curvature)  # the same root as below, which a parabola has too
    elif c3 != 0:
        at = (curvature - c2) / (3 * c3)
    else:
        return np.nan
    at = float(at + x.mean())
    return at if x.min() < at < x.max() else np.nan


def _weights(x: Floats, at: float, degree: int) -> Floats:
    """What each value counts in the polynomial's value at ``at``."""
    return np.asarray(
        _powers(np.array([at - x.mean()]), degree) @ np.linalg.pinv(_powers(x - x.mean(), degree))
    )[0]


def _powers(x: Floats, degree: int) -> Floats:
    return np.vander(x, degree + 1, increasing=True)


def _nearest(matrix: RunMatrix, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The runs at the four token counts nearest the minimum of the parabola through all; all where it has none."""
    x = np.log(matrix.tokens[rows])
    at = _minimum(x, matrix.loss[rows], 2)
    if np.isnan(at):
        return rows
    distance = np.abs(np.unique(x) - at)
    return rows[np.abs(x - at) <= np.sort(distance)[:NEAREST][-1]]


# From errors to Δβ


def _forms(
    one: Variant, log_flops: Floats, targets: NDArray[np.int64], baselines: NDArray[np.int64], level: float
) -> Iterator[tuple[str, Slopes]]:
    counted = np.isfinite(log_flops)
    x = log_flops[counted]
    value, blocks = one.value[counted], [b for b, is_so in zip(one.blocks, counted, strict=True) if is_so]
    target, baseline = value[:, targets], value[:, baselines]
    noise = (one.noise[counted][:, targets] + one.noise[counted][:, baselines]) / 2
    total, log_ratio = len(log_flops), target - baseline

    found = trend(x, log_ratio, noise, blocks, level)
    pairs = range(len(targets))
    directions = [found.direction(j) for j in pairs]
    yield RATIO, _told(found, found.slope, directions, total)

    with np.errstate(invalid="ignore"):
        gap = np.expm1(log_ratio)
        sides = np.sign(np.where(np.isfinite(gap), gap, 0))
        side = np.where((sides >= 0).all(axis=0), 1.0, np.where((sides <= 0).all(axis=0), -1.0, np.nan))
    found = trend(x, _log(side * gap), noise, blocks, level)
    slope = _implied(found, side, level)
    directions = [_of_gap(slope, side, j) for j in pairs]
    changes = "the difference changes its sign, so it has no power law"
    yield (
        DIFFERENCE,
        _told(found, slope, directions, total, {int(j): changes for j in np.flatnonzero(np.isnan(side))}),
    )

    left, why = _reducible(x, value)
    found = trend(x, left[:, targets] - left[:, baselines], noise, blocks, level)
    reasons = {j: _both(why[targets[j]], why[baselines[j]]) for j in pairs}
    told = _told(found, found.slope, [None] * len(targets), total, {j: r for j, r in reasons.items() if r})
    blank = np.full(len(targets), np.nan)
    yield (
        REDUCIBLE,
        replace(
            told,
            low=blank,
            high=blank,
            p_value=blank,
            status=[NO_INTERVAL if status == "ok" else status for status in told.status],
        ),
    )


def _told(
    found: Trend,
    slope: Interval,
    directions: list[str | None],
    total: int,
    reasons: dict[int, str] | None = None,
) -> Slopes:
    """The slopes, and of each what a reader must know; ``total`` points there would be."""
    status = []
    for j, n in enumerate(found.line.n):
        told = (reasons or {}).get(j) or found.status(j)
        status.append(told if told != "ok" or n == total else f"fitted on {int(n)} of {total} points")
    limits = (slope.value, slope.low, slope.high, slope.p_value)
    return Slopes(*limits, directions, found.line.n.astype(np.int64), status)


def _implied(found: Trend, side: Floats, level: float) -> Interval:
    """Δβ of G = 1 ± r·(F/F_ref)^κ at F_ref, r and κ independent: ``Δβ = ± r·κ / (1 ± r)``."""
    r, kappa = side * np.exp(found.ends[1].value), found.slope.value
    with np.errstate(invalid="ignore", divide="ignore"):
        value = r / (1 + r) * kappa
        stderr = np.abs(r / (1 + r)) * np.hypot(found.slope.stderr, kappa / (1 + r) * found.ends[1].stderr)
        df = found.slope.df
        half = stdtrit(np.where(df > 0, df, np.nan), (1 + level) / 2) * stderr
    return Interval(value, stderr, value - half, value + half, df, np.ones_like(value))


def _of_gap(slope: Interval, side: Floats, j: int) -> str | None:
    """The gap of a difference of one sign closes where G moves against that sign."""
    low, high = slope.low[j] * side[j], slope.high[j] * side[j]
    if np.isnan(low) or np.isnan(high):
        return None
    return CLOSES if max(low, high) < 0 else WIDENS if min(low, high) > 0 else UNCLEAR


def _reducible(x: Floats, value: Floats) -> tuple[Floats, list[str | None]]:
    """ln (E − E∞) of every series, nan where it can not be had, and a reason to warn of it."""
    used = np.isfinite(value)
    nothing = np.full_like(value, np.nan)
    if len(np.unique(x)) <= len(irreducible.LAW.names):
        return nothing, ["too few points for an irreducible error"] * value.shape[1]
    at = np.exp(x - x.mean())[None]
    found = estimate(irreducible.LAW, at, np.exp(value), weights=used.astype(float))
    floor = irreducible.LAW.names.index("irreducible")
    left = np.exp(value) - found.theta[floor]
    vague = found.stderr[floor] > np.where(used, left, np.inf).min(axis=0)
    below = (used & ~(left > 0)).any(axis=0)
    lost = ~found.converged | below | (found.df < 1)
    reasons: list[str | None] = []
    for j, status in enumerate(found.status):
        if found.df[j] < 1:
            reasons.append("too few points for an irreducible error")
        elif below[j] and found.converged[j]:
            reasons.append("an error is not above its irreducible part")
        elif vague[j]:
            reasons.append("irreducible error: less certain than what is left above it")
        else:
            reasons.append(None if status == "ok" else f"irreducible error: {status}")
    return np.where(lost, np.nan, _log(left)), reasons


def _both(target: str | None, baseline: str | None) -> str | None:
    if target is None:
        return None if baseline is None else f"baseline: {baseline}"
    return target


def _log(x: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x > 0, np.log(x), np.nan)
