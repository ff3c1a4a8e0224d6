"""Coverage of slopes through unequal budgets: one with repeated seeds, or all read off the same trainings."""

import numpy as np
from generators import budgets
from trials.outcome import Outcome, covered

from relscale.fitting.inference import interval
from relscale.fitting.inference.log_log_lines import lines

RUNS = np.array([1.0, 3.0, 1.0, 1.0])


def of_repeated_seeds(size: int, level: float, seed: int) -> list[Outcome]:
    """Δβ through four budgets, three runs at one of them: the interval of ``fit``, and the plain t interval."""
    result = []
    for number, noise in enumerate((budgets.RUNS, budgets.BUDGET)):
        y = budgets.repeated(RUNS, noise, size, np.random.default_rng([seed, 81, number]))
        known = np.broadcast_to(1 / RUNS[:, None], y.shape)
        for name, default, line in (
            ("t, for the worse of both noises", True, lines(budgets.BUDGETS, y, known)),
            ("t", False, lines(budgets.BUDGETS, y)),
        ):
            found = interval.slope(line, level)
            hit = covered(found.low, found.high, budgets.SLOPE)
            design = "4 budgets, 3 runs at the second"
            result.append(Outcome(f"repeated seeds, {noise}", design, "Δβ", name, default, level, hit))
    return result


def of_slices(size: int, level: float, seed: int) -> list[Outcome]:
    """The exponent of compute-optimal tokens if budgets are slices of the same trainings."""
    result = []
    for count in (8, 24):
        log_flops = np.log(np.geomspace(1e18, 1e20, count))
        value, without = budgets.slices(log_flops, size, np.random.default_rng([seed, 82, count]))
        for name, default, line in (
            ("jackknife over trainings, t", True, lines(log_flops, value, without=without)),
            ("t, as if budgets were independent", False, lines(log_flops, value)),
        ):
            found = interval.slope(line, level)
            hit = covered(found.low, found.high, budgets.EXPONENT)
            design = f"{count} budgets of 12 or 13 sizes, {without.shape[-1]} trainings"
            generator = "budgets that share trainings"
            result.append(Outcome(generator, design, "exponent", name, default, level, hit))
    return result
