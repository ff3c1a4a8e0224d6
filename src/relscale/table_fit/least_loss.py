"""The compute-optimal loss at any compute: a power law with a floor, through the losses of the optima.

    L*(F) = E + (L_ref − E) · (F / F_ref)^(−β)

A straight line in logarithms has no floor: on the law of Hoffmann et al., a line through budgets up to 1e22 is below
the irreducible loss at 1e24. Limits are t limits of ln L* with n − 3 degrees of freedom, by the delta method; if
budgets share training runs, with the jackknife variance over training runs. They reflect only the scatter of the
optima, not the parabolas' own errors.

    V = ∇ᵀ C ∇ / L*²,    or    V = (G − 1) / G · Σ_g (ln L*_(g) − ln L*)²
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from relscale.confidence import t_quantile
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.inference.interval import FEWEST_BLOCKS
from relscale.fitting.status import OK
from relscale.laws.irreducible import LAW


@dataclass(frozen=True)
class LeastLoss:
    """The law through the optima's losses.

    Attributes
    ----------
    log_flops, log_loss
        (P,) of the optima; nan for a budget without one.
    without
        (P, G) ln loss without each of G shared training runs; None if budgets share none.
    """

    log_flops: Floats
    log_loss: Floats
    without: Floats | None = None

    @classmethod
    def of(cls, curves: Curves) -> "LeastLoss":
        """The law of the curve of a validation loss."""
        return cls(
            curves.log_flops, curves.value[:, 0], None if curves.without is None else curves.without[:, 0]
        )

    def at(self, flops: float, level: float) -> tuple[float, float, float] | None:
        """L* and its limits, nan if budgets share too few training runs; None if the optima do not determine a floor.

        That is the case if the fit is not ok: fewer than four optima, a floor of 0, or a parameter on a bound.

        Examples
        --------
        >>> x = np.log([1e18, 1e19, 1e20, 1e21])
        >>> losses = LeastLoss(x, np.log(2 + 3 * np.exp(-0.2 * (x - x[0]))))
        >>> f"{losses.at(1e23, 0.95)[0]:.3f}"
        '2.300'
        """
        if self._law.status[0] != OK:
            return None
        x = np.log(flops) - self._reference
        value = float(self._value(self._law, x)[0])
        if self.without is None:
            theta, df = self._law.theta[:, 0], float(self._law.df[0])
            gradient = LAW.jacobian(theta, np.exp([[x]]))[:, 0] / value
            variance = float(gradient @ self._law.covariance[..., 0] @ gradient)
        else:
            trainings = self.without.shape[1]
            df = trainings - 1.0 if trainings >= FEWEST_BLOCKS else np.nan
            changes = np.log(self._value(self._law_without, x)) - np.log(value)
            variance = (trainings - 1) / trainings * float((changes**2).sum())
        half = float(t_quantile(df, level)) * np.sqrt(variance)
        return value, value * float(np.exp(-half)), value * float(np.exp(half))

    @property
    def _reference(self) -> float:
        return float(self.log_flops[np.isfinite(self.log_loss)].mean())

    @cached_property
    def _law(self) -> Estimates:
        return self._fitted(self.log_loss)

    @cached_property
    def _law_without(self) -> Estimates:
        assert self.without is not None
        return self._fitted(np.where(np.isfinite(self.log_loss)[:, None], self.without, np.nan))

    def _fitted(self, log_loss: Floats) -> Estimates:
        return estimate(LAW, np.exp([self.log_flops - self._reference]), np.exp(log_loss))

    @staticmethod
    def _value(law: Estimates, x: float) -> Floats:
        values: Floats = LAW.value(law.theta, np.exp([[[x]]]))[0]
        return values
