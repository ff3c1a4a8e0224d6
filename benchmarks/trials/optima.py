"""Coverage of the exponent of compute-optimal tokens, also where optima by chance scatter little around their line."""

import numpy as np
from generators.optima import DESIGNS, EXPONENT, sample
from trials.outcome import Outcome, covered

from relscale.fitting.inference import interval
from relscale.fitting.inference.interval import Interval
from relscale.fitting.inference.log_log_lines import lines

LITTLE = 0.5  # of the standard error that the parabolas state


def of_optima(size: int, level: float, seed: int) -> list[Outcome]:
    """As ``fit`` reports it, by the scatter of the optima alone, and with Satterthwaite's degrees of freedom."""
    result = []
    for number, design in enumerate(DESIGNS):
        value, stated = sample(design, size, np.random.default_rng([seed, 75, number]))
        line = lines(design.log_flops, value, point_variance=stated)
        scatter = interval.slope(lines(design.log_flops, value), level)
        own, _ = line.point_variance_of(0.0, 1.0)
        little = scatter.stderr < LITTLE * np.sqrt(own)
        parts = (line.z / line.sxx) ** 2 * stated.variance
        df = np.where(own > scatter.stderr**2, own**2 / (parts**2 / stated.df).sum(axis=0), scatter.df)
        stderr = np.maximum(scatter.stderr, np.sqrt(own))
        half = interval.quantile((1 + level) / 2, df) * stderr
        satterthwaite = Interval(
            scatter.value, stderr, scatter.value - half, scatter.value + half, df, np.ones_like(df)
        )
        for name, default, found in (
            ("the larger of scatter and parabolas", True, interval.slope(line, level)),
            ("the same with Satterthwaite's degrees of freedom", False, satterthwaite),
            ("scatter of the optima alone", False, scatter),
        ):
            hit = covered(found.low, found.high, EXPONENT)
            for quantity, these in (
                ("exponent", hit),
                ("where scatter is little", np.where(little, hit, np.nan)),
            ):
                result.append(
                    Outcome("optima read off parabolas", design.name, quantity, name, default, level, these)
                )
    return result
