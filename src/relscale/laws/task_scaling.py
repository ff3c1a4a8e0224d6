"""Task scaling law: minus the logarithm of a pass rate is a power law of scale.

    y = exp(−h · x^(−α)),    x = F / F_ref

h is −ln of the rate at the reference compute, so ln(−ln y) is linear in ln x. y is the rate of a task, the mean over
its items. If items differ in difficulty, the mean of such laws per item is another law.

Source: Hu et al., *Predicting Emergent Abilities with Infinite Resolution Evaluation*, arXiv 2310.03262, equation 3.
"""

import numpy as np

from relscale.laws.law import Array, Law, Parameter

SMALLEST = 1e-12  # of h in a starting point


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
    """The line of ln(−ln y), with weights −y · ln y, and the same h with two other exponents."""
    usable = (y > 0) & (y < 1)
    if usable.sum() < 2:
        return np.array([[1.0, 0.5], [0.1, 0.5]])
    log_x, minus_log = np.log(x[0, usable]), -np.log(y[usable])
    weight = y[usable] * minus_log
    weight = np.ldexp(weight, -np.frexp(weight.max())[1])  # the squares of the smallest rates would be 0
    slope, level = np.polyfit(log_x, np.log(minus_log), 1, w=weight)
    line = [max(float(np.exp(level)), SMALLEST), float(np.clip(-slope, 0, 3))]
    return np.array([line, [line[0], 0.2], [line[0], 0.8]])


LAW = Law(
    name="task_scaling",
    predictors=("training_flops",),
    parameters=(
        Parameter("h", "nats", "−ln of the rate at the reference compute", low=0, log=True),
        Parameter(
            "alpha",
            "none",
            "the exponent: tenfold compute reduces −ln of the rate to 10^−α of its value",
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
