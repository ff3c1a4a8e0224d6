"""Power law of several named predictors.

    y = c · Π_i x_i^(e_i)

Linear in logarithms. y is an optimum, such as the learning rate as a function of parameters and tokens, or an error as
a function of data, model and batch. c is y where every predictor is 1.

Sources: Li et al., *Predictable Scale: Step Law*, arXiv 2503.04715, for learning rate and batch; Pham et al.,
*Combined Scaling for Zero-shot Transfer Learning*, arXiv 2111.10050, for the factors of an error.
"""

import numpy as np

from relscale.laws.law import Array, Family, Law, Parameter
from relscale.laws.linear_terms import least_squares

SOURCE = "Li et al., arXiv 2503.04715; Pham et al., arXiv 2111.10050"
FORMULA = "y = c · Π x_i^(e_i)"
TRAPS = (
    "Exponents of collinear predictors are not identified: such a fit is flagged. c refers to predictors of "
    "1 and is correlated with every exponent; compare predictions, not c."
)


def value(theta: Array, x: Array) -> Array:
    """y, (n, ...), of c, e_i (1 + k, ...) at x (k, n, ...)."""
    return np.asarray(np.exp(np.log(theta[0]) + (theta[1:, None] * np.log(x)).sum(axis=0)))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of y by c, e_i, (1 + k, n, ...)."""
    y = value(theta, x)
    return np.concatenate([(y / theta[0])[None], y * np.log(x)])


def starts(x: Array, y: Array) -> Array:
    """The least-squares solution in ln y, which is the optimum for log residuals."""
    log_x = np.log(x)
    middle = log_x.mean(axis=1)
    columns = np.vstack([np.ones(len(y)), log_x - middle[:, None]])
    level, *powers = least_squares(columns.T, np.log(np.where(y > 0, y, np.nan_to_num(y.max()))))
    return np.array([[np.exp(level - np.array(powers) @ middle), *powers]])


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these predictors."""
    return Law(
        name="combined",
        predictors=columns,
        parameters=(
            Parameter("c", "unit of y", "y where every predictor is 1", low=0, log=True),
            *(Parameter(f"e_{column}", "none", f"the exponent of {column}", -5, 5) for column in columns),
        ),
        value=value,
        jacobian=jacobian,
        starts=starts,
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
        linear=("c",),
    )


LAW = Family(name="combined", prefix="x_", make_law=make_law, source=SOURCE)
