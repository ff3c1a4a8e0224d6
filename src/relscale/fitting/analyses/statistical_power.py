"""Statistical power, by simulation: how many budgets, runs or items are needed to detect a Δβ of a given size.

Experiments with the present design are simulated and analysed in the same way; power is the share of them whose
interval excludes 0 on the side of the true Δβ. The noise is estimated by the fit: residual variance s² around the line.

s² is itself an estimate, of two or three degrees of freedom ν on a small grid. Its interval at the confidence level is
``ν s² / χ²``, with χ² the quantiles of ν degrees of freedom (of ν = 3 from 0.6 to 3.7 times s); the limits of the power
are the powers under the noise's upper and lower limit.

======== ================================== =========================================================================
resource count                              simulation
======== ================================== =========================================================================
budgets  number of budgets                  budgets spaced evenly in ln F over the same range, same scatter s²;
                                            t interval for these items
runs     times the current number of runs   the same budgets; s² comes from single runs and falls as 1 / count, which is
                                            the best case: noise of a whole budget is not reduced by more runs of it;
                                            t interval for these items
items    times the current number of items  the same runs; interval for the population that the items come from
======== ================================== =========================================================================

For items the variances are those of ``relscale.fitting.inference.interval``: with J items at the m-fold number,

    Var(slope) = σ_b²/(Jm) + (σ_r² + σ_e²/(Jm))·q,    σ_e²/J = V_int/q,   σ_b²/J = V_item − V_int,   σ_r² = s² − σ_e²/J

each at least 0. Items need replicates. If points share training runs, as checkpoints do, "runs" are training runs: each
is an independent draw of the slope, with the variance of the jackknife over whole training runs.

A line through y + d·x has the slope of y plus d and the residuals of y, and σ times the noise gives σ times the slope
and interval. So one set of experiments with unit noise and no slope is used for all curves and sizes: with slope e and
half-width h, an experiment detects Δβ if ``|Δβ| / σ > h − e``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field

from relscale.experiments.section import Positive, Section
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.interval import ItemLines
from relscale.fitting.inference.log_log_lines import EXACT, SMALLEST, Lines, curve_lines, lines
from relscale.fitting.inference.spread import spread
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.storage.rows import column, fields_of

ENOUGH = 0.8  # power at which a count is enough
EXPERIMENTS = 2000
MANY = 4096  # from this number on, mean and standard deviation are drawn instead of the numbers
AT_ONCE = 1024  # points of all experiments in memory at a time

BUDGETS = (*range(SMALLEST, 21), 24, 32, 48, 64, 96, 128)
TIMES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
TIMES_ITEMS = (0.25, 0.5, *TIMES)

IF_RUNS = Remark(Status.ASSUMPTION, "assuming that all scatter is noise of individual runs")
IF_TRAININGS = Remark(Status.ASSUMPTION, "assuming that training runs are independent draws of the slope")
NO_BUDGETS = Remark(Status.NOT_APPLICABLE, "checkpoints of one training run are not separate budgets")
NO_ITEMS = Remark(Status.NOT_APPLICABLE, "unknown if points share training runs")
NO_REPLICATES = Remark(Status.NO_REPLICATES)

TAGS = {"budgets": 301, "runs": 302, "items": 303, "trainings": 304}  # streams of random numbers


Resource = Literal["budgets", "runs", "items"]


class Options(Section):
    """Options of the power analysis."""

    power: tuple[Positive, ...] = Field(
        default=(0.01,),
        description="Values of Δβ whose power is computed, by the number of budgets, runs and items.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow(CurveKey):
    """One row per curve, Δβ, resource and amount of it: the power to detect that Δβ."""

    delta_beta: float = column("The true Δβ.")
    resource: Resource = column("The resource that is varied.")
    count: float | None = column(
        "Number of budgets; for runs and items, a multiple of the current number.", default=None
    )
    power: float | None = column(
        "Share of simulated experiments in which the interval of Δβ excludes 0.", default=None
    )
    power_low: float | None = column("Power at the upper confidence limit of the noise.", default=None)
    power_high: float | None = column("Power at the lower confidence limit of the noise.", default=None)
    stderr: float | None = column(
        "Monte Carlo standard error of the power, with two simulations of each outcome added (Agresti & Coull, "
        "American Statistician 52, 1998).",
        default=None,
    )
    level: float = column("Confidence level of the intervals of Δβ and of the noise.")
    enough: bool | None = column("Whether the power is 80% or more.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


TABLE, ROW = "power", PowerRow


def rows(curves: Curves, settings: Settings) -> Iterator[PowerRow]:
    """A row for each ratio, Δβ, resource and count of it; none for errors.

    The smallest count with ``enough`` is the one needed; if there is none, more than the largest is needed.
    """
    if curves.quantity != RATIO or not curves.keys or not curves.points:
        return
    sizes, estimate = np.array(settings.of(Options).power), curve_lines(curves)
    of_resources = _of_runs if estimate.blocks is None else _of_trainings
    answers = of_resources(curves, estimate, sizes, settings)
    for j, key in enumerate(curves.keys):
        for s, size in enumerate(sizes):
            for resource, (counts, power, remark) in answers.items():
                common = {
                    **fields_of(key),
                    "delta_beta": size,
                    "resource": resource,
                    "level": settings.level,
                }
                if power is None or np.isnan(power[:, j]).all():
                    unknown = remark if power is None else _unknown(estimate, j, resource)
                    yield PowerRow(**common, **fields_of(unknown))
                    continue
                for count, (share, low, high) in zip(counts, power[:, j, s].T, strict=True):
                    yield PowerRow(
                        **common,
                        count=float(count),
                        power=share,
                        power_low=low,
                        power_high=high,
                        stderr=_stderr(share),
                        enough=bool(share >= ENOUGH),
                        **fields_of(remark),
                    )


# Results for a resource: counts, power (3, J, sizes, counts) under the noises of ``_noise_factors`` or None if it
# cannot be computed, and a remark.
Answers = dict[Resource, tuple[tuple[float, ...], Floats | None, Remark]]


def _noise_factors(df: Floats, level: float) -> Floats:
    """(3, J) factors of a variance with ``df`` degrees of freedom: 1, and those of its upper and lower limit."""
    from scipy.special import chdtri

    known = np.where(df > 0, df, np.nan)
    return np.stack(
        [np.ones_like(known), *(known / chdtri(known, (1 + side * level) / 2) for side in (1, -1))]
    )


def _of_runs(curves: Curves, estimate: Lines, sizes: Floats, settings: Settings) -> Answers:
    of_scatter = estimate.variance * _noise_factors(estimate.df, settings.level)
    variances = np.where(estimate.exact, np.nan, of_scatter)
    items: tuple[tuple[float, ...], Floats | None, Remark] = (TIMES_ITEMS, None, NO_REPLICATES)
    if curves.replicates.shape[-1] > 1:
        items = (TIMES_ITEMS, _items(curves, estimate, of_scatter, sizes, settings), OK)
    return {
        "budgets": (BUDGETS, _budgets(estimate, variances, sizes, settings), OK),
        "runs": (TIMES, _runs(curves, estimate, variances, sizes, settings), IF_RUNS),
        "items": items,
    }


def _of_trainings(curves: Curves, estimate: Lines, sizes: Floats, settings: Settings) -> Answers:
    slope = interval.slope(estimate, settings.level)
    stderr = np.where(estimate.exact, np.nan, slope.stderr)
    sd_of_training = stderr * np.sqrt((slope.df + 1) * _noise_factors(slope.df, settings.level))  # (3, J)
    power = np.full((*sd_of_training.shape, len(sizes), len(TIMES)), np.nan)
    for trainings in np.unique(slope.df[np.isfinite(stderr)] + 1):
        has_count = slope.df + 1 == trainings
        size = np.abs(sizes) / sd_of_training[:, has_count, None]
        for c, times in enumerate(TIMES):
            total = round(trainings * times)
            rng = np.random.default_rng([settings.seed, TAGS["trainings"], total])
            mean, sd = _of_normals(total, rng)
            half = interval.quantile((1 + settings.level) / 2, np.array(total - 1.0))
            needed = half * sd / np.sqrt(total) - mean
            power[..., c][:, has_count] = _share(needed, size)
    return {
        "budgets": (BUDGETS, None, NO_BUDGETS),
        "runs": (TIMES, power, IF_TRAININGS),
        "items": (TIMES_ITEMS, None, NO_ITEMS),
    }


def _of_normals(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(experiments,) mean and standard deviation of ``count`` standard normal numbers; for a large count from their
    distributions.
    """
    if count <= MANY:
        draws = rng.standard_normal((count, EXPERIMENTS))
        return draws.mean(axis=0), draws.std(axis=0, ddof=1)
    variance = rng.chisquare(count - 1, EXPERIMENTS) / (count - 1)
    return rng.standard_normal(EXPERIMENTS) / np.sqrt(count), np.sqrt(variance)


