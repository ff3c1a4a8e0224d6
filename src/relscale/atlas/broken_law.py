"""Four-digit addition, whose loss has a sharp break in the number of examples (Caballero et al., arXiv 2210.14891)."""

from dataclasses import replace

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables, fitted
from relscale.atlas.view import Series, View, curve_points
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.bnsl import LAW
from relscale.laws.law import Array

PUBLISHED = {
    "a": 0.41388453,
    "b": 2.27727229,
    "c0": 0.05507735,
    "c1": 5.66290382,
    "d1": 612.58361729,
    "f1": 0.05919304,
}
RECOVERED = "parameters recovered from noiseless values up to x = {} (1: yes)"


def reproduce(tables: Tables) -> dict[str, Number]:
    """The parameters by least squares of ln(y + 1) over the first 14 points, and the errors at the last three."""
    rows = tables.read("bnsl_addition.csv.gz")
    x, y, known = rows["training_examples"][None], rows["test_loss"], rows["fitted_in_paper"] == 1

    def value_plus_1(theta: Array, x: Array) -> Array:
        return 1 + LAW.value(theta, x)

    def starts(x: Array, y: Array) -> Array:
        return LAW.starts(x, y - 1)

    recovered = {RECOVERED.format(last): Number(float(is_recovered(last))) for last in (380, 405)}
    fit = estimate(replace(LAW, value=value_plus_1, starts=starts, linear=()), x[:, known], 1 + y[known])
    residual = np.log(LAW.value(fit.theta[:, 0], x)) - np.log(y)
    low, high = fit.interval(0.95)
    return (
        fitted(LAW.names, fit.theta[:, 0], low[:, 0], high[:, 0])
        | recovered
        | {
            "root mean square of ln error, fitted points": Number(
                float(np.sqrt(np.mean(residual[known] ** 2)))
            ),
            "root mean square of ln error, predicted points": Number(
                float(np.sqrt(np.mean(residual[~known] ** 2)))
            ),
        }
    )


def is_recovered(last: int) -> bool:
    """Whether a fit to noiseless values at x = 1 … ``last`` has the published parameters."""
    truth, x = np.array(list(PUBLISHED.values())), np.arange(1.0, last + 1)[None]
    fit = estimate(LAW, x, LAW.value(truth, x), residual="linear")
    return bool(np.allclose(fit.theta[:, 0], truth, rtol=1e-3))


def view(tables: Tables) -> View:
    """The loss over training examples; the last three points were not fitted."""
    rows = tables.read("bnsl_addition.csv.gz")
    x, y = rows["training_examples"], rows["test_loss"]
    numbers = reproduce(tables)
    at = curve_points(x)
    fit, published = (
        LAW.value(np.array(theta), at[None])
        for theta in ([numbers[name].value for name in LAW.names], list(PUBLISHED.values()))
    )
    return View("training examples", "test loss", (Series("addition", x, y, (at, fit), (at, published)),))


ENTRY = Entry(
    title="Broken neural scaling laws: four-digit addition",
    paper="Caballero et al., arXiv 2210.14891, the released example",
    law="bnsl",
    formula=LAW.formula,
    tables=("bnsl_addition.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit bnsl_addition.csv.gz --law bnsl --x training_examples --y test_loss",
    remark="The released example fits ln(y + 1), as here; the command fits ln y.",
)
