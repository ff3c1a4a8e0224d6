"""Pass rates of tasks by model size (PassUntil; Hu et al., arXiv 2310.03262): estimators, law and curvature."""

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.task_scaling import LAW
from relscale.measurements.pass_rates import bend, until_passes
from relscale.storage.column_arrays import Columns

MAX_DRAWS = 40_000  # the probability of more draws is below 1e-150 at these rates
LADDER, LAST = "olmo_ladder_checkpoints.csv.gz", 5  # table, and number of averaged checkpoints
LADDER_TASKS = (
    *("arc_challenge_test", "arc_easy_test", "csqa_val", "hellaswag_val", "piqa_val", "socialiqa_val"),
    *("openbookqa_test", "mmlu_stem_test", "mmlu_other_test"),
)
CHANCE = {"csqa_val": 1 / 5, "piqa_val": 1 / 2, "socialiqa_val": 1 / 3}  # of the other tasks 1 / 4
SHOWN = ("hellaswag_val", "arc_challenge_test", "csqa_val")
SIZES = np.geomspace(0.03, 2.4, 7)
SCALE = np.geomspace(1, 100, 9)


def expectation(rate: float, passes: int, unbiased: bool) -> float:
    """The mean of ``(r − 1) / (K − 1)``, or of ``r / K``, over the draws K until the r-th pass."""
    draws = np.arange(passes, MAX_DRAWS, dtype=float)
    log_ways = np.zeros_like(draws) if passes == 1 else np.log(draws - 1)  # for one or two passes
    chance = np.exp(log_ways + passes * np.log(rate) + (draws - passes) * np.log1p(-rate))
    return float((chance * (until_passes(draws, passes) if unbiased else passes / draws)).sum())


def reproduce(tables: Tables) -> dict[str, Number]:
    """Expectations of estimators, the law fitted to noiseless rates, and the curvature of three kinds of tasks."""
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
    two_ways = 1 - (1 - np.exp(-4 * SCALE**-0.3)) * (1 - np.exp(-40 * SCALE**-1.0))
    results["largest bend of one step"] = float(np.abs(bend(SCALE, first)).max())
    results["two steps bend up everywhere"] = float((bend(SCALE, first * second) > 0).all())
    results["two ways bend down somewhere"] = float((bend(SCALE, two_ways) < 0).any())
    runs = dict(tables.read(LADDER).by("run"))
    results |= accuracies_of_3b(runs)
    results["mean error of nine accuracies above chance, 3B, 10xC"] = error_without_chance(runs)
    return {name: Number(value) for name, value in results.items()}


def error_without_chance(runs: dict[str, Columns]) -> float:
    """Mean error (%) of the 3B model at ten times Chinchilla's tokens, if the lines are of accuracies above chance."""
    *small, large = (runs[f"{size}-10xC"] for size in ("190M", "370M", "760M", "1B", "3B"))
    log_params = np.log([run["params"][0] for run in small])
    errors = []
    for task in LADDER_TASKS:
        chance = CHANCE.get(task, 1 / 4)
        measured, *known = (run[f"{task}:accuracy"][-LAST:].mean() for run in (large, *small))
        line = np.polyfit(log_params, np.log(-np.log((np.array(known) - chance) / (1 - chance))), 1)
        predicted = chance + (1 - chance) * np.exp(-np.exp(np.polyval(line, np.log(large["params"][0]))))
        errors.append(100 * abs(predicted / measured - 1))
    return float(np.mean(errors))


def accuracies_of_3b(runs: dict[str, Columns]) -> dict[str, float]:
    """Accuracies of 3B models from lines of ln(−ln accuracy) in ln N through four smaller models of equal D / N."""
    results = {}
    for multiple in ("1xC", "2xC", "5xC", "10xC"):
        *small, large = (runs[f"{size}-{multiple}"] for size in ("190M", "370M", "760M", "1B", "3B"))
        log_params = np.log([run["params"][0] for run in small])
        errors = []
        for task in LADDER_TASKS:
            measured, *known = (run[f"{task}:accuracy"][-LAST:].mean() for run in (large, *small))
            line = np.polyfit(log_params, np.log(-np.log(known)), 1)
            predicted = np.exp(-np.exp(np.polyval(line, np.log(large["params"][0]))))
            errors.append(100 * abs(predicted / measured - 1))
            if multiple == "10xC" and task in SHOWN:
                results[f"predicted accuracy of {task}, 3B at 10 times Chinchilla's tokens"] = float(
                    predicted
                )
                results[f"measured accuracy of {task}, 3B at 10 times Chinchilla's tokens"] = float(measured)
        results[f"mean error of nine accuracies, 3B, {multiple}"] = float(np.mean(errors))
    return results


def view(tables: Tables) -> View:
    """−ln rate over scale, both logarithmic: one step is a straight line, two steps bend up, two ways bend down."""
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
    tables=(LADDER,),
    reproduce=reproduce,
    view=view,
    command="relscale fit passes.csv --law task_scaling --x params --y pass_rate --residual linear",
    remark="The paper's constants and pass counts are not public. The curve of a task with two steps that must both "
    "pass bends upwards; that of a task with two alternative ways bends downwards where the better way takes over. "
    "Accuracies of the OLMo ladder stand in for pass rates.",
)
