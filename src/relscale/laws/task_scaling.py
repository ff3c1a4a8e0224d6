"""Task scaling law: minus the logarithm of a pass rate is a power law of scale.

    y = exp(−h · x^(−α)),    x = F / F_ref

h is −ln of the rate at the reference, so ln(−ln y) is a line in ln x. Rates are of whole tasks, the mean over items
first; the law of each item and then the mean of their rates is another law where items differ in difficulty.

Source: Hu et al., *Predicting Emergent Abilities with Infinite Resolution Evaluation*, arXiv 2310.03262, equation 3.
"""

import numpy as np

from relscale.laws.law import Array, Law, Parameter

LEAST = 1e-12  # of −ln y in a starting point


def value(theta: Array, x: Array) -> Array:
    """The rate, (n, ...), of h, α (2, ...) at F / F_ref (1, n, ...)."""
    return np.asarray(np.exp(-theta[0] * np.exp(-theta[1] * np.log(x[0]))))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of the rate by h and α, (2, n, ...)."""
    log_x = np.log(x[0])
    power = np.exp(-theta[1] * log_x)
    rate = np.exp(-theta[0] * power)
    return np.stack([-rate * power, rate * theta[0] * power * log_x])


def starts(x: Array, y: Array) -> Array:
    """The line of ln(−ln y), each point weighted by how well a rate of its size is known."""
    fitting = (y > 0) & (y < 1)
    if fitting.sum() < 2:
        return np.array([[1.0, 0.5], [0.1, 0.5]])
    log_x, minus = np.log(x[0, fitting]), -np.log(y[fitting])
    slope, level = np.polyfit(log_x, np.log(minus), 1, w=y[fitting] * minus)
    line = [max(float(np.exp(level)), LEAST), float(np.clip(-slope, 0, 3))]
    return np.array([line, [line[0], 0.2], [line[0], 0.8]])


LAW = Law(
    name="task_scaling",
    predictors=("training_flops",),
    parameters=(
        Parameter("h", "nats", "−ln of the rate at the reference compute", low=0, log=True),
        Parameter(
            "alpha",
            "none",
            "the exponent: tenfold compute reduces −ln of the rate to 10^−α of it",
            low=0,
            high=3,
        ),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    source="Hu et al., arXiv 2310.03262, equation 3",
    formula="y = exp(−h · (F / F_ref)^(−α))",
    traps="y is a rate from 0 to 1, higher is better. Count passes over all draws, or (r − 1) / (K − 1) where K draws "
    "were made until the r-th pass; r / K is too large. A rate of 0 or 1 is uninformative about α; "
    "subtracting chance first makes forecasts worse.",
    reference=True,
)
