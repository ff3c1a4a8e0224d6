"""Sigmoid from loss to accuracy: accuracy rises from chance to a ceiling as the loss of the right answer falls.

    A(L) = floor + (ceiling − floor) / (1 + exp(slope · (L − midpoint)))

The midpoint is bounded to within twice the range of the losses beyond the data, the slope to 100 per that range: beyond
these bounds the curves are indistinguishable. The law is identifiable only if the data bend: models near chance
determine neither midpoint nor ceiling, and the fit then ends on a bound or fails to converge, which is reported. The
floor is fitted unless it is given.

Source: Gadre et al., arXiv 2403.08540, and Held et al., arXiv 2510.24626, Figure 2.
"""

import numpy as np

from relscale.laws.law import Array, Law, Parameter
from relscale.laws.profile import best_grid_points, crossed, spread

MIDPOINTS = np.linspace(-1.5, 1.5, 17)  # minus the lowest loss, in units of the range of the losses
SLOPES = np.geomspace(0.5, 50, 9)  # per that range


def value(theta: Array, x: Array) -> Array:
    """Accuracy, (n, ...), of floor, ceiling, midpoint, slope (4, ...) at L (1, n, ...)."""
    from scipy.special import expit

    floor, ceiling, midpoint, slope = theta
    return np.asarray(floor + (ceiling - floor) * expit(-slope * (x[0] - midpoint)))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of the accuracy by floor, ceiling, midpoint, slope, (4, n, ...)."""
    from scipy.special import expit

    floor, ceiling, midpoint, slope = theta
    rise = expit(-slope * (x[0] - midpoint))
    steepness = (ceiling - floor) * rise * (1 - rise)
    return np.stack([1 - rise, rise, steepness * slope, -steepness * (x[0] - midpoint)])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of midpoints and slopes, each with its least-squares floor and ceiling."""
    midpoint, slope, rise = _grid(x)
    (floor, ceiling), best = best_grid_points(np.stack([1 - rise, rise], axis=-1), y)
    return np.stack([floor, np.clip(ceiling, 0.01, 0.99), midpoint[best], slope[best]], axis=1)


def starts_above(floor: float, x: Array, y: Array) -> Array:
    """The best of the same grid for a given floor, each with its least-squares ceiling."""
    midpoint, slope, rise = _grid(x)
    (height,), best = best_grid_points(rise[..., None], y - floor)
    ceiling = floor + (1 - floor) * np.clip(height / (1 - floor), 0.01, 0.99)
    return np.stack([np.full_like(ceiling, floor), ceiling, midpoint[best], slope[best]], axis=1)


def _grid(x: Array) -> tuple[Array, Array, Array]:
    """Midpoints and slopes (g,), and the sigmoid from 0 to 1 of each at the data (g, n)."""
    from scipy.special import expit

    width = spread(x[0])
    midpoint, slope = crossed(x[0].min() + MIDPOINTS * width, SLOPES / width)
    return midpoint, slope, expit(-slope[:, None] * (x[0] - midpoint[:, None]))


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of floor, ceiling, midpoint and slope."""
    low, high, width = x[0].min(), x[0].max(), spread(x[0])
    return (
        np.array([0.0, 0.0, low - 2 * width, 0.0]),
        np.array([1.0, 1.0, high + 2 * width, 100 / width]),
    )


LAW = Law(
    name="sigmoid",
    predictors=("loss",),
    parameters=(
        Parameter("floor", "share", "the chance accuracy", low=0, high=1),
        Parameter("ceiling", "share", "the accuracy at low loss", low=0, high=1),
        Parameter("midpoint", "unit of the loss", "the loss halfway between floor and ceiling"),
        Parameter("slope", "1 / unit of the loss", "the steepness at the midpoint", low=0),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    source="Gadre et al., arXiv 2403.08540; Held et al., arXiv 2510.24626, Figure 2",
    formula="A = floor + (ceiling − floor) / (1 + exp(slope · (L − midpoint)))",
    traps="Models near chance determine neither midpoint nor ceiling; fix the floor if chance accuracy is known.",
    limits=limits,
)
