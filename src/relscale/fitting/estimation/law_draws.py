"""A law fitted to resampled data: draws of its parameters, and the limits they give.

| scheme | draws |
|---|---|
| pairs | points with replacement, within their budget if every budget has several |
| block | training trajectories with replacement |
| residual | residuals, enlarged by √(n / (n − q)), on the fitted values |
| parametric | normal noise of the points' standard errors, on the fitted values |

Points that are known without a measurement are part of every draw: they are not resampled, have no noise, and their
residuals are not resampled. Each determines one parameter and so leaves one more degree of freedom to
the residuals of the others.

Each draw is fitted from the optimum of the original data, and unless all of the law's starting points led to that
optimum, from two of these, or from where the law expects another optimum of the draw (``Law.other_optima``). A draw has
failed if it did not converge or does not determine all parameters: it is counted and excluded. In a draw a parameter
may have no effect, such as the exponent of a term whose coefficient is 0, or nearly so, while the draw determines all
others. Such a draw is used for predictions and for all parameters except the one without an effect, for which it is
counted separately.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.expected_time import announce
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_points import Points
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.fitting.estimation.objective import of_columns
from relscale.fitting.estimation.shares import by_core
from relscale.fitting.inference.bootstrap import limits as of_draws
from relscale.fitting.inference.bootstrap import schemes
from relscale.laws.law import Array, Law

FEWEST_TRAININGS = 5  # with fewer, block bootstrap intervals are far too narrow
EVALUATED, STEPS = 32, 80  # parameters of the timed evaluation, and evaluations of a search
LAW_STARTS = 2  # of the law's starting points, besides the optimum of the original data

Estimator = Callable[..., Estimates]  # (y, weights, starts, tolerance) -> estimates of a law at fixed x


@dataclass(frozen=True)
class Draws:
    """B draws of q parameters, and of the noise of one new point.

    Attributes
    ----------
    theta
        (q, B), nan if a draw failed.
    irrelevant
        (q, B) parameters that a draw's curve does not depend on.
    stderr
        (q, B)
    noise
        (B,) noise of a new point, in the scale of the residuals (log or linear).
    scheme
        As in ``relscale.fitting.inference.bootstrap.schemes``.
    """

    theta: Array
    irrelevant: NDArray[np.bool_]
    stderr: Array
    noise: Array
    scheme: str

    @property
    def parameters(self) -> Array:
        """theta, also nan if a parameter has no effect."""
        return np.where(self.irrelevant, np.nan, self.theta)


def draws(
    law: Law,
    estimates: Estimates,
    data: Points,
    x: Array,
    fit: Estimator,
    *,
    scheme: str,
    number: int,
    log_residual: bool,
    weights: Array,
    rng: np.random.Generator,
) -> Draws:
    """Refit under ``number`` resamplings.

    Parameters
    ----------
    estimates
        The fit to the original data.
    x
        (p, n) predictors of the fit.
    fit
        Estimator of y (n, ...) with weights (n, ...), starts (s, q) and a tolerance.
    weights
        (n,) weights of the points.

    Raises
    ------
    RelscaleError
        The scheme requires information that the data lack.
    """
    theta = estimates.theta[:, 0]
    y, fitted, measured = data.y, law.value(theta, x), data.measured
    free = max(int(estimates.n[0] - estimates.df[0]) - data.anchors, 0)
    to, back = (np.log, np.exp) if log_residual else (np.asarray, np.asarray)
    residuals = (to(y) - to(fitted))[:measured]
    centre = to(fitted)[:measured]
    if scheme in (schemes.PAIRS, schemes.BLOCK):
        blocks = data.trainings[:measured]
        trainings = len(set(blocks))
        if scheme == schemes.BLOCK and trainings < FEWEST_TRAININGS:
            raise RelscaleError(
                "no intervals: checkpoints of one training run are not independent, and a bootstrap over training "
                f"runs needs {FEWEST_TRAININGS} of them, not {trainings}"
            )
        drawn_counts = schemes.weights(scheme, measured, number, rng, strata=_strata(data), blocks=blocks)
        counts = np.vstack([drawn_counts, np.ones((data.anchors, number))])
        # Of few trainings there are few combinations, and each is fitted once.
        first, of_draw = _distinct(counts)
        resampled, weight = y, counts[:, first] * weights[:, None]
    else:
        weight, of_draw = weights, np.arange(number)
        if scheme == schemes.RESIDUAL:
            if measured <= free:
                raise RelscaleError(f"a residual bootstrap needs more points than the {free} parameters")
            drawn = schemes.resampled(centre, residuals, free, number, rng)
        else:
            stderr = data.stderr[:measured]
            if not np.isfinite(stderr).all():
                raise RelscaleError("a parametric bootstrap needs the standard error of every point")
            sd = stderr / y[:measured] if log_residual else stderr
            drawn = schemes.simulated(centre, sd, number, rng)
        resampled = np.vstack([back(drawn), np.repeat(y[measured:, None], number, axis=1)])
    starts = _starts(law, estimates, x, y)
    others = None if _single_optimum(estimates) else law.other_optima
    searches = (len(starts) + (2 if others else 0)) * (weight.shape[1] if weight.ndim == 2 else number)
    announce(
        f"law {law.name}: {searches} searches of resampled data",
        searches * seconds_per_search(law, theta, x),
        "--draws 100, or fit.bootstrap in a config, makes them fewer",
    )
    again = fit(resampled, weight, starts, tolerance=OF_A_DRAW)
    if others:
        sets, weight_of_set = resampled.reshape(len(y), -1), weight.reshape(len(y), -1)
        relative = weight_of_set / sets**2 if log_residual else weight_of_set
        elsewhere = np.concatenate(
            by_core(
                lambda share: others(
                    again.theta[:, share], x, of_columns(sets, share), of_columns(relative, share)
                ),
                again.theta.shape[1],
                again.theta.shape[0] * len(y),
            ),
            axis=1,
        )
        again = fit(resampled, weight, np.stack([again.theta, elsewhere]), tolerance=OF_A_DRAW)
    failed = ~(again.converged & (again.determined | again.irrelevant.any(axis=0)))
    pool = (residuals - residuals.mean()) * np.sqrt(measured / max(measured - free, 1))
    return Draws(
        theta=np.where(failed, np.nan, again.theta)[:, of_draw],
        irrelevant=again.irrelevant[:, of_draw],
        stderr=np.where(failed, np.nan, again.stderr)[:, of_draw],
        noise=pool[rng.integers(0, measured, number)],
        scheme=scheme,
    )


def seconds_per_search(law: Law, theta: Array, x: Array) -> float:
    """The expected processor time of the fit of a draw, by the time of one evaluation of the law."""
    wide = np.repeat(theta[:, None], EVALUATED, axis=1)
    begin = process_time()
    with np.errstate(all="ignore"):
        law.with_derivatives(x[..., None])(wide)
    return (process_time() - begin) / EVALUATED * STEPS


def _distinct(counts: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first draw of each distinct column of ``counts`` (n, B), and for each draw (B,) which of them it equals."""
    of_draw = schemes.members([column.tobytes() for column in np.ascontiguousarray(counts.T)])
    return np.unique(of_draw, return_index=True)[1], of_draw


