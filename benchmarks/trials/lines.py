"""Coverage of laws that are lines in logs, and of analyses of them, by the rows of ``fit``.

A column of the curves is a data set, so one call of the functions that make the rows analyses a thousand experiments.
"""

import numpy as np
from generators import gaps, trajectories
from trials.curves import curves_of
from trials.outcome import Outcome, covered

from relscale.fitting.analyses import crossing, partial_pooling
from relscale.fitting.analyses.partial_pooling import MEAN
from relscale.fitting.curves.curves import ERROR, RATIO
from relscale.fitting.inference import interval
from relscale.fitting.inference.law_rows import law_rows
from relscale.fitting.inference.log_log_lines import curve_lines, lines
from relscale.fitting.inference.method import Method, described
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.laws import power, relative

DRAWS = 199
TRAININGS = (5, 10, 22)
LADDER = "7 budgets over 2 decades"


def of_shared_trainings(size: int, level: float, seed: int) -> list[Outcome]:
    """β of checkpoints of 5, 10 and 22 trainings: the interval of ``fit``, the jackknife, and as if independent."""
    result = []
    for number in TRAININGS:
        flops = trajectories.computes(number)
        y = trajectories.sample(number, size, np.random.default_rng([seed, 71, number]))
        curves = curves_of(flops, y, ERROR, blocks=trajectories.blocks(number))
        rows = [
            row
            for row in law_rows(power.LINE, curves, Settings(level=level, bootstrap=DRAWS, seed=seed))
            if row.parameter == power.LINE.slope
        ]
        low, high = np.array([(row.low, row.high) for row in rows], dtype=float).T
        slope = interval.slope(curve_lines(curves), level)
        naive = interval.slope(lines(curves.log_flops, y), level)
        method = rows[0].method
        kind = ", symmetric studentised" if method == Method.BLOCK_BOOTSTRAP else ""
        found = [(f"{described(method)}{kind}", True, low, high)]
        if method != Method.JACKKNIFE:
            found.append((described(Method.JACKKNIFE), False, -slope.high, -slope.low))
        found.append(("t, as if points were independent", False, -naive.high, -naive.low))
        result += [
            Outcome(
                generator="checkpoints of shared trainings",
                design=f"{number} trainings of {trajectories.CHECKPOINTS} checkpoints",
                quantity="β",
                interval=name,
                default=default,
                level=level,
                hit=covered(low, high, trajectories.BETA),
            )
            for name, default, low, high in found
        ]
    return result


def of_crossings(size: int, level: float, seed: int) -> list[Outcome]:
    """The compute where a gap is 0, inside the data and beyond, for clear and unclear slopes."""
    result = []
    for number, (delta_beta, at, sd) in enumerate(
        [(0.03, 1e19, 0.01), (0.03, 1e19, 0.06), (0.03, 1e21, 0.01)]
    ):
        y = gaps.crossing(delta_beta, at, sd, size, np.random.default_rng([seed, 72, number]))
        rows = crossing.rows(
            curves_of(gaps.BUDGETS, y, RATIO), Settings.model_validate({"level": level, "reach": 1e6})
        )
        low, high = np.array([limits(row) for row in rows], dtype=float).T
        result.append(
            Outcome(
                generator=f"ln G straight, Δβ {delta_beta:g}, noise {sd:g}, G = 1 at {at:g} FLOPs",
                design=LADDER,
                quantity="compute where G = 1",
                interval="Fieller set of the t interval",
                default=True,
                level=level,
                hit=covered(low, high, at),
            )
        )
    return result


def of_pooling(size: int, level: float, seed: int) -> list[Outcome]:
    """Δβ of a group among 57 that are pooled, a different one per data set; and the mean of all."""
    groups = 57
    result = []
    for spread in (0.0, 0.005, 0.02):
        rng = np.random.default_rng([seed, 77, round(1000 * spread)])
        y, truth = gaps.groups(groups, spread, 0.02, 0.01, size, rng)
        of_group, of_mean, alone = [], [], []
        settings = Settings.model_validate({"level": level, "pooling": ("0",)})
        for m in range(size):
            curves = curves_of(gaps.BUDGETS, y[..., m], RATIO, groups=groups)
            rows = partial_pooling.rows(curves, settings)
            pooled = [(row.low, row.high) for row in rows if row.parameter == relative.LINE.slope]
            of_group.append(pooled[m % groups])
            of_mean += [(row.low, row.high) for row in rows if row.parameter == MEAN]
            plain = interval.slope(curve_lines(curves), level)
            alone.append((plain.low[m % groups], plain.high[m % groups]))
        true = truth[np.arange(size) % groups, np.arange(size)]
        widths = [np.median(np.diff(np.array(found), axis=1)) for found in (of_group, alone)]
        for quantity, found, value in (
            ("Δβ of a group", of_group, true),
            ("mean of all groups", of_mean, np.full(size, gaps.MEAN)),
        ):
            low, high = np.array(found, dtype=float).T
            result.append(
                Outcome(
                    generator=f"57 groups, standard deviation of Δβ {spread:g}",
                    design=f"{LADDER}, one baseline",
                    quantity=quantity,
                    interval=f"partial pooling, {widths[0] / widths[1]:.2f} times as wide as alone",
                    default=True,
                    level=level,
                    hit=covered(low, high, value),
                )
            )
    return result


def limits(row: ParameterRow) -> tuple[float, float]:
    """Limits of one crossing: 0 or infinity if the set has no limit within reach, nan if it has no value."""
    if row.value is None:
        return np.nan, np.nan
    return (0.0 if row.low is None else row.low), (np.inf if row.high is None else row.high)


def of_lines(size: int, level: float, seed: int) -> list[Outcome]:
    """Both parameters of the relative law along a ladder of independent points."""
    y = gaps.crossing(0.03, 1e18, 0.01, size, np.random.default_rng([seed, 73]))
    rows = law_rows(relative.LINE, curves_of(gaps.BUDGETS, y, RATIO), Settings(level=level))
    truth = {relative.LINE.slope: 0.03, relative.LINE.level: np.exp(0.03 * (gaps.X.mean() - np.log(1e18)))}
    result = []
    for name, value in truth.items():
        low, high = np.array([(row.low, row.high) for row in rows if row.parameter == name], dtype=float).T
        result.append(
            Outcome(
                generator="relative law, noise of the logarithm",
                design=LADDER,
                quantity=name,
                interval=described(Method.LINE),
                default=True,
                level=level,
                hit=covered(low, high, value),
            )
        )
    return result