def _budgets(estimate: Lines, variances: Floats, sizes: Floats, settings: Settings) -> Floats:
    """(3, J, sizes, counts)"""
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = (estimate.high - estimate.low) / np.sqrt(variances)
        size = np.abs(sizes) * reach[..., None]
    budgets = [_share(_detectable_by_budgets(n, settings.level, settings.seed), size) for n in BUDGETS]
    return np.stack(budgets, axis=-1)


@lru_cache(maxsize=64)  # the same for all curves, and for all tables that a process fits
def _detectable_by_budgets(count: int, level: float, seed: int) -> Floats:
    rng = np.random.default_rng([seed, TAGS["budgets"], count])
    return _detectable_effect(np.linspace(0, 1, count), np.ones(count), level, rng)


def _runs(curves: Curves, estimate: Lines, variances: Floats, sizes: Floats, settings: Settings) -> Floats:
    """(3, J, sizes, counts)"""
    scatter = np.sqrt(variances / _expected(estimate))  # of a point whose noise is 1
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs(sizes)[:, None] * np.sqrt(TIMES) / scatter[..., None, None]
    runs = np.full(size.shape, np.nan)
    noise = np.where(np.isfinite(curves.value), curves.noise, np.inf)
    for pattern, columns in equal_columns(noise):
        used = np.isfinite(pattern)
        if used.sum() >= SMALLEST:
            rng = np.random.default_rng([settings.seed, TAGS["runs"]])
            needed = _detectable_effect(curves.log_flops[used], pattern[used], settings.level, rng)
            runs[:, columns] = _share(needed, size[:, columns])
    return runs


