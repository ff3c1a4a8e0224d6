"""Compute-optimal tokens ``∝ F^0.5``, each budget's optimum read off a parabola through noisy losses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import PointVariance
from relscale.fitting.curves.frontier import minimum_spread
from relscale.laws import parabola

EXPONENT = 0.5
CURVATURE = 0.1  # nats per squared ln tokens
NOISE = 0.005  # nats
DECADES = 1.75


@dataclass(frozen=True)
class Design:
    """Numbers of runs per budget, and the noise of their losses in units of ``NOISE``.

    ``between`` is the variance between budgets that no parabola knows of, over the mean variance of an optimum.
    """

    name: str
    runs: tuple[int, ...]
    noise: tuple[float, ...]
    between: float = 0.0

    @property
    def log_flops(self) -> NDArray[np.float64]:
        """(P,) ln FLOPs of the budgets."""
        return np.asarray(np.log(10) * np.linspace(18, 18 + DECADES, len(self.runs)))


DESIGNS = (
    Design("4 budgets of 20 runs", (20,) * 4, (1,) * 4),
    Design("4 budgets of 20 runs that differ by as much again", (20,) * 4, (1,) * 4, between=1),
    Design("4 budgets of 20 runs that differ by four times as much", (20,) * 4, (1,) * 4, between=4),
    Design("4 budgets of 4 runs", (4,) * 4, (1,) * 4),
    Design("5 budgets of 5 runs", (5,) * 5, (1,) * 5),
    Design("5 budgets of 5 runs that differ by as much again", (5,) * 5, (1,) * 5, between=1),
    Design("5 budgets of 5 runs that differ by four times as much", (5,) * 5, (1,) * 5, between=4),
    Design("5 budgets of 5 runs, less noise at more compute", (5,) * 5, (3, 2, 1, 1, 0.5)),
    Design("7 budgets of 12 runs", (12,) * 7, (1,) * 7),
    Design("7 budgets of 12 runs that differ by as much again", (12,) * 7, (1,) * 7, between=1),
    Design("7 budgets of 12 runs that differ by four times as much", (12,) * 7, (1,) * 7, between=4),
    Design("7 budgets of 5 to 12 runs", (5, 8, 12, 12, 12, 8, 5), (1,) * 7),
    Design(
        "7 budgets of 5 to 12 runs, less noise at more compute",
        (5, 8, 12, 12, 12, 8, 5),
        (3, 2, 1, 1, 1, 0.5, 0.5),
    ),
)


def sample(design: Design, size: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], PointVariance]:
    """(P, size) ln of the optimal tokens, and their variance by the parabolas."""
    value, variance, true_variance = [], [], []
    for log_flops, runs, noise in zip(design.log_flops, design.runs, design.noise, strict=True):
        x = np.linspace(-1, 1, runs)
        loss = 3 + CURVATURE * x[:, None] ** 2 + rng.normal(0, NOISE * noise, (runs, size))
        c = parabola.coefficients(x, loss)
        scatter = ((loss - parabola.value(c, x[:, None])) ** 2).sum(axis=0) / (runs - 3)
        value.append(EXPONENT * log_flops + parabola.minimum(c)[0])
        variance.append(scatter * minimum_spread(x, c) ** 2)
        true_variance.append((NOISE * noise * minimum_spread(x, np.array([3, 0, CURVATURE]))) ** 2)
    df = np.array(design.runs, dtype=float)[:, None] - 3
    own = rng.normal(0, np.sqrt(design.between * np.mean(true_variance)), (len(df), size))
    return np.array(value) + own, PointVariance(np.array(variance), np.broadcast_to(df, (len(df), size)))
