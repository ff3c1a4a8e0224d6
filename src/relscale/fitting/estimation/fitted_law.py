"""Fit of a further law of the config: estimates, intervals, and rows of the table ``fits``.

Without ``bootstrap``, least-squares parameters have the limits of the objective's profile (``profile_limits``), which
are those of the Jacobian's t interval if a law is nearly linear, and predictions have that t interval. Both have
nominal coverage where that of percentile intervals is too low (``docs/explanation/coverage.md``). Huber's loss has
draws of pairs up to ``ENOUGH`` points, where its sandwich is too small; points that share training runs have draws of
these; and a prediction whose predictor is from another fit has draws, which include those of the other. Fits to very
many points have fewer draws than requested; the method note has their number.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import t_quantile
from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw, LawBootstrap
from relscale.fitting.estimation.beyond_data import ModelError, model_error
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_columns import LawColumns
from relscale.fitting.estimation.law_draws import Draws, Estimator, draws, limits
from relscale.fitting.estimation.law_points import MEASURED, PointRow, Points
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, draws_note
from relscale.fitting.inference.bootstrap.schemes import BLOCK, METHODS, PAIRS
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import listed
from relscale.fitting.inference.spread import spread
from relscale.fitting.keys import CurveKey, SeriesKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.laws.law import Array, Law, Parameter
from relscale.storage.rows import fields_of, names_of

NO_DRAWS = Remark(
    Status.NO_INTERVAL,
    "no intervals: checkpoints of one training run are not independent, and the config sets no bootstrap over "
    "training runs",
)

ENOUGH = 2000  # points at which Huber's sandwich is accurate
STARTS = 3  # starting points if there are many points, because all then lead to the same minimum
MOST_DRAWN, FEWEST_DRAWS = 2_000_000, 100  # limit of points times draws, and the smallest number of draws
MOST_READ = 20_000_000  # limit of points times predictors times draws, for laws of whole schedules

TAG = 41  # stream of random numbers
PROJECTION = "variable-projection"


@dataclass(frozen=True)
class Fitted:
    """A fitted law, with what its intervals and predictions need.

    Attributes
    ----------
    by_t
        Whether intervals are t intervals rather than percentiles of the draws.
    reference
        The compute by which the law's predictor is divided, or nan.
    noise
        Residual variance of a new point: of the value, or of its logarithm if
        ``log_residual``; nan for Huber's loss.
    columns
        Columns of the measurements that are the predictors.
    data, error
        The fitted points, and the model error from rolling origins; None if nothing is predicted.
    """

    law: Law
    estimates: Estimates
    drawn: Draws | None
    by_t: bool
    reference: float
    noise: float
    log_residual: bool
    columns: tuple[str, ...] = ()
    data: Points | None = None
    error: ModelError | None = None

    def x(self, raw: Array) -> Array:
        """Predictors of the law from those of the table; nan for compute that is not positive."""
        return np.where(raw > 0, raw, np.nan) / self.reference if np.isfinite(self.reference) else raw

    def interval(self, x: Array, level: float) -> tuple[float, float]:
        """t limits of a new point at x (p,): ``± t·√(gᵀ C g + noise)``, with g the derivatives at x."""
        value, variance = with_variance(self.law, self.estimates, x[:, None], self.log_residual)
        half = float(t_quantile(self.estimates.df[0], level) * np.sqrt(variance[0] + self.noise))
        low, high = value[0] - half, value[0] + half
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))

    def wider(
        self, value: float, limits: tuple[float, float], distance: float, level: float
    ) -> tuple[float, float]:
        """Limits widened by the model error at this distance, added in quadrature."""
        half = self.error.half_width(distance, level) if self.error else 0.0
        if not half or not np.isfinite(limits).all() or (self.log_residual and not limits[0] > 0):
            return limits
        centre, low, high = np.log([value, *limits]) if self.log_residual else np.array([value, *limits])
        low, high = centre - np.hypot(centre - low, half), centre + np.hypot(high - centre, half)
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))


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


@dataclass(frozen=True)
class Problem:
    """What is fitted, and how.

    Attributes
    ----------
    x
        (p, n) predictors of the law.
    reference
        The compute by which they are divided, or nan.
    weights
        (n,) weights of the points.
    """

    law: Law
    entry: FurtherLaw
    data: Points
    settings: Settings
    values: Mapping[str, object]
    x: Array
    reference: float
    weights: Array
    fit: Estimator

    @classmethod
    def of(
        cls, law: Law, entry: FurtherLaw, data: Points, settings: Settings, values: Mapping[str, object]
    ) -> "Problem":
        """The problem of an entry of the config."""
        reference = float(np.exp(np.log(data.x[0]).mean())) if law.reference else np.nan
        x = data.x / reference if law.reference else data.x
        fit, weights = _estimator(law, x, entry), _weights(data, entry)
        return cls(law, entry, data, settings, values, x, reference, weights, fit)

    @property
    def log_residual(self) -> bool:
        """Whether residuals are those of the logarithm."""
        return self.entry.residual == "log"

    @property
    def least_squares(self) -> bool:
        """Whether the loss is the sum of squares, not Huber's."""
        return self.entry.loss == "squares"

    @property
    def options(self) -> LawBootstrap:
        """The entry's bootstrap."""
        return self.entry.bootstrap or LawBootstrap()

    @property
    def is_small(self) -> bool:
        """Whether there are few enough points for every start, and too few for Huber's sandwich."""
        return len(self.data.y) <= ENOUGH

    @property
    def is_requested(self) -> bool:
        """Whether the config requests draws of this law."""
        return bool(self.options.scheme or self.options.limits)

    @property
    def shared(self) -> bool:
        """Whether points share training runs."""
        return len(set(self.data.trainings)) < len(self.data.y)

    @property
    def by_t(self) -> bool:
        """Whether intervals are t intervals rather than percentiles of the draws."""
        needs_draws = self.is_requested or self.shared or (self.is_small and not self.least_squares)
        return not (self.settings.bootstrap and needs_draws)