def _starts(law: Law, estimates: Estimates, x: Array, y: Array) -> Array:
    """Starting points (s, q) for the fit of a draw."""
    optimum = estimates.theta.T
    if _single_optimum(estimates) or law.other_optima:
        return optimum
    return np.concatenate([optimum, law.starting_points(x, y)[:LAW_STARTS]])


def _single_optimum(estimates: Estimates) -> bool:
    """Whether all starts led to the same optimum, off all bounds."""
    return bool(estimates.agreeing[0] == estimates.starts > LAW_STARTS) and not estimates.at_bound.any()


def limits(
    kind: str, estimates: Estimates, drawn: Draws, level: float, data: Points, weights: Array, fit: Estimator
) -> of_draws.Limits:
    """Limits of each parameter, (q,)."""
    jackknife = strata = None
    if kind == of_draws.BCA:
        by_training = drawn.scheme == schemes.BLOCK
        units = schemes.members(data.trainings[: data.measured] if by_training else range(data.measured))
        unit_weights = (units[:, None] != np.arange(units.max() + 1)).astype(float)
        without = np.vstack([unit_weights, np.ones((data.anchors, unit_weights.shape[1]))])
        jackknife = fit(data.y, without * weights[:, None], estimates.theta.T[:1]).theta
        budgets = _strata(data) if drawn.scheme == schemes.PAIRS else None
        strata = schemes.members(budgets) if budgets else None
    return of_draws.limits(
        estimates.theta[:, 0],
        drawn.theta,
        level,
        kind,
        stderr=estimates.stderr[:, 0],
        draw_stderr=drawn.stderr,
        jackknife=jackknife,
        strata=strata,
        without_effect=drawn.irrelevant,
    )


def _strata(data: Points) -> list[float] | None:
    """The budget of each point if all are known and each has several points (a stratum of one never varies)."""
    budgets = [row.budget for row in data.rows[: data.measured]]
    known = [budget for budget in budgets if budget is not None]
    several = all(count > 1 for count in Counter(known).values())
    return known if several and len(known) == len(budgets) else None
