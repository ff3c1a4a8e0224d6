"""Coverage of the ensemble's prediction interval at ten times the compute, for errors and for ratios."""

import numpy as np
from generators.futures import AHEAD, FLOPS, WORLDS
from trials.curves import curves_of
from trials.outcome import Floats, Outcome, covered

from relscale.fitting.core_options import ForecastTarget
from relscale.fitting.curves.curves import ERROR, RATIO
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import forecast_rows
from relscale.fitting.settings import Settings

CHUNK = 100  # data sets at a time


def of_world(name: str, size: int, level: float, seed: int) -> list[Outcome]:
    """Coverage in one world, with one curve per data set: weights and widths come from its own origins only."""
    rng = np.random.default_rng([seed, 74, list(WORLDS).index(name)])
    target, baseline = WORLDS[name](size, rng)
    result = []
    for quantity, partner in ((ERROR, None), (RATIO, baseline)):
        parts = [
            _interval(target[:, chunk], None if partner is None else partner[:, chunk], level)
            for chunk in (slice(first, first + CHUNK) for first in range(0, size, CHUNK))
        ]
        low, high, truth = np.concatenate(parts, axis=1)
        result.append(
            Outcome(
                generator=name,
                design=f"{len(FLOPS)} budgets over 3 decades",
                quantity=f"{quantity} at ten times the compute",
                interval="prediction interval of the ensemble",
                default=True,
                level=level,
                hit=covered(low, high, truth),
            )
        )
    return result


def _interval(target: Floats, baseline: Floats | None, level: float) -> Floats:
    """Lower limit, upper limit and observed value, (3, M)."""
    value = target if baseline is None else target - baseline
    curves = curves_of(FLOPS, value[:-1], ERROR if baseline is None else RATIO, target=target[:-1])
    rows, _ = forecast_rows(curves, Settings(level=level, forecast=(ForecastTarget(training_flops=AHEAD),)))
    found = [(row.low, row.high) for row in rows if row.candidate == ENSEMBLE]
    return np.stack([*np.array(found, dtype=float).T, np.exp(value[-1])])