def fit_law(
    of: LawColumns, entry: FurtherLaw, data: Points, settings: Settings, values: Mapping[str, object]
) -> tuple[Fitted, list[ParameterRow]]:
    """Fit, resample, and return the rows of the table ``fits``.

    Parameters
    ----------
    data
        The n points to fit.
    values
        Values of the ``by`` columns, which distinguish this fit from others of the entry.

    Raises
    ------
    RelscaleError
        The entry requests weights that the points do not have, or a method that does not apply to its residuals or
        loss.
    """
    problem = Problem.of(of.law, entry, data, settings, values)
    law, x, weights = problem.law, problem.x, problem.weights
    starts = None if problem.is_small else law.starting_points(x, data.y)[:STARTS]
    estimates = problem.fit(data.y, weights, starts)
    remarks = [estimates.status[0], *_left_out(data)]
    intervals, drawn = None, None
    if problem.shared and not problem.is_requested and not settings.bootstrap:
        remarks.append(NO_DRAWS)
    else:
        intervals = _t_intervals(problem, estimates)
    if settings.bootstrap and np.isfinite(estimates.theta).all() and (entry.predict or not problem.by_t):
        try:
            drawn = _draws(problem, estimates)
            if not problem.by_t:
                intervals = _draw_intervals(problem, estimates, drawn)
        except RelscaleError as error:  # the scheme requires information that the data lack
            intervals = None
            remarks.append(Remark(Status.NO_INTERVAL, str(error)))
    flops = [row.training_flops for row in data.rows if row.training_flops is not None]
    common = ParameterRow(
        **fields_of(curve_key(data.rows, values)),
        fit=entry.name,
        law=law.name,
        predictor=", ".join(of.predictors),
        level=settings.level,
        estimand=Estimand.THESE_ITEMS,
        n=len(data.y),
        reference_flops=problem.reference,
        flops_low=min(flops, default=None),
        flops_high=max(flops, default=None),
        **fields_of(together(*remarks)),
    )
    rows = []
    for i, name in enumerate(law.names):
        row = replace(common, parameter=name, value=estimates.theta[i, 0])
        if name in entry.fixed:
            row = replace(row, method=Method.FIXED, method_note="by the config")
        rows.append(intervals.of(row, i) if intervals and name not in entry.fixed else row)
    rows.append(replace(common, parameter="objective", value=estimates.objective[0]))
    noise = _noise(estimates, weights) if problem.least_squares and estimates.df[0] > 0 else np.nan
    fitted = Fitted(
        law,
        estimates,
        drawn,
        problem.by_t,
        problem.reference,
        noise,
        problem.log_residual,
        of.predictors,
        data,
        _model_error(problem) if entry.predict else None,
    )
    return fitted, rows


def _left_out(data: Points) -> list[Remark]:
    """A remark on rows that were not fitted, if there are any."""
    if not data.lost:
        return []
    reasons = listed(list(dict.fromkeys(data.lost)))
    used = f"fitted on {len(data.y)} of {len(data.y) + len(data.lost)} rows ({reasons})"
    return [Remark(Status.MISSING_POINTS, used)]


