"""Coverage of the exponent of compute-optimal tokens, also for optima that by chance scatter little."""

from dataclasses import replace

import numpy as np
from generators.optima import DESIGNS, EXPONENT, sample
from trials.outcome import Floats, Outcome, covered

from relscale.fitting.curves.curves import PointVariance
from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines

LITTLE = 0.5  # of the standard error that the parabolas state


def _shared_out(parts: Floats, df: Floats) -> Floats:
    """Degrees of freedom (P, M) that add up to Satterthwaite's of the sum of ``parts`` (P, M)."""
    satterthwaite = parts.sum(axis=0) ** 2 / (parts**2 / df).sum(axis=0)
    return np.broadcast_to(satterthwaite / len(parts), parts.shape)


def of_optima(size: int, level: float, seed: int) -> list[Outcome]:
    """The interval of ``fit``, that of the scatter alone, and with Satterthwaite's degrees of freedom."""
    result = []
    for number, design in enumerate(DESIGNS):
        value, stated = sample(design, size, np.random.default_rng([seed, 75, number]))
        line = lines(design.log_flops, value, point_variance=stated)
        scatter = interval.slope(lines(design.log_flops, value), level)
        own, _ = line.point_variance_of(0.0, 1.0)
        little = scatter.stderr < LITTLE * np.sqrt(own)
        assert line.z is not None
        parts = (line.z / line.sxx) ** 2 * stated.variance
        fewer = replace(line, point_variance=PointVariance(stated.variance, _shared_out(parts, stated.df)))
        for name, default, found in (
            ("scatter, or its mean with the parabolas", True, interval.slope(line, level)),
            ("the same with Satterthwaite's degrees of freedom", False, interval.slope(fewer, level)),
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
