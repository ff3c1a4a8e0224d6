"""Whether a search from a law's own starting points ends at the best optimum, for random true parameters.

The data have 0.3% of noise, so that their optimum is not at the true parameters; the steps of trainings, to whose noise
three parameters of the multi-power law are sensitive, have 0.03%. The objective is compared with that of a search from
the true parameters. Lines in logarithms and the parabola of a budget have closed forms and no starting points; these
are compared with such a search.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from generators.random_truths import TRUTHS
from scipy.optimize import least_squares
from trials.outcome import Row

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference.log_log_lines import lines
from relscale.laws import compute_optimal, parabola
from relscale.laws.law import Array

NOISE, OF_STEPS = 0.003, 0.0003
ALONG_TRAININGS = ("multi_power",)
SAME = 1e-5  # relative difference of two objectives that are taken for one


@dataclass(frozen=True)
class Found:
    """For one law: the number of random true parameters, of missed optima, and the largest excess of the objective."""

    law: str
    parameters: int
    truths: int
    missed: int
    worst: float


def of_starting_points(name: str, truths: int, seed: int = 0) -> Found:
    """Test a law on data from so many random parameters."""
    excess, parameters = [], 0
    for number in range(truths):
        rng = np.random.default_rng(number if seed == 0 else [seed, number])
        one, x, truth = TRUTHS[name](rng)
        parameters = len(truth)
        clean = one.value(truth, x)
        noise = (OF_STEPS if name in ALONG_TRAININGS else NOISE) * rng.standard_normal(x.shape[1])
        residual = "log" if (clean > 0).all() else "linear"
        y = clean * np.exp(noise) if residual == "log" else clean + noise * np.abs(clean).mean()
        found = estimate(one, x, y, residual=residual)
        from_truth = estimate(one, x, y, residual=residual, starts=truth[None])
        excess.append(float(found.objective[0] / from_truth.objective[0] - 1))
    worse = np.array(excess)
    return Found(name, parameters, truths, int((~(worse <= SAME)).sum()), float(worse.max()))


def of_closed_forms(truths: int, seed: int = 0) -> list[Found]:
    """The same for the lines of compute-optimal tokens and parameters, and for the parabola of a budget."""
    budgets, runs = np.log(np.geomspace(1e18, 1e20, 7)), np.linspace(-1.2, 1.2, 9)

    def line(y: Array) -> Array:
        found = lines(budgets, y[:, None])
        return np.array([found.level[0], found.slope[0]])

    def on_line(theta: Array) -> Array:
        return np.asarray(theta[0] + theta[1] * (budgets - budgets.mean()))

    def at_runs(theta: Array) -> Array:
        return parabola.value(theta, runs)

    def of_runs(y: Array) -> Array:
        return parabola.coefficients(runs, y)

    forms: list[tuple[str, Callable[[Array], Array], Callable[[Array], Array], Array]] = [
        (compute_optimal.PARAMS.name, line, on_line, np.array([[18.0, 24.0], [0.3, 0.7]])),
        (compute_optimal.TOKENS.name, line, on_line, np.array([[20.0, 26.0], [0.3, 0.7]])),
        ("parabola", of_runs, at_runs, np.array([[1.0, 4.0], [-0.1, 0.1], [0.02, 0.3]])),
    ]
    return [_closed_form(*form, truths, seed) for form in forms]


def _closed_form(
    name: str,
    solved: Callable[[Array], Array],
    value: Callable[[Array], Array],
    ranges: Array,
    truths: int,
    seed: int,
) -> Found:
    excess = []
    for number in range(truths):
        rng = np.random.default_rng([seed, 77, number])
        truth = rng.uniform(ranges[:, 0], ranges[:, 1])
        y = value(truth) + NOISE * rng.standard_normal(len(value(truth)))

        def residuals(theta: Array, y: Array = y) -> Array:
            return value(theta) - y

        searched = least_squares(residuals, truth, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        excess.append(float(((value(solved(y)) - y) ** 2).sum() / (2 * searched.cost) - 1))
    worse = np.array(excess)
    return Found(name, len(ranges), truths, int((~(worse <= SAME)).sum()), float(worse.max()))


def row(found: Found) -> Row:
    """A row of the page."""
    return {
        "law": f"`{found.law}`",
        "parameters": str(found.parameters),
        "random truths": str(found.truths),
        "best optimum found": f"{found.truths - found.missed} of {found.truths}",
        "worst objective over the best": "the same"
        if found.worst <= SAME
        else f"{100 * found.worst:.2g}% more",
    }
