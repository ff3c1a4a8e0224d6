"""Pass rates of tasks by size (PassUntil; Hu et al., arXiv 2310.03262): estimators, the law, and how a rate emerges."""

import numpy as np

from relscale.atlas.entry import Answer, Entry, Number, Origin, Tables
from relscale.atlas.view import Series, View
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.task_scaling import LAW
from relscale.measurements.pass_rates import bend, until_passes

MOST = 40_000  # draws; the chance of more is below 1e-150 at the rates here
SIZES = np.geomspace(0.03, 2.4, 7)
SCALE = np.geomspace(1, 100, 9)


def expectation(rate: float, passes: int, unbiased: bool) -> float:
    """The mean of ``(r − 1) / (K − 1)``, or of ``r / K``, over the draws K until the r-th pass."""
    draws = np.arange(passes, MOST, dtype=float)
    log_ways = np.zeros_like(draws) if passes == 1 else np.log(draws - 1)  # of one or two passes
    chance = np.exp(log_ways + passes * np.log(rate) + (draws - passes) * np.log1p(-rate))
    return float((chance * (until_passes(draws, passes) if unbiased else passes / draws)).sum())


def reproduce(tables: Tables) -> dict[str, Number]:
    """Expectations, a law from noiseless rates, and the bends of three kinds of tasks."""
    truth = np.array([2.0, 0.5])
    results = {
        "mean of 1 / K at rate 0.01": expectation(0.01, 1, False),
        "mean of 1 / K at rate 0.2": expectation(0.2, 1, False),
        "mean of 2 / K at rate 0.01": expectation(0.01, 2, False),
        "mean of (r − 1) / (K − 1) at rate 0.01": expectation(0.01, 2, True),
    }
    theta = estimate(LAW, SIZES[None], LAW.value(truth, SIZES[None]), residual="linear").theta[:, 0]
    results |= {"h of noiseless rates": float(theta[0]), "alpha of noiseless rates": float(theta[1])}
    first, second = np.exp(-2 * SCALE**-0.5), np.exp(-4 * SCALE**-1.0)
    ways = 1 - (1 - np.exp(-4 * SCALE**-0.3)) * (1 - np.exp(-40 * SCALE**-1.0))
    results["largest bend of one step"] = float(np.abs(bend(SCALE, first)).max())
    results["two steps bend up everywhere"] = float((bend(SCALE, first * second) > 0).all())
    results["two ways bend down somewhere"] = float((bend(SCALE, ways) < 0).any())
    return {name: Number(value) for name, value in results.items()}


def view(tables: Tables) -> View:
    """ln(−ln rate) over ln scale: one step is a line, two steps bend up, two ways down."""
    rates = {
        "one step": np.exp(-2 * SCALE**-0.5),
        "two steps": np.exp(-2 * SCALE**-0.5 - 4 * SCALE**-1.0),
        "two ways": 1 - (1 - np.exp(-4 * SCALE**-0.3)) * (1 - np.exp(-40 * SCALE**-1.0)),
    }
    series = (Series(name, fitted=(SCALE, -np.log(rate))) for name, rate in rates.items())
    return View("scale", "−ln of the pass rate", tuple(series))


ENTRY = Entry(
    title="Predicting emergent abilities with infinite resolution evaluation",
    paper="Hu et al., arXiv 2310.03262",
    law="task_scaling",
    formula=LAW.formula,
    tables=(),
    answers=(
        Answer("mean of 1 / K at rate 0.01", 0.046517, 1e-6, origin=Origin.THEORY),
        Answer("mean of 1 / K at rate 0.2", 0.402359, 1e-6, origin=Origin.THEORY),
        Answer("mean of 2 / K at rate 0.01", 0.0193, 5e-5, origin=Origin.THEORY),
        Answer("mean of (r − 1) / (K − 1) at rate 0.01", 0.01, 1e-9, origin=Origin.THEORY),
        Answer("h of noiseless rates", 2, 1e-6, origin=Origin.THEORY),
        Answer("alpha of noiseless rates", 0.5, 1e-6, origin=Origin.THEORY),
        Answer("largest bend of one step", 0, 1e-10, origin=Origin.THEORY),
        Answer("two steps bend up everywhere", 1, 0, origin=Origin.THEORY),
        Answer("two ways bend down somewhere", 1, 0, origin=Origin.THEORY),
    ),
    reproduce=reproduce,
    view=view,
    command="relscale fit passes.csv --law task_scaling --x params --y pass_rate --residual linear",
    remark="The paper's constants and pass counts are not public. The curve of a task with two steps that must both "
    "pass bends upwards; that of a task with two alternative ways bends downwards where the better way takes over.",
)
