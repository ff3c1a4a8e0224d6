"""Loss-to-loss forecasts: one group's error as a function of another's, which is forecast by its own law.

    linear          E_t = a + k · E_b
    shifted power   E_t = e_t + K · (E_b − e_b)^κ,    e_t, K ≥ 0
    common factor   ln y = a + b · s + r,             s = mean ln E of the groups, y an error or a ratio

b is the baseline of a ratio, or for an error the geometric mean of all groups of its suite. e_b is a share of the
smallest observed E_b, κ is on a grid. r is the residual of the line at the end of the data.

Brandfonbrener et al., *Loss-to-Loss Prediction*, arXiv 2411.12925, equation 3; Mayilvahanan et al., arXiv 2502.12120.
"""

import numpy as np

from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.spread import known_mean
from relscale.laws.profile import fit_positive

SMALLEST_LINEAR, SMALLEST_POWER, SMALLEST_COMMON = 3, 5, 4
END = 0.25  # ranges of the data over which the weight of a last residual falls by e

SHIFTS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
POWERS = np.geomspace(0.25, 4, 25)
GRID = np.stack([grid.ravel() for grid in np.meshgrid(SHIFTS, POWERS)])
LEAST = 1e-3  # E_b − e_b, in units of the smallest E_b: a forecast below e_b is moved just above it


def linear(log_error: Floats, partner: Floats, partner_at: Floats) -> Floats:
    """(Q, J) from ln E_t and ln E_b (P, J) and the forecast of ln E_b (Q, J); nan with fewer than three points."""
    used = np.isfinite(log_error) & np.isfinite(partner)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        w = np.where(used, np.exp(-2 * np.where(used, log_error - known_mean(log_error, used), 0)), 0)
        x, y = np.where(used, np.exp(partner), 0), np.where(used, np.exp(log_error), 0)
        total = w.sum(axis=0)
        x_mean, y_mean = (w * x).sum(axis=0) / total, (w * y).sum(axis=0) / total
        slope = (w * (x - x_mean) * y).sum(axis=0) / (w * (x - x_mean) ** 2).sum(axis=0)
        predicted = np.log(y_mean + slope * (np.exp(partner_at) - x_mean))
    return np.where(np.isfinite(predicted) & (used.sum(axis=0) >= SMALLEST_LINEAR), predicted, np.nan)


def shifted_power(log_error: Floats, partner: Floats, partner_at: Floats) -> Floats:
    """(Q, J), like ``linear``; nan with fewer than five points."""
    result = np.full(partner_at.shape, np.nan)
    used = np.isfinite(log_error) & np.isfinite(partner)
    filled = np.nan_to_num(np.concatenate([partner, partner_at]))
    for _, columns in equal_columns(filled):
        of_partner = partner[:, columns[0]]
        known = np.isfinite(of_partner)
        if known.sum() < SMALLEST_POWER:
            continue
        least = of_partner[known].min()
        fitted = fit_positive(_power, GRID, (of_partner[known] - least)[None], log_error[known][:, columns])
        result[:, columns] = fitted.log_value((partner_at[:, columns[0]] - least)[None])
    return np.where(used.sum(axis=0) >= SMALLEST_POWER, result, np.nan)


def common_factor(value: Floats, common: Floats, common_at: Floats, log_flops: Floats) -> Floats:
    """(Q, J) from ln E or ln G (P, J), the factor s there (P, J) and its forecast (Q, J); nan with fewer than four
    points."""
    used = np.isfinite(value) & np.isfinite(common)
    with np.errstate(invalid="ignore", divide="ignore"):
        s, y = np.where(used, common, 0), np.where(used, value, 0)
        count = used.sum(axis=0)
        s_mean, y_mean = s.sum(axis=0) / count, y.sum(axis=0) / count
        z = np.where(used, common - s_mean, 0)
        slope = (z * y).sum(axis=0) / (z * z).sum(axis=0)
        residual = np.where(used, value - y_mean - slope * z, 0)
        recent = np.exp((log_flops - log_flops.max()) / (END * max(np.ptp(log_flops), 1e-9)))
        weight = np.where(used, recent[:, None], 0)
        end = (weight * residual).sum(axis=0) / weight.sum(axis=0)
        predicted = y_mean + slope * (common_at - s_mean) + end
    return np.where(np.isfinite(predicted) & (count >= SMALLEST_COMMON), predicted, np.nan)


def _power(g: Floats, x: Floats) -> Floats:
    shift, kappa = g
    power = np.maximum(np.exp(x[0]) - shift, LEAST) ** kappa
    return np.stack([np.ones_like(power), power])
