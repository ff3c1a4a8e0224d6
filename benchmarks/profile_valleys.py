"""Whether the profile of a law's parameter has a second valley within the confidence limit, beyond the limits found.

    python benchmarks/profile_valleys.py [--laws multi_power mixture_additive] [--datasets 1]

Limits follow the best other parameters outwards, in one valley. Here all of a law's starting points are searched with
the parameter held at up to six times the distance of its limits: a value at which τ < t is not outside the confidence
set, which is then not an interval; an objective below that of the fit is a missed optimum.

All laws but rate_and_batch, which was not tried, take about a minute of one core; quoted in
docs/explanation/intervals.md.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from dataclasses import dataclass

import numpy as np
from command_line import command_line
from generators.laws import Design, Floats, designs
from tabulate import tabulate

from relscale.confidence import LEVEL, t_quantile
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.profile_limits import NEAR, profile_limits

DISTANCES = np.array([0.3, 0.6, 0.85, 1.15, 1.5, 2.2, 3.5, 6.0])  # of a value, in units of its limit's
SAME = 1e-5  # relative difference of equal objectives


@dataclass(frozen=True)
class Valleys:
    """Values that were tried, of these the ones beyond a limit with τ < t, and those with a lower optimum."""

    tried: int = 0
    second: int = 0
    lower: int = 0

    def __add__(self, other: "Valleys") -> "Valleys":
        return Valleys(self.tried + other.tried, self.second + other.second, self.lower + other.lower)


def valleys(design: Design, y: Floats) -> Valleys:
    """All parameters of a law on one data set (n,)."""
    found = estimate(design.law, design.x, y, residual=design.residual, fixed=design.fixed)
    limits = profile_limits(found, design.x, y, LEVEL, residual=design.residual, fixed=design.fixed)
    t = float(t_quantile(found.df, LEVEL)[0])
    total = Valleys()
    for i, parameter in enumerate(design.law.parameters):
        if parameter.name in design.fixed:
            continue
        transform, inverse = (np.log, np.exp) if parameter.log else (np.asarray, np.asarray)
        centre = transform(found.theta[i, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.array([transform(limit[i, 0]) - centre for limit in limits])
        away = away[np.isfinite(away) & (away != 0)]
        distance = np.tile(DISTANCES, len(away))
        value = inverse(centre + distance * np.repeat(away, len(DISTANCES)))
        inside = (value >= parameter.low) & (value <= parameter.high)
        value, distance = value[inside], distance[inside]
        if not len(value):
            continue
        held = estimate(
            design.law,
            design.x,
            np.repeat(y[:, None], len(value), axis=1),
            residual=design.residual,
            fixed={**design.fixed, parameter.name: value},
        )
        rise = held.objective / found.objective[0] - 1
        tau = np.sqrt(np.maximum(rise, 0) * found.df[0])
        second = (distance > 1) & (tau < t * (1 - NEAR))
        total += Valleys(len(value), int(second.sum()), int((rise < -SAME).sum()))
    return total


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--laws", nargs="*", default=[], metavar="LAW", help="some laws (default: all)")
    parser.add_argument("--datasets", type=int, default=1, help="simulated data sets of each design")
    options = parser.parse_args()
    rows = []
    for number, design in enumerate(designs()):
        if design.law.line is not None or (options.laws and design.law.name not in options.laws):
            continue  # lines in logarithms have one optimum
        samples = design.sample(options.datasets, np.random.default_rng(number))
        total = sum((valleys(design, y) for y in samples.T), Valleys())
        rows.append(
            {
                "law": f"`{design.law.name}`",
                "design": design.name,
                "values tried": total.tried,
                "beyond a limit with τ < t": total.second,
                "with a lower optimum": total.lower,
            }
        )
        print(tabulate(rows[-1:], tablefmt="plain"), flush=True)
    print(tabulate(rows, headers="keys", tablefmt="github"))


if __name__ == "__main__":
    main()