def _t_intervals(problem: Problem, estimates: Estimates) -> Intervals:
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


def _draws(problem: Problem, estimates: Estimates) -> Draws:
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


def _draw_intervals(problem: Problem, estimates: Estimates, drawn: Draws) -> Intervals:
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


def _noise(estimates: Estimates, weights: Array) -> float:
    """The residual variance of a new point of median weight."""
    return float(2 * estimates.objective[0] / estimates.df[0] / np.median(weights))


def curve_key(rows: Sequence[PointRow], values: Mapping[str, object]) -> CurveKey:
    """Key of a fit: the cells that all its points share, with ``values`` in the columns of the key."""
    shared: dict[str, Any] = {}
    for name in names_of(SeriesKey):
        distinct = {getattr(row, name) for row in rows}
        shared[name] = distinct.pop() if len(distinct) == 1 else None
    known = {name: value for name, value in values.items() if name in (*shared, "baseline")}
    return CurveKey(**(shared | known))


def log_size(data: Points) -> Array | None:
    """ln (n,) of the training compute, or of parameters × tokens; None unless known for every measurement.

    −∞ for anchors, which are known at every origin.
    """
    size = np.array([row.size for row in data.rows[: data.measured]])
    if not len(size) or not (size > 0).all():
        return None
    return np.append(np.log(size), np.full(data.anchors, -np.inf))


def with_variance(law: Law, estimates: Estimates, x: Array, log_residual: bool) -> tuple[Array, Array]:
    """The law at x (p, n) and the variance of its estimate, ``gᵀ C g``, in the scale of the residuals."""
    theta = estimates.theta[:, 0]
    value, gradient = law.value(theta, x), law.jacobian(theta, x)
    if log_residual:
        value, gradient = np.log(value), gradient / value
    return value, np.einsum("in,ij,jn->n", gradient, estimates.covariance[..., 0], gradient)


def _model_error(problem: Problem) -> ModelError | None:
    """The law's model error from rolling origins; None for laws of a measured predictor or of a whole training
    curve."""
    law, x, data, weights = problem.law, problem.x, problem.data, problem.weights
    sizes = log_size(data)
    if law.source_columns or MEASURED in law.predictors or sizes is None or not problem.least_squares:
        return None
    log_residual = problem.log_residual

    def predict(known: NDArray[np.bool_]) -> tuple[Array, Array] | None:
        if known.sum() < len(law.names) + 2:
            return None
        some = x[:, known]
        starts = law.starting_points(some, data.y[known])[:STARTS]
        estimates = _estimator(law, some, problem.entry)(data.y[known], weights[known], starts)
        if not np.isfinite(estimates.theta).all() or not estimates.df[0] > 0:
            return None
        with np.errstate(all="ignore"):
            value, variance = with_variance(law, estimates, x, log_residual)
        return value, variance + _noise(estimates, weights)

    return model_error(sizes, np.log(data.y) if log_residual else data.y, predict)


def _estimator(law: Law, x: Array, entry: FurtherLaw) -> Estimator:
    """The estimator that the entry requests."""
    loss, residual = entry.loss, entry.residual
    if entry.method == PROJECTION:
        if (loss, residual) != ("squares", "linear"):
            raise RelscaleError(
                f"fit.laws.{entry.name}: {PROJECTION} is for residual: linear and loss: squares"
            )
        return lambda y, weights, starts, tolerance=ORTHOGONAL: project(
            law, x, y, weights=weights, starts=starts, fixed=entry.fixed, tolerance=tolerance
        )
    delta = entry.delta
    return lambda y, weights, starts, tolerance=ORTHOGONAL: estimate(
        law,
        x,
        y,
        weights=weights,
        loss=loss,
        delta=delta,
        residual=residual,
        starts=starts,
        fixed=entry.fixed,
        tolerance=tolerance,
    )


def _weights(data: Points, entry: FurtherLaw) -> Array:
    """Weights (n,) of the points: 1, or 1 / stderr²."""
    if entry.weights == "none":
        return np.ones(len(data.y))
    if data.anchors:
        raise RelscaleError(
            f"fit.laws.{entry.name}: an anchor has no standard error for its weight; remove weights or anchor"
        )
    if not (data.stderr > 0).all():
        raise RelscaleError(f"fit.laws.{entry.name}: weights: stderr needs the standard error of every point")
    return np.asarray((data.y if entry.residual == "log" else 1.0) / data.stderr) ** 2
