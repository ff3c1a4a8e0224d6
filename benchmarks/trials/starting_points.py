"""Does a search from a law's own starting points end at the best optimum, whatever the data come from?

Data have 0.3% of noise, so that their optimum is not the truth; the steps of trainings, to whose noise three parameters
of the multi-power law are sensitive, 0.03%. The best optimum that is known is the better of two: that
of the law's own starting points, and that of a search that begins at the truth.
"""

from dataclasses import dataclass

import numpy as np
from generators.random_truths import TRUTHS

from relscale.fitting.estimation.estimate import estimate

NOISE, OF_STEPS = 0.003, 0.0003
ALONG_TRAININGS = ("multi_power",)
SAME = 1e-5  # relative difference of two objectives that are taken for one


@dataclass(frozen=True)
class Found:
    """Of one law: how many random parameters there were, from how many starts their optima were missed, by how much."""

    law: str
    parameters: int
    truths: int
    missed: int
    worst: float


def of_starting_points(name: str, truths: int, seed: int = 0) -> Found:
    """The law of that name on data of so many random parameters."""
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


def row(found: Found) -> dict[str, object]:
    """As the page shows it."""
    return {
        "law": f"`{found.law}`",
        "parameters": str(found.parameters),
        "random truths": str(found.truths),
        "best optimum found": f"{found.truths - found.missed} of {found.truths}",
        "worst objective over the best": "the same"
        if found.worst <= SAME
        else f"{100 * found.worst:.2g}% more",
    }
