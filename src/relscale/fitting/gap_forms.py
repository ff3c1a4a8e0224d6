"""Δβ of a gap under three functional forms, with intervals and verdicts.

The value is always the implied

    Δβ = d ln G / d ln F    at the reference compute, the geometric mean of the data, where

* ratio: G = E_t / E_b is a power law;
* difference: ``G = 1 + D / E_b`` with the difference D = E_t − E_b and E_b power laws. Both lines together are a line
  of ln |D / E_b| = ln |G − 1|, with slope κ and value ln r at the reference; ``Δβ = ± r·κ / (1 ± r)``, and its interval
  follows from the two parameters and the items' draws of G, to first order;
* reducible: ``G = (E_t − E∞_t) / (E_b − E∞_b)`` with each group's irreducible error E∞ from its own fit. There is no
  interval, because the scatter of the last stage does not include the uncertainty of E∞.

Intervals are for the population of the items if they were resampled, else for these items. If points share training
runs, they are from a block bootstrap or a jackknife over these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.error_variants import ErrorVariant
from relscale.fitting.curves.gaps import log_or_nan, mean_of
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.direction import direction
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.interval import (
    Interval,
    ItemLines,
    choose_interval,
    item_lines,
    linear_combination,
)
from relscale.fitting.inference.line_with_intervals import (
    LineWithIntervals,
    of_these_items,
    with_intervals,
)
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.fitting.verdicts.adjusted_verdicts import verdict_of_line, verdict_of_slope
from relscale.fitting.verdicts.verdict import Verdict
from relscale.laws import irreducible

Form = Literal["ratio", "difference", "reducible"]

RATIO: Form = "ratio"
DIFFERENCE: Form = "difference"
REDUCIBLE: Form = "reducible"

NO_INTERVAL = Remark(Status.NO_INTERVAL, "no interval: the uncertainty of the irreducible errors is unknown")
SIGN_CHANGE = Remark(Status.SIGN_CHANGE)
TOO_FEW = Remark(Status.TOO_FEW_POINTS, "too few points for an irreducible error")
NOT_ABOVE_FLOOR = Remark(Status.NOT_ABOVE_FLOOR)
UNCERTAIN_FLOOR = Remark(
    Status.UNCERTAIN_FLOOR, "irreducible error: its standard error exceeds the reducible error"
)


@dataclass(frozen=True)
class Slopes:
    """Δβ of J pairs under one specification; limits, p-value nan and verdict None if there is no interval."""

    estimand: list[Estimand]
    value: Floats
    low: Floats
    high: Floats
    p_value: Floats
    verdict: list[Verdict | None]
    n: NDArray[np.int64]
    status: list[Remark]


@dataclass(frozen=True)
class Compared:
    """J targets and their baselines under one specification of a matrix; P points, B draws of the items.

    Attributes
    ----------
    x
        (P,) ln F, known at each point.
    total
        Number of points, including those of unknown ln F.
    value
        (P, K) ln E of every series; ``targets`` (J,) and ``baselines``, J lists, are columns of it.
    log_ratio, noise, draws
        (P, J) ln G, 1 / runs; (P, J, B) ln G under each resampling.
    clusters
        (J,) number of clusters of the items; nan for independent items.
    blocks
        (P,) the training run of each point.
    without
        (P, J, G) ln G without each training run, if budgets share some; else None.
    """

    x: Floats
    total: int
    value: Floats
    targets: NDArray[np.int64]
    baselines: list[NDArray[np.int64]]
    log_ratio: Floats
    noise: Floats
    draws: Floats
    clusters: Floats
    blocks: list[str]
    without: Floats | None

    @classmethod
    def of(
        cls,
        variant: ErrorVariant,
        log_flops: Floats,
        targets: NDArray[np.int64],
        baselines: list[NDArray[np.int64]],
        clusters: Floats,
    ) -> "Compared":
        """The pairs at the points of known compute."""
        counted = np.isfinite(log_flops)
        value, noise, draws = (part[counted] for part in (variant.value, variant.noise, variant.draws))
        without = None if variant.without is None else variant.without[counted]
        return cls(
            x=log_flops[counted],
            total=len(log_flops),
            value=value,
            targets=targets,
            baselines=baselines,
            log_ratio=value[:, targets] - mean_of(value, baselines),
            noise=(noise[:, targets] + mean_of(noise, baselines)) / 2,
            draws=draws[:, targets] - mean_of(draws, baselines),
            clusters=clusters,
            blocks=[block for block, is_so in zip(variant.blocks, counted, strict=True) if is_so],
            without=None if without is None else without[:, targets] - mean_of(without, baselines),
        )

    def without_draws(self) -> "Compared":
        """The same without the draws of the items, which take most of the memory."""
        return replace(self, draws=np.empty((*self.log_ratio.shape, 0)))

    def lines(
        self, value: Floats, draws: Floats, without: Floats | None, settings: Settings
    ) -> tuple[ItemLines, LineWithIntervals]:
        """Lines through ``value`` (P, J), with intervals for the population of the items if there are draws."""
        fitted = lines(self.x, value, self.noise, self.blocks, without=without)
        items = item_lines(self.x, value, draws, fitted, self.blocks, self.clusters)
        known = np.isfinite(items.between[2])
        if known.all():
            return items, with_intervals(fitted, settings.level, items)
        alone = of_these_items(fitted, self.x, value, self.blocks, settings)
        if not known.any():
            return items, alone
        full = with_intervals(fitted, settings.level, items)
        low, middle, high = (
            choose_interval(known, *both) for both in zip(full.ends, alone.ends, strict=True)
        )
        slope = choose_interval(known, full.slope, alone.slope)
        return items, replace(alone, slope=slope, ends=(low, middle, high))


def slopes_by_form(compared: Compared, settings: Settings, margin: float) -> Iterator[tuple[Form, Slopes]]:
    """Δβ of all pairs by ratio and difference; ``margin`` is the largest flat change per tenfold of compute."""
    pairs, log_ratio, level = range(len(compared.targets)), compared.log_ratio, settings.level
    items, fitted = compared.lines(log_ratio, compared.draws, compared.without, settings)
    of_items = np.isfinite(items.between[2])
    estimand = [Estimand.ITEM_POPULATION if known else Estimand.THESE_ITEMS for known in of_items]
    p = fitted.slope.p_value
    verdicts = [verdict_of_line(fitted, (j,), p, level, margin) for j in pairs]
    yield RATIO, _slopes(fitted, fitted.slope, verdicts, estimand, compared.total, [OK] * len(pairs))

    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.expm1(log_ratio)
        sides = np.sign(np.where(np.isfinite(gap), gap, 0))
        side = np.where((sides >= 0).all(axis=0), 1.0, np.where((sides <= 0).all(axis=0), -1.0, np.nan))
        steep = np.exp(log_ratio) / gap  # d ln |G − 1| / d ln G
        log_gap = log_or_nan(side * gap)
        draws = log_gap[..., None] + steep[..., None] * (compared.draws - log_ratio[..., None])
        without = None if compared.without is None else log_or_nan(side[:, None] * np.expm1(compared.without))
    items, fitted = compared.lines(log_gap, draws, without, settings)
    slope = _implied(fitted, items, side, level)
    p = slope.p_value
    directions = [direction((slope.low[j], slope.high[j]), [(side[j], side[j])]) for j in pairs]
    verdicts = [verdict_of_slope(slope, (j,), p, directions[j], False, level, margin) for j in pairs]
    changes = [SIGN_CHANGE if np.isnan(of_pair) else OK for of_pair in side]
    yield DIFFERENCE, _slopes(fitted, slope, verdicts, estimand, compared.total, changes)


def reducible_slopes(
    specifications: Sequence[Compared], estimands: Sequence[list[Estimand]], level: float
) -> Iterator[Slopes]:
    """Δβ of all pairs by the reducible form, under each specification; draws are not used."""
    for compared, estimand, (reducible, why) in zip(
        specifications, estimands, _reducible(specifications), strict=True
    ):
        gap = reducible[:, compared.targets] - mean_of(reducible, compared.baselines)
        fitted = with_intervals(lines(compared.x, gap, compared.noise, compared.blocks), level)
        reasons = [
            _first_remark(why[target], [why[b] for b in baseline])
            for target, baseline in zip(compared.targets, compared.baselines, strict=True)
        ]
        no_verdicts = [None] * len(reasons)
        slopes = _slopes(fitted, fitted.slope, no_verdicts, estimand, compared.total, reasons)
        blank = np.full(len(reasons), np.nan)
        status = [NO_INTERVAL if remark == OK else remark for remark in slopes.status]
        yield replace(slopes, low=blank, high=blank, p_value=blank, status=status)


def _slopes(
    fitted: LineWithIntervals,
    slope: Interval,
    verdicts: Sequence[Verdict | None],
    estimand: list[Estimand],
    total: int,
    reasons: Sequence[Remark],
) -> Slopes:
    """The slopes with remarks, first ``reasons``; ``total`` is the number of points including unused ones."""
    remarks = []
    for j, (n, reason) in enumerate(zip(fitted.line.n, reasons, strict=True)):
        remark = fitted.remark(j) if reason == OK else reason
        if remark == OK and slope.status is not None:
            remark = slope.status[j]
        if remark == OK and n != total:
            remark = Remark(Status.MISSING_POINTS, f"fitted on {int(n)} of {total} points")
        remarks.append(remark)
    limits = (slope.value, slope.low, slope.high, slope.p_value)
    return Slopes(estimand, *limits, list(verdicts), fitted.line.n.astype(np.int64), remarks)


def _implied(fitted: LineWithIntervals, items: ItemLines, side: Floats, level: float) -> Interval:
    """Δβ of G = 1 ± r·(F/F_ref)^κ at F_ref, ``± r·κ / (1 ± r)``, with the interval of its first-order expansion."""
    line = fitted.line
    r, kappa = side * np.exp(line.level), line.slope
    with np.errstate(invalid="ignore", divide="ignore"):
        value = r / (1 + r) * kappa
        by_level, by_slope = value / (1 + r), r / (1 + r)
        alone = fitted.of_expansion(value, by_level, by_slope, level)
        of_items = linear_combination(line, by_level, by_slope, level, items).moved_to(value)
        return choose_interval(np.isfinite(items.between[2]), of_items, alone)


def _reducible(specifications: Sequence[Compared]) -> list[tuple[Floats, list[Remark]]]:
    """ln (E − E∞) of every series under each specification, and a remark on its reliability; all estimated together."""
    found = [(np.full_like(each.value, np.nan), [TOO_FEW] * each.value.shape[1]) for each in specifications]
    fitted = [
        i for i, each in enumerate(specifications) if len(np.unique(each.x)) > len(irreducible.LAW.names)
    ]
    if not fitted:
        return found
    points = max(len(specifications[i].x) for i in fitted)
    columns = np.cumsum([0, *(specifications[i].value.shape[1] for i in fitted)])
    x, value = np.full((2, points, columns[-1]), np.nan)
    places = [slice(*ends) for ends in pairwise(columns)]
    for i, place in zip(fitted, places, strict=True):
        each = specifications[i]
        x[: len(each.x), place] = (each.x - each.x.mean())[:, None]
        value[: len(each.x), place] = each.value
    reducible, why = _above_floor(x, value)
    for i, place in zip(fitted, places, strict=True):
        found[i] = reducible[: len(specifications[i].x), place], why[place]
    return found


def _above_floor(x: Floats, value: Floats) -> tuple[Floats, list[Remark]]:
    """ln (E − E∞) of columns of ln F and ln E (P, K), nan if it cannot be estimated, and a remark on each."""
    used = np.isfinite(value)
    estimates = estimate(irreducible.LAW, np.exp(x)[None], np.exp(value), weights=used.astype(float))
    floor = irreducible.LAW.names.index("irreducible")
    reducible = np.exp(value) - estimates.theta[floor]
    uncertain = estimates.stderr[floor] > np.where(used, reducible, np.inf).min(axis=0)
    below = (used & ~(reducible > 0)).any(axis=0)
    lost = ~estimates.converged | below | (estimates.df < 1)
    reasons = []
    for j, status in enumerate(estimates.status):
        if estimates.df[j] < 1:
            reasons.append(TOO_FEW)
        elif below[j] and estimates.converged[j]:
            reasons.append(NOT_ABOVE_FLOOR)
        elif uncertain[j]:
            reasons.append(UNCERTAIN_FLOOR)
        else:
            reasons.append(status.under("irreducible error"))
    return np.where(lost, np.nan, log_or_nan(reducible)), reasons


def _first_remark(target: Remark, baselines: Sequence[Remark]) -> Remark:
    """The target's remark, or if it is ok the first of its baselines', marked as such."""
    remarks = [target, *(remark.under("baseline") for remark in baselines)]
    return next((remark for remark in remarks if remark != OK), OK)
