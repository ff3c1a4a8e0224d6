"""The best data pools at each compute (Goyal et al., arXiv 2404.07177), from the published parameters."""

from collections.abc import Callable
from math import exp, log

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.laws.filtering import LAW, mixture_error
from relscale.laws.filtering import SAMPLES as SAMPLES_OF_A

POOL = 12.8e6  # samples of each pool
A, FLOOR = 0.025, 0.1
B = (-0.16, -0.125, -0.10, -0.085)  # of the best tenth of the data, the second, third and fourth
TAU = (6.727272727, 8.545454545, 5.272727273, 2.272727273)
SAMPLES = ("32M", "64M", "128M", "640M")
LATER_CHANGE = (
    "Two and three pools differ by less than 0.02 points from 980M to 1,010M samples and cross at 991M. The "
    "independent computation found the change 1.4% later, for an unknown reason."
)

LATER_CHANGES_INSIDE = (
    "The curves cross at 101M and at 1,096M. The independent computation found both changes about 1% later, as a "
    "search on a grid of samples would."
)


def error(pools: int, samples: float) -> float:
    """The error after training on ``samples`` samples of the ``pools`` best pools."""
    return mixture_error(A, FLOOR, B[:pools], TAU[:pools], samples, POOL)


def error_with_floor_inside(pools: int, samples: float) -> float:
    """The same error by the authors' code, in which later epochs multiply d as well."""
    powers = B[:pools]
    first = (A * min(POOL * pools, samples) / SAMPLES_OF_A) ** (sum(powers) / pools)
    reducible = error(pools, samples) - FLOOR
    return float(reducible + FLOOR * reducible / first)


def best_pools_change(pools: int, error: Callable[[int, float], float]) -> float:
    """The samples from which one more pool than ``pools`` is better."""
    low, high = log(2 * POOL), log(1000 * POOL)
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (
            (low, middle) if error(pools, exp(middle)) > error(pools + 1, exp(middle)) else (middle, high)
        )
    return exp(low)


def reproduce(tables: Tables) -> dict[str, Number]:
    """Accuracies of four sets of pools, and the samples at which the best set changes."""
    results = {
        f"accuracy after {name} samples, best {pools} of 4 pools": Number(
            100 * (1 - error(pools, 1e6 * float(name.rstrip("M"))))
        )
        for name in SAMPLES
        for pools in (1, 2, 3, 4)
    }
    results |= {
        f"accuracy after {name} samples, best {pools} of 4 pools, d inside the product": Number(
            100 * (1 - error_with_floor_inside(pools, 1e6 * float(name.rstrip("M"))))
        )
        for name in SAMPLES
        for pools in (1, 2, 3, 4)
    }
    for pools in (1, 2):
        change = f"samples at which {pools + 1} pools are better than {pools}"
        results[change] = Number(best_pools_change(pools, error) / 1e6)
        results[f"{change}, d inside the product"] = Number(
            best_pools_change(pools, error_with_floor_inside) / 1e6
        )
    return results


def view(tables: Tables) -> View:
    """Accuracy over samples seen, per number of pools."""
    at = curve_points([1.28e7, 2e9])
    curves = {pools: [100 * (1 - error(pools, float(samples))) for samples in at] for pools in (1, 2, 3, 4)}
    series = (Series(f"best {pools} of 4 pools", fitted=(at, accuracy)) for pools, accuracy in curves.items())
    return View("samples seen", "ImageNet accuracy, %", tuple(series), log_y=False)


ENTRY = Entry(
    title="Scaling laws for data filtering: data curation cannot be compute agnostic",
    paper="Goyal et al., arXiv 2404.07177",
    law="filtering",
    formula=LAW.formula,
    tables=(),
    reproduce=reproduce,
    differs={
        "samples at which 3 pools are better than 2": LATER_CHANGE,
        "samples at which 2 pools are better than 1, d inside the product": LATER_CHANGES_INSIDE,
        "samples at which 3 pools are better than 2, d inside the product": LATER_CHANGES_INSIDE,
    },
    view=view,
    command="relscale fit pools.csv --law filtering --x samples,pool_samples --y error --group pool\n"
    "relscale ask curation pools.csv --y error",
    remark="Computed from the published parameters of four pools of 12.8M samples; the measured errors are not public. "
    "The formula adds d to the product. The authors' code has d inside the product, which moves the changes to 101M "
    "and 1,096M: use the same variant to fit and predict.",
)
