"""What a law of the config is fitted to, and how: points, weights and estimator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw, LawBootstrap
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import Estimator
from relscale.fitting.estimation.law_points import Points
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.settings import Settings
from relscale.laws.law import Array, Law

ENOUGH = 2000  # points at which Huber's sandwich is accurate
STARTS = 3  # starting points if there are many points, because all then lead to the same minimum
PROJECTION = "variable-projection"


@dataclass(frozen=True)
class Problem:
    """What is fitted, and how.

    Attributes
    ----------
    x
        (p, n) predictors of the law.
    reference
        The compute by which they are divided, or nan.
    weights
        (n,) weights of the points.
    """

    law: Law
    entry: FurtherLaw
    data: Points
    settings: Settings
    values: Mapping[str, object]
    x: Array
    reference: float
    weights: Array
    fit: Estimator

    @classmethod
    def of(
        cls, law: Law, entry: FurtherLaw, data: Points, settings: Settings, values: Mapping[str, object]
    ) -> Self:
        """The problem of an entry of the config."""
        reference = float(np.exp(np.log(data.x[0]).mean())) if law.reference else np.nan
        x = data.x / reference if law.reference else data.x
        fit, weights = estimator_of(law, x, entry), _weights(data, entry)
        return cls(law, entry, data, settings, values, x, reference, weights, fit)

    def estimates(self) -> Estimates:
        """The law's parameters at all points."""
        starts = None if self.is_small else self.law.starting_points(self.x, self.data.y)[:STARTS]
        return self.fit(self.data.y, self.weights, starts)

    @property
    def log_residual(self) -> bool:
        """Whether residuals are those of the logarithm."""
        return self.entry.residual == "log"

    @property
    def least_squares(self) -> bool:
        """Whether the loss is the sum of squares, not Huber's."""
        return self.entry.loss == "squares"

    @property
    def options(self) -> LawBootstrap:
        """The entry's bootstrap."""
        return self.entry.bootstrap or LawBootstrap()

    @property
    def is_small(self) -> bool:
        """Whether there are few enough points for every start, and too few for Huber's sandwich."""
        return len(self.data.y) <= ENOUGH

    @property
    def is_requested(self) -> bool:
        """Whether the config requests draws of this law."""
        return bool(self.options.scheme or self.options.limits)

    @property
    def shared(self) -> bool:
        """Whether points share training runs."""
        return len(set(self.data.trainings)) < len(self.data.y)

    @property
    def by_t(self) -> bool:
        """Whether intervals are t intervals rather than percentiles of the draws."""
        needs_draws = self.is_requested or self.shared or (self.is_small and not self.least_squares)
        return not (self.settings.bootstrap and needs_draws)


def estimator_of(law: Law, x: Array, entry: FurtherLaw) -> Estimator:
    """The estimator that the entry requests."""
    loss, residual = entry.loss, entry.residual
    if entry.method == PROJECTION:
        if (loss, residual) != ("squares", "linear"):
            raise RelscaleError(
                f"fit.laws.{entry.name}: {PROJECTION} is for residual: linear and loss: squares"
            )
        return lambda y, weights, starts, tolerance=ORTHOGONAL: project(
            law, x, y, weights=weights, starts=starts, fixed=entry.fixed, tolerance=tolerance
        )
    delta = entry.delta
    return lambda y, weights, starts, tolerance=ORTHOGONAL: estimate(
        law,
        x,
        y,
        weights=weights,
        loss=loss,
        delta=delta,
        residual=residual,
        starts=starts,
        fixed=entry.fixed,
        tolerance=tolerance,
    )


def _weights(data: Points, entry: FurtherLaw) -> Array:
    """Weights (n,) of the points: 1, or 1 / stderr²."""
    if entry.weights == "none":
        return np.ones(len(data.y))
    if data.anchors:
        raise RelscaleError(
            f"fit.laws.{entry.name}: an anchor has no standard error for its weight; remove weights or anchor"
        )
    if not (data.stderr > 0).all():
        raise RelscaleError(f"fit.laws.{entry.name}: weights: stderr needs the standard error of every point")
    return np.asarray((data.y if entry.residual == "log" else 1.0) / data.stderr) ** 2
