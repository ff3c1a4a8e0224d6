"""Starting points of a weak break: one beyond the data, or near their end, shows as a deviation from a power law.

    y ≈ y_0 + Σ_j δ_j · ∂y_0/∂θ_j + c_1 · ∂y/∂c_1,    y_0 = a + b · x^(−c_0) with the best θ = (a, b, c_0)

for every position and width of the break, by least squares of the relative error. The deviation may be smaller than
the error of any grid of c_0, so θ is that of a search.
"""

import numpy as np

from relscale.laws.law import Array
from relscale.laws.profile import crossed

# Of the range of ln x.
POSITIONS = np.array([-0.15, -0.05, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 1.05, 1.15])
WIDTHS = np.array([0.01, 0.02, 0.04, 0.08, 0.16, 0.3])
STEEPEST = 5.0  # exponent of the power law
LARGEST_CHANGE = 9.0  # of the exponent at the break
MOST_LOG = 300.0  # of y, and of a power of x, whose ratio does not overflow
NONE = np.empty((4, 0))


@np.errstate(over="ignore", invalid="ignore")
def weak_breaks(log_x: Array, y: Array) -> Array:
    """c0, c1, ln d and f, (4, 2), of the best power law with a weak break, with c1 positive and negative.

    None, (4, 0), if numbers overflow.
    """
    log_y = np.log(y) - np.log(y).mean()  # the errors are relative
    if np.abs(log_y).max() > MOST_LOG:
        return NONE
    y = np.exp(log_y)
    low, spread, from_middle = log_x.min(), max(float(np.ptp(log_x)), 1e-9), log_x - log_x.mean()
    c0, a, b = _power_law(from_middle, y)
    shape = np.exp(-c0 * from_middle)
    position, width = crossed(low + POSITIONS * spread, WIDTHS * spread)
    bend = np.logaddexp(0.0, (log_x - position[:, None]) / width[:, None]) * width[:, None]
    derivatives = (
        np.stack(
            np.broadcast_arrays(np.ones_like(shape), shape, -b * shape * from_middle, -b * shape * bend),
            axis=-1,
        )
        / y[:, None]
    )
    if not np.isfinite(derivatives).all():
        return NONE
    size = np.maximum(np.linalg.norm(derivatives, axis=1, keepdims=True), 1e-300)
    left = 1 - (a + b * shape) / y
    scaled = np.linalg.pinv(derivatives / size, rcond=1e-12) @ left
    misfit = np.sum(((derivatives / size) @ scaled[..., None] - left[:, None]) ** 2, axis=(1, 2))
    change = scaled / size[:, 0]
    misfit = np.where(np.abs(change[:, 3]) <= LARGEST_CHANGE, misfit, np.inf)
    best = [int(np.where(sign * change[:, 3] >= 0, misfit, np.inf).argmin()) for sign in (1, -1)]
    c1 = np.clip(change[best, 3], -LARGEST_CHANGE, LARGEST_CHANGE)
    return np.stack([c0 + change[best, 2], c1, position[best], width[best]])


def _power_law(log_x: Array, y: Array) -> tuple[float, float, float]:
    """c0, a and b of y ≈ a + b · x^(−c0), by least squares of the relative error."""
    from scipy.optimize import minimize_scalar

    def linear(c0: float) -> tuple[Array, float]:
        columns = np.stack([1 / y, np.exp(-c0 * log_x) / y], axis=1)
        coefficients = np.linalg.lstsq(columns, np.ones_like(y), rcond=None)[0]
        return np.asarray(coefficients), float(np.sum((columns @ coefficients - 1) ** 2))

    steepest = min(STEEPEST, MOST_LOG / max(float(np.abs(log_x).max()), 1.0))
    searches = [
        minimize_scalar(lambda c0: linear(c0)[1], bounds=side, method="bounded", options={"xatol": 1e-9})
        for side in ((1e-3, steepest), (-steepest, -1e-3))
    ]
    c0 = float(min(searches, key=lambda search: search.fun).x)
    (a, b), _ = linear(c0)
    return c0, float(a), float(b)