def _items(curves: Curves, estimate: Lines, variances: Floats, sizes: Floats, settings: Settings) -> Floats:
    """(3, J, sizes, counts)"""
    x, times = curves.log_flops, np.array(TIMES_ITEMS)[:, None]
    of_items = interval.item_lines(x, curves.value, curves.replicates, estimate)
    q = estimate.run_leverage(0.0, 1.0)
    of_slopes = spread(of_items.slope) ** 2
    between = np.maximum(of_slopes - of_items.interaction * q, 0)
    scatters = ~estimate.exact | (of_slopes * estimate.sxx > EXACT**2)
    of_runs = np.maximum(variances - of_items.interaction, 0)
    expected = _expected(estimate)
    power = np.full((*variances.shape, len(sizes), len(TIMES_ITEMS)), np.nan)
    for j in np.flatnonzero(scatters & np.isfinite(between) & np.isfinite(of_runs).all(axis=0)):
        used = np.isfinite(curves.value[:, j])
        rng = np.random.default_rng([settings.seed, TAGS["items"]])
        interaction, slopes = of_items.interaction[j] / times, between[j] / times
        noise = np.broadcast_to(curves.noise[used, j, None], (int(used.sum()), EXPERIMENTS))
        unit = lines(x[used], np.sqrt(noise / expected[j]) * rng.standard_normal(noise.shape), noise)
        scatter = np.sqrt(of_runs[:, j, None, None] + interaction)  # (3, counts, 1)
        simulated = replace(
            unit,
            slope=unit.slope * scatter + np.sqrt(slopes) * rng.standard_normal(EXPERIMENTS),
            residuals=np.sqrt((unit.residuals**2).sum(axis=0))
            * scatter[None],  # only the sum of their squares matters
        )
        # There are many items and resamplings, so their variance is known: two draws with exactly this spread.
        half_distance = np.sqrt((slopes + interaction * q[j]) / 2) + np.zeros(EXPERIMENTS)
        resampled = ItemLines(
            level=np.zeros((*half_distance.shape, 2)),
            slope=simulated.slope[..., None] + np.stack([-half_distance, half_distance], axis=-1),
            interaction=interaction,
            clusters=None if curves.clusters is None else curves.clusters[j] * times,
        )
        needed = -interval.slope(simulated, settings.level, resampled).low  # (3, counts, experiments)
        power[:, j] = (np.abs(sizes)[:, None, None] > needed[:, None]).mean(axis=-1)
    return power


def _detectable_effect(x: Floats, noise: Floats, level: float, rng: np.random.Generator) -> Floats:
    """(experiments,) the smallest Δβ that each detects: half-width minus slope, from noise of these variances alone."""
    unit = lines(x, np.zeros((len(x), 1)), noise[:, None])
    z = x - unit.reference
    moments = np.zeros((3, EXPERIMENTS))  # Σ y, Σ z·y, Σ y²
    for chunk in np.array_split(np.arange(len(x)), -(-len(x) // AT_ONCE)):
        y = np.sqrt(noise[chunk, None]) * rng.standard_normal((len(chunk), EXPERIMENTS))
        moments += np.stack([y.sum(axis=0), z[chunk] @ y, (y * y).sum(axis=0)])
    slope = moments[1] / unit.sxx
    squares = moments[2] - moments[0] ** 2 / len(x) - slope**2 * unit.sxx
    simulated = replace(unit, slope=slope, residuals=np.sqrt(np.maximum(squares, 0))[None])
    return -interval.slope(simulated, level).low


def _share(needed: Floats, size: Floats) -> Floats:
    """Share of experiments that detect effects of ``size``; nan if unknown."""
    share = np.searchsorted(np.sort(needed), size, side="left") / len(needed)
    return np.where(np.isnan(size), np.nan, share)


def _expected(estimate: Lines) -> Floats:
    """Expected residual variance if the noise of point i has variance h_i."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance: Floats = estimate.noise[2] / estimate.sxx**2 / estimate.run_leverage(0.0, 1.0)
        return variance


def _stderr(share: float) -> float:
    smoothed = (share * EXPERIMENTS + 2) / (EXPERIMENTS + 4)
    return float(np.sqrt(smoothed * (1 - smoothed) / (EXPERIMENTS + 4)))


def _unknown(estimate: Lines, j: int, resource: Resource) -> Remark:
    if estimate.n[j] < SMALLEST:
        note = f"only {estimate.n[j]:.0f} points; estimating the noise needs {SMALLEST}"
        return Remark(Status.TOO_FEW_POINTS, note)
    if estimate.exact[j]:
        return Remark(Status.NO_SCATTER)
    return NO_REPLICATES if resource == "items" else Remark(Status.NO_SPREAD)
