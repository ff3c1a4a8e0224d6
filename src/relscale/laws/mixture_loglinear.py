"""Log-linear mixture law: the logarithm of the loss above a floor is linear in the shares of the data's parts.

    L = c + exp(Σ_i t_i · h_i)

Because shares sum to 1, t includes the constant. The law is built for any set of parts.

Source: Ye et al., *Data Mixing Laws*, arXiv 2403.16952.
"""

import numpy as np

from relscale.laws.derivatives import empty_rows
from relscale.laws.law import Array, Family, Law, Parameter, computed_together
from relscale.laws.linear_terms import least_squares

FLOORS = (0.0, 0.5, 0.8, 0.9, 0.97)  # c, as shares of the lowest loss
SOURCE = "Ye et al., arXiv 2403.16952"
FORMULA = "L = c + exp(Σ t_i · h_i)"
TRAPS = "For one target the optimum is always a single part; the returns of a part do not diminish."


def _reducible_loss(theta: Array, x: Array) -> Array:
    """exp(t · h), (n, ...)."""
    by_data_set = np.moveaxis(x, (0, 1), (-1, -2)) @ np.moveaxis(theta[1:], 0, -1)[..., None]
    return np.asarray(np.exp(np.moveaxis(by_data_set[..., 0], -1, 0)))


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of c, t_i (1 + k, ...) at the shares (k, n, ...)."""
    return np.asarray(theta[0] + _reducible_loss(theta, x))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by c, t_i, (1 + k, n, ...)."""
    return value_and_jacobian(theta, x)[1]


def value_and_jacobian(theta: Array, x: Array) -> tuple[Array, Array]:
    """L and its derivatives, which share the exponential."""
    reducible, rows = _reducible_loss(theta, x), empty_rows(1 + len(x), theta, x)
    rows[0] = 1
    np.multiply(reducible, x, out=rows[1:])
    return np.asarray(theta[0] + reducible), rows


def starts(x: Array, y: Array) -> Array:
    """Several floors, each with the least-squares solution in ln(y − c)."""
    points = []
    for share in FLOORS:
        floor = share * y.min()
        points.append([floor, *least_squares(x.T, np.log(y - floor))])
    return np.array(points)


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these parts."""
    parts = [column.removeprefix("share_") for column in columns]
    return Law(
        name="mixture_loglinear",
        predictors=columns,
        parameters=(
            Parameter("c", "unit of the loss", "the irreducible loss", low=0),
            *(Parameter(f"t_{p}", "ln of the unit of the loss", f"ln (L − c) of {p} alone") for p in parts),
        ),
        value=value,
        jacobian=jacobian,
        at=computed_together(value_and_jacobian),
        starts=starts,
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
    )


LAW = Family(name="mixture_loglinear", prefix="share_", make_law=make_law, source=SOURCE)
