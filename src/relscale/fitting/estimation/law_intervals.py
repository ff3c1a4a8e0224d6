"""Intervals of a law's parameters: of the objective's profile, of t, or of bootstrap draws.

Without ``bootstrap``, least-squares parameters have the limits of the objective's profile (``profile_limits``), which
are those of the Jacobian's t interval if a law is nearly linear. They have nominal coverage where that of percentile
intervals is too low (``docs/explanation/coverage.md``). Huber's loss has draws of pairs up to ``ENOUGH`` points, where
its sandwich is too small; points that share training runs have draws of these. Fits to very many points have fewer
draws than requested; the method note has their number.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import Draws, draws, limits
from relscale.fitting.estimation.law_problem import Problem
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, draws_note
from relscale.fitting.inference.bootstrap.schemes import BLOCK, METHODS, PAIRS
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.spread import spread
from relscale.fitting.status import OK, Remark, Status, together
from relscale.laws.law import Array, Parameter
from relscale.storage.rows import fields_of

MOST_DRAWN, FEWEST_DRAWS = 2_000_000, 100  # limit of points times draws, and the smallest number of draws
MOST_READ = 20_000_000  # limit of points times predictors times draws, for laws of whole schedules
TAG = 41  # stream of random numbers


@dataclass(frozen=True)
class Intervals:
    """The intervals of q parameters: standard errors and limits (q,), and the method of and a remark on each."""

    stderr: Array
    low: Array
    high: Array
    method: Method
    notes: Sequence[str]
    remarks: Sequence[Remark]
    df: float | None = None

    def of(self, row: ParameterRow, i: int) -> ParameterRow:
        """The row of parameter ``i`` with its interval; a remark on the interval is added to those on the fit."""
        return replace(
            row,
            stderr=self.stderr[i],
            low=self.low[i],
            high=self.high[i],
            df=self.df,
            method=self.method,
            method_note=self.notes[i],
            **fields_of(together(Remark(row.status, row.note), self.remarks[i])),
        )


def t_intervals(problem: Problem, estimates: Estimates) -> Intervals:
    """The t intervals: limits of the objective's profile where they apply, else of the Jacobian or Huber's sandwich."""
    low, high = _sides(estimates.interval(problem.settings.level))
    intervals = Intervals(
        stderr=estimates.stderr[:, 0],
        low=low,
        high=high,
        method=Method.NONLINEAR_T if problem.least_squares else Method.HUBER_SANDWICH,
        notes=[f"{estimates.agreeing[0]} of {estimates.starts} starts agree"] * len(low),
        remarks=[OK] * len(low),
        df=float(estimates.df[0]),
    )
    if not (problem.by_t and problem.least_squares and problem.is_small):
        return intervals
    entry = problem.entry
    profile = profile_limits(
        estimates,
        problem.x,
        problem.data.y,
        problem.settings.level,
        weights=problem.weights,
        residual=entry.residual,
        fixed=entry.fixed,
    )
    low, high = _sides(profile)
    remarks = list(map(remark_on_limits, problem.law.parameters, low, high))
    return replace(intervals, low=low, high=high, remarks=remarks)


def draws_of(problem: Problem, estimates: Estimates) -> Draws:
    """Bootstrap draws: as many as the config requests, or as many as these points allow."""
    affordable = min(MOST_DRAWN // len(problem.data.y), MOST_READ // problem.x.size)
    by_values = f"{problem.entry.name} {sorted(problem.values.items())}"
    return draws(
        problem.law,
        estimates,
        problem.data,
        problem.x,
        problem.fit,
        scheme=problem.options.scheme or (BLOCK if problem.shared else PAIRS),
        number=min(problem.settings.bootstrap, max(FEWEST_DRAWS, affordable)),
        log_residual=problem.log_residual,
        weights=problem.weights,
        rng=np.random.default_rng([problem.settings.seed, TAG, zlib.crc32(by_values.encode())]),
    )


def draw_intervals(problem: Problem, estimates: Estimates, drawn: Draws) -> Intervals:
    """The intervals of the draws."""
    kind, requested = problem.options.limits or PERCENTILE, problem.settings.bootstrap
    of_draws = limits(
        kind, estimates, drawn, problem.settings.level, problem.data, problem.weights, problem.fit
    )
    counts = zip(map(int, of_draws.failed), map(int, of_draws.without_effect), strict=True)
    number = drawn.parameters.shape[-1]
    ends = map(remark_on_limits, problem.law.parameters, of_draws.low, of_draws.high)
    return Intervals(
        stderr=spread(drawn.parameters),
        low=of_draws.low,
        high=of_draws.high,
        method=METHODS[drawn.scheme],
        notes=[draws_note(kind, number, *count, requested) for count in counts],
        remarks=list(map(together, of_draws.status, ends)),
    )


def _sides(limits: tuple[Array, Array]) -> tuple[Array, Array]:
    """The lower and upper limits (q,) of a single fit."""
    low, high = limits
    return low[:, 0], high[:, 0]


def remark_on_limits(parameter: Parameter, low: float, high: float) -> Remark:
    """A remark on an infinite limit of a parameter, and on one that is the law's bound, not the data's."""
    remarks = []
    if np.isinf([low, high]).any():
        remarks.append(Remark(Status.OPEN_INTERVAL, f"the data do not bound {parameter.name} on one side"))
    for bound, end in ((parameter.low, low), (parameter.high, high)):
        if np.isfinite(bound) and np.isclose(end, bound, rtol=1e-9, atol=0):
            note = f"the interval ends at the law's bound: {parameter.name} at {bound:g}"
            remarks.append(Remark(Status.LIMIT_ON_A_BOUND, note))
    return together(*remarks)
