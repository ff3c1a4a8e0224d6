"""Coverage of the parameters of every law, by the t interval and by bootstraps, on data that follow the law.

Each bootstrap refits every draw from the optimum of its data set; one call of the minimiser fits many data sets and
draws.
"""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from generators.laws import Design, Floats, designs
from trials.outcome import Outcome, covered

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.fitted_law import Fitted
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.inference.bootstrap import limits as of_draws
from relscale.fitting.inference.bootstrap import schemes

RESAMPLED = ("power", "relative", "irreducible", "exponential_error", "overtraining", "parametric", "sigmoid")
HUBER = ("parametric",)
DRAWS = 199
AT_ONCE = 25_000  # draws of all data sets in one call, for memory's sake

T = "t, from the Jacobian"
PROFILE = "t, from the profile"
SANDWICH = "t, from the sandwich"


@dataclass(frozen=True)
class Bootstrap:
    """A scheme of ``bootstrap.schemes`` and limits of ``bootstrap.limits``."""

    scheme: str
    kind: str

    @property
    def name(self) -> str:
        """The name in the table."""
        return f"{self.scheme} bootstrap, {self.kind}"


BOOTSTRAPS = (
    Bootstrap(schemes.PAIRS, of_draws.PERCENTILE),
    Bootstrap(schemes.RESIDUAL, of_draws.PERCENTILE),
    Bootstrap(schemes.RESIDUAL, of_draws.STUDENTISED),
)


def of_law(law: str, where: str, size: int, few: int, level: float, seed: int) -> list[Outcome]:
    """Coverage for the law of a design: t intervals on ``size`` data sets, bootstraps on ``few``."""
    design = next(each for each in designs() if (each.law.name, each.name) == (law, where))
    result = of_t(design, size, level, seed)
    if design.law.name in HUBER:
        result += of_t(design, size, level, seed, "huber")
        result += of_bootstraps(design, few, level, seed, "huber")
    return result + (of_bootstraps(design, few, level, seed) if design.law.name in RESAMPLED else [])


def fitted(design: Design, y: Floats, **options: object) -> Estimates:
    """The law fitted to every column of y, with the residuals of its noise."""
    return estimate(design.law, design.x, y, residual=design.residual, fixed=design.fixed, **options)  # type: ignore[arg-type]


def of_t(design: Design, size: int, level: float, seed: int, loss: str = "squares") -> list[Outcome]:
    """Coverage of profile limits and of the t interval; with least squares also of a point ahead."""
    rng = np.random.default_rng([seed, *_tag(design), 0])
    y = design.sample(size, rng)
    found = fitted(design, y, loss=loss)
    low, high = found.interval(level)
    if loss != "squares":
        return _outcomes(design, low, high, f"Huber's loss; {SANDWICH}", level, default=False)
    profile = profile_limits(found, design.x, y, level, residual=design.residual, fixed=design.fixed)
    ahead = np.array([_one(design, found, m).interval(np.array(design.ahead), level) for m in range(size)])
    further = replace(design, x=np.array(design.ahead)[:, None]).sample(size, rng)[0]
    of_prediction = Outcome(
        generator=_generator(design),
        design=design.name,
        quantity="a point ahead",
        interval=T,
        default=True,
        level=level,
        hit=covered(ahead[:, 0], ahead[:, 1], further),
    )
    return [
        *_outcomes(design, *profile, PROFILE, level, default=True),
        *_outcomes(design, low, high, T, level, default=False),
        of_prediction,
    ]


def _one(design: Design, found: Estimates, m: int) -> Fitted:
    """The fit to data set m, as in ``law_fits``."""
    one = replace(found, theta=found.theta[:, [m]], covariance=found.covariance[..., [m]], df=found.df[[m]])
    noise = 2 * found.objective[m] / found.df[m]
    return Fitted(design.law, one, None, True, np.nan, float(noise), design.residual == "log")


def of_bootstraps(
    design: Design, size: int, level: float, seed: int, loss: str = "squares", draws: int = DRAWS
) -> list[Outcome]:
    """Coverage of each of ``BOOTSTRAPS``; with Huber's loss only of the first."""
    y = design.sample(size, np.random.default_rng([seed, *_tag(design), 0]))
    found = fitted(design, y, loss=loss)
    kinds = BOOTSTRAPS if loss == "squares" else BOOTSTRAPS[:1]
    result: list[Outcome] = []
    for scheme in dict.fromkeys(one.scheme for one in kinds):
        theta, stderr = _draws(design, scheme, y, found, draws, seed, loss)
        for one in (one for one in kinds if one.scheme == scheme):
            found_limits = of_draws.limits(
                found.theta, theta, level, one.kind, stderr=found.stderr, draw_stderr=stderr
            )
            name = one.name if loss == "squares" else f"Huber's loss; {one.name}"
            result += _outcomes(
                design, found_limits.low, found_limits.high, name, level, default=loss == "huber"
            )
    return result


def _draws(
    design: Design, scheme: str, y: Floats, found: Estimates, draws: int, seed: int, loss: str
) -> tuple[Floats, Floats]:
    """θ* and its standard error for each draw, (q, M, B); nan if it failed, as in ``law_draws``."""
    parts = []
    step = max(1, AT_ONCE // draws)
    for first in range(0, y.shape[1], step):
        columns = range(first, min(first + step, y.shape[1]))
        drawn = [
            _drawn(design, scheme, y[:, m], found.theta[:, m], draws, [seed, *_tag(design), 1, m])
            for m in columns
        ]
        values, weights = (np.concatenate(part, axis=1) for part in zip(*drawn, strict=True))
        starts = np.repeat(found.theta[:, columns], draws, axis=1)[None]
        again = fitted(design, values, weights=weights, starts=starts, loss=loss)
        failed = ~(again.converged & again.determined)
        shape = (len(again.theta), len(columns), draws)
        parts.append([np.where(failed, np.nan, part).reshape(shape) for part in (again.theta, again.stderr)])
    theta, stderr = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    return theta, stderr


def _drawn(
    design: Design, scheme: str, y: Floats, theta: Floats, draws: int, seed: list[int]
) -> tuple[Floats, Floats]:
    """Values and weights of the draws of one data set, (n, B) each."""
    rng = np.random.default_rng(seed)
    if scheme == schemes.PAIRS:
        counts = schemes.weights(scheme, len(y), draws, rng)
        return np.broadcast_to(y[:, None], counts.shape), counts
    to, back = (np.log, np.exp) if design.residual == "log" else (np.asarray, np.asarray)
    values = to(design.law.value(theta, design.x))
    free = len(theta) - len(design.fixed)
    drawn = back(schemes.resampled(values, to(y) - values, free, draws, rng))
    return drawn, np.ones_like(drawn)


def _outcomes(
    design: Design, low: Floats, high: Floats, name: str, level: float, default: bool
) -> list[Outcome]:
    return [
        Outcome(
            generator=_generator(design),
            design=design.name,
            quantity=parameter,
            interval=name,
            default=default,
            level=level,
            hit=covered(low[i], high[i], design.truth[i]),
        )
        for i, parameter in enumerate(design.law.names)
        if parameter not in design.fixed
    ]


def _generator(design: Design) -> str:
    return f"`{design.law.name}`, noise of the {'logarithm' if design.residual == 'log' else 'number'}"


def _tag(design: Design) -> list[int]:
    return [crc32(f"{design.law.name} {design.name}".encode())]
