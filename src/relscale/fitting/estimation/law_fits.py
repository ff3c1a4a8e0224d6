"""Further laws, as a config asks for them: each a name, a law, the measurements it is fitted to and predicts.

name, law                what the rows are called, and a file of ``relscale.laws``
x                        the columns of its predictors, where they are not those that the law names
fixed                    parameters that are given
baseline                 for a law of gaps: the group that each other group's value is compared with
where                    columns and the value, or one of the values, that they have
only, predict            of these rows those that are fitted, and those that are predicted
by                       one fit for each distinct value of these columns
predictor                for a law from one measured number to another: which number of the same model
predictor_from           for its predictions: the fit whose predictions of that number are used, draw by draw
leave_out_highest        points of the highest value that are left out
anchor                   points that are known without a measurement
residual, loss, delta    as in ``relscale.fitting.estimation.estimate``
weights                  none, or stderr: 1 / stderr² (of the logarithm for log residuals)
method                   levenberg-marquardt or variable-projection
bootstrap                scheme and limits; see ``relscale.fitting.estimation.law_draws``

Without ``bootstrap`` parameters by least squares have the limits of the objective's profile (``profile_limits``), which
are those of the Jacobian's t interval where a law is about linear, and predictions have that t interval. Both hold the
truth as often as they say where percentiles of draws do so too rarely (``docs/explanation/coverage.md``).
Huber's loss has draws of pairs up to ``ENOUGH`` points, where its sandwich falls short; points that share trainings
have draws of these; and a prediction that takes its predictor from another fit has draws, to carry on the other's. Fits
to very many points have fewer draws than were asked for, and their scheme says how many.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import stdtrit

from relscale.errors import RelscaleError
from relscale.fitting.core_options import FurtherLaw, LawBootstrap
from relscale.fitting.estimation.beyond_data import ModelError, beyond, model_error
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_columns import LawColumns, along_trainings, gaps, law_columns
from relscale.fitting.estimation.law_draws import Draws, Estimator, draws, limits
from relscale.fitting.estimation.law_points import (
    MEASURED,
    Points,
    Row,
    distinct,
    held_in,
    model,
    points,
    select,
    takes_logarithm,
)
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.estimation.variable_projection import project
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, draws_note
from relscale.fitting.inference.bootstrap.limits import limits as limits_of_draws
from relscale.fitting.inference.bootstrap.schemes import BLOCK, METHODS, PAIRS
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import listed
from relscale.fitting.inference.spread import spread
from relscale.fitting.keys import SeriesKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Remark, Status, together
from relscale.laws.law import Array, Law
from relscale.rows import cells_of, column, names_of

NO_DRAWS = Remark(
    Status.NO_INTERVAL,
    "no intervals: points of one training are not independent, and the config asks for no bootstrap of trainings",
)
NO_PREDICTOR = Remark(Status.NO_PREDICTOR, "no predictor for this run")
OF_ONE_RUN = "with the scatter of one run"

ENOUGH = 2000  # points from which on Huber's sandwich holds
STARTS = 3  # of a law's starting points, of so many points that few find the same minimum
MOST_DRAWN, FEWEST_DRAWS = 2_000_000, 100  # points times draws, and what is drawn in any case

TAG = 41  # of this use of random numbers
KEY = names_of(SeriesKey)
FIXED: Row = {"method": Method.FIXED, "method_note": "by the config"}
PROJECTION = "variable-projection"

# Of each model that a fit predicted, the prediction and its draws.
Predicted = dict[tuple[Any, ...], tuple[float, Array]]


@dataclass(frozen=True)
class Fitted:
    """One law at its optimum.

    Attributes
    ----------
    drawn
        Resampled, or None.
    by_t
        Whether intervals are those of t and not of the draws.
    reference
        The compute that the law's predictor is relative to, or nan.
    noise
        Variance of a further point, in the scale of the residuals: of the number, or of its logarithm where
        ``log_residual``; nan with Huber's loss.
    columns
        Of the measurements, those of the predictors.
    data, error
        What it was fitted to, and how much such fits missed from rolling origins; None where nothing is predicted.
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
        """Predictors as the law takes them, from those of the table; nan for compute that is not positive."""
        return np.where(raw > 0, raw, np.nan) / self.reference if np.isfinite(self.reference) else raw

    def interval(self, x: Array, level: float) -> tuple[float, float]:
        """Limits of a further point at x (p,), by t: ``± t·√(gᵀ C g + noise)``, g the derivatives there."""
        value, variance = _with_variance(self.law, self.estimates, x[:, None], self.log_residual)
        half = float(stdtrit(self.estimates.df[0], (1 + level) / 2) * np.sqrt(variance[0] + self.noise))
        low, high = value[0] - half, value[0] + half
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))

    def wider(
        self, value: float, limits: tuple[float, float], distance: float, level: float
    ) -> tuple[float, float]:
        """Limits with what the law itself missed at such distances added in quadrature."""
        half = self.error.half_width(distance, level) if self.error else 0.0
        if not half or not np.isfinite(limits).all() or (self.log_residual and not limits[0] > 0):
            return limits
        centre, low, high = np.log([value, *limits]) if self.log_residual else np.array([value, *limits])
        low, high = centre - np.hypot(centre - low, half), centre + np.hypot(high - centre, half)
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRow(SeriesKey):
    """One row per further law and run that it predicts without having seen it."""

    fit: str = column("Name of the further law in the config.")
    law: str = column("Name of the law.")
    run: str | None = column("The run.")
    training_flops: float | None = column("Its training compute.", "FLOPs")
    params: float | None = column("Its parameters.")
    tokens: float | None = column("Its training tokens.", "tokens")
    observed: float | None = column("What was measured.")
    predicted: float | None = column("What the law predicts.", default=None)
    low: float | None = column("Lower limit of the prediction interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float = column("Level of the prediction interval.")
    relative_error: float | None = column("|predicted − observed| / observed.", default=None)
    method: Method | None = column("How the interval was made.", default=None)
    method_note: str | None = column("Details of the method.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


def law_fits(measurements: pa.Table, settings: Settings) -> tuple[list[ParameterRow], list[PredictionRow]]:
    """Rows of the tables ``fits`` and ``predictions`` for every law of the config.

    Raises
    ------
    RelscaleError
        A law, column, option or fit is unknown, no row is selected, or a predictor is missing everywhere. A fit that
        fails is a row with a status.
    """
    fits: list[ParameterRow] = []
    predictions: list[PredictionRow] = []
    predicted: dict[str, Predicted] = {}
    for entry in settings.laws:
        own_fits, own_predictions, predicted[entry.name] = _entry(measurements, entry, settings, predicted)
        fits += own_fits
        predictions += own_predictions
    return fits, predictions


def _entry(
    measurements: pa.Table, entry: FurtherLaw, settings: Settings, earlier: Mapping[str, Predicted]
) -> tuple[list[ParameterRow], list[PredictionRow], Predicted]:
    """One law of the config."""
    place = f"fit.laws.{entry.name}"
    try:
        of = law_columns(settings.user_laws.get(entry.law, entry.law), entry.x, measurements)
        measurements = along_trainings(measurements, of.law, of.columns)
    except RelscaleError as error:
        raise RelscaleError(f"{place}: {error}") from error
    law = of.law
    for name in entry.fixed:
        if name not in law.names:
            raise RelscaleError(
                f"{place}.fixed: law {law.name} has no parameter {name!r}; it has {', '.join(law.names)}"
            )
    for point in entry.anchor:
        if len(point) != len(of.predictors) + 1:
            needed = f"{', '.join(of.predictors)} and the value"
            raise RelscaleError(f"{place}.anchor: {list(point)} is not a point of law {law.name}: {needed}")
        logs = [takes_logarithm(law, i) for i in range(len(of.predictors))] + [entry.residual == "log"]
        if any(is_log and value <= 0 for is_log, value in zip(logs, point, strict=True)):
            raise RelscaleError(f"{place}.anchor: {list(point)} has a number without a logarithm")
    source = entry.predictor_from
    if source is not None and source not in earlier:
        raise RelscaleError(f"{place}: predictor_from {source!r} is not a fit named before it")

    baseline = _baseline(law, entry, settings, place)
    selected = _selected(measurements, law, entry.where or {}, baseline, place)
    by = list(entry.by) + (["group"] if baseline and "group" not in entry.by else [])
    measured = _measured(measurements, law, entry, place)
    selection = held_in(selected, entry, place)
    ahead = select(selected, entry.predict, f"{place}.predict") if entry.predict else None
    fits: list[ParameterRow] = []
    predictions: list[PredictionRow] = []
    predicted: Predicted = {}
    for values in distinct(select(selected, entry.only or {}, f"{place}.only"), by, place):
        rows_of_fit = _of(selection, values)
        data = points(law, of.predictors, rows_of_fit, measured, entry.residual == "log")
        order = np.argsort(data.y, kind="stable")
        lowest = order[: max(0, len(order) - entry.leave_out_highest)]
        data = data.select(np.isin(np.arange(len(order)), lowest))
        if not len(data.y):
            reason = f"no row has a number that can be trusted and {', '.join(of.predictors)}"
            reason += f" ({data.lost[0]})" if data.lost else ""
            if not rows_of_fit.num_rows:
                reason = "all of its measurements are to be predicted, and none is left to fit"
            if not values:
                raise RelscaleError(f"{place}: {reason}")
            fits.append(
                ParameterRow(
                    **_key(values | {"baseline": baseline}),
                    fit=entry.name,
                    law=law.name,
                    n=0,
                    status=Status.TOO_FEW_POINTS,
                    note=reason,
                )
            )
            continue
        data = data.anchored(entry.anchor) if entry.anchor else data
        fitted, rows = _fit(of, entry, data, settings, values | ({"baseline": baseline} if baseline else {}))
        fits += rows
        if ahead is not None:
            own_ahead = _of(ahead, values)
            if own_ahead.num_rows:
                new, of_models = _predict(
                    fitted, entry, own_ahead, measured, earlier.get(source or ""), settings
                )
                predictions += new
                predicted |= of_models
    return fits, predictions, predicted


def _measured(
    measurements: pa.Table, law: Law, entry: FurtherLaw, place: str
) -> dict[tuple[Any, ...], float] | None:
    """The measured number that the law starts from, by model; None for a law that starts from none."""
    if MEASURED not in law.predictors:
        return None
    if not entry.predictor:
        raise RelscaleError(f"{place}: law {law.name} starts from a measured number; name it under predictor")
    rows = select(measurements, entry.predictor, f"{place}.predictor").to_pylist()
    result: dict[tuple[Any, ...], float] = {}
    for row in rows:
        if row["value"] is None or row.get("status") not in ("ok", None):
            continue
        if model(row) in result:
            raise RelscaleError(
                f"{place}.predictor: run {row['run']!r} has several such numbers; name group, suite and metric"
            )
        result[model(row)] = row["value"]
    return result


def _baseline(law: Law, entry: FurtherLaw, settings: Settings, place: str) -> str | None:
    """The group that a law of gaps compares with; None where values are taken as they are."""
    baseline = entry.baseline
    if law.gap is None and baseline is not None:
        raise RelscaleError(f"{place}.baseline: law {law.name} compares no groups")
    if law.gap == "ratio" and baseline is None:
        suite = (entry.where or {}).get("suite")
        baseline = settings.baselines.get(suite) if isinstance(suite, str) else None
        if baseline is None:
            raise RelscaleError(f"{place}: law {law.name} compares groups; name the baseline among them")
    return baseline


def _selected(
    measurements: pa.Table, law: Law, where: Mapping[str, Any], baseline: str | None, place: str
) -> pa.Table:
    """The rows of ``where``; with a baseline those of all other groups, as gaps to it."""
    if baseline is None or law.gap is None:
        return select(measurements, where, place)
    selection = select(measurements, {name: where[name] for name in where if name != "group"}, place)
    try:
        compared = gaps(selection, law.gap, baseline)
    except RelscaleError as error:
        raise RelscaleError(f"{place}: {error}") from error
    return select(compared, {"group": where["group"]} if "group" in where else {}, place)


def _of(table: pa.Table, values: Row) -> pa.Table:
    keep = [
        all(row[name] == value for name, value in values.items())
        for row in table.select(list(values)).to_pylist()
    ]
    return table.filter(pa.array(keep, pa.bool_())) if values else table


def _fit(
    of: LawColumns, entry: FurtherLaw, data: Points, settings: Settings, values: Row
) -> tuple[Fitted, list[ParameterRow]]:
    """Fit, resample, and rows of the table ``fits``."""
    law, fixed = of.law, entry.fixed
    log_residual = entry.residual == "log"
    reference = float(np.exp(np.log(data.x[0]).mean())) if law.reference else np.nan
    x = data.x / reference if law.reference else data.x
    fit = _estimator(law, x, entry)
    weights = _weights(data, entry, log_residual)
    estimates = fit(
        data.y, weights, None if len(data.y) <= ENOUGH else law.starting_points(x, data.y)[:STARTS]
    )
    remark = estimates.status[0]
    if data.lost:
        reasons = list(dict.fromkeys(data.lost))
        rows_asked = len(data.y) + len(data.lost)
        used = f"fitted on {len(data.y)} of {rows_asked} rows ({listed(reasons)})"
        remark = together(remark, Remark(Status.MISSING_POINTS, used))
    low, high = (side[:, 0] for side in estimates.interval(settings.level))
    least_squares = entry.loss == "squares"
    columns: dict[str, Any] = {
        "stderr": estimates.stderr[:, 0],
        "low": low,
        "high": high,
        "df": np.full(len(low), float(estimates.df[0])),
        "method": [Method.NONLINEAR_T if least_squares else Method.HUBER_SANDWICH] * len(low),
        "method_note": [f"{estimates.agreeing[0]} of {estimates.starts} starts agree"] * len(low),
    }
    drawn = None
    options = entry.bootstrap or LawBootstrap()
    is_asked = bool(options.scheme or options.limits)
    shared = len(set(data.trainings)) < len(data.y)
    of_pairs = not least_squares and len(data.y) <= ENOUGH
    by_t = not (settings.bootstrap and (is_asked or shared or of_pairs))
    if shared and not is_asked and not settings.bootstrap:
        columns, remark = {}, together(remark, NO_DRAWS)
    elif by_t and least_squares and len(data.y) <= ENOUGH:
        profile = profile_limits(
            estimates, x, data.y, settings.level, weights=weights, residual=entry.residual, fixed=fixed
        )
        columns["low"], columns["high"] = (side[:, 0] for side in profile)
        open_ones = [
            name
            for name, interval in zip(law.names, np.concatenate(profile, axis=1), strict=True)
            if np.isinf(interval).any()
        ]
        if open_ones:
            note = f"the data set no limit on one side of {listed(open_ones)}"
            remark = together(remark, Remark(Status.OPEN_INTERVAL, note))
    number = min(settings.bootstrap, max(FEWEST_DRAWS, MOST_DRAWN // len(data.y)))
    if settings.bootstrap and np.isfinite(estimates.theta).all() and not (by_t and not entry.predict):
        kind = options.limits or PERCENTILE
        seed = [settings.seed, TAG, zlib.crc32(f"{entry.name} {sorted(values.items())}".encode())]
        try:
            drawn = draws(
                law,
                estimates,
                data,
                x,
                fit,
                scheme=options.scheme or (BLOCK if shared else PAIRS),
                number=number,
                log_residual=log_residual,
                weights=weights,
                rng=np.random.default_rng(seed),
            )
            if not by_t:
                of_draws = limits(kind, estimates, drawn, settings.level, data, weights, fit)
                columns = {
                    "stderr": spread(drawn.theta),
                    "low": of_draws.low,
                    "high": of_draws.high,
                    "method": [METHODS[drawn.scheme]] * len(of_draws.failed),
                    "method_note": [draws_note(kind, number, int(count)) for count in of_draws.failed],
                }
                free = [i for i, name in enumerate(law.names) if name not in fixed]
                remark = together(remark, *(of_draws.status[i] for i in free))
        except RelscaleError as error:  # the scheme needs what these data do not have
            columns, remark = {}, together(remark, Remark(Status.NO_INTERVAL, str(error)))
    common = _key({name: _shared(data.column(name)) for name in KEY} | values)
    common |= {
        "fit": entry.name,
        "law": law.name,
        "predictor": ", ".join(of.predictors),
        "level": settings.level,
        "estimand": Estimand.THESE_ITEMS,
        "n": len(data.y),
        "reference_flops": reference,
        **cells_of(remark),
    }
    flops = [value for value in data.column("training_flops") if value is not None]
    if flops:
        common |= {"flops_low": min(flops), "flops_high": max(flops)}
    rows = [
        ParameterRow(
            **common,
            parameter=name,
            value=estimates.theta[i, 0],
            **(FIXED if name in fixed else {column: interval[i] for column, interval in columns.items()}),
        )
        for i, name in enumerate(law.names)
    ]
    rows.append(ParameterRow(**common, parameter="objective", value=estimates.objective[0]))
    scattered = least_squares and estimates.df[0] > 0
    noise = 2 * estimates.objective[0] / estimates.df[0] / np.median(weights) if scattered else np.nan
    missed = _model_error(law, x, entry, data, weights) if entry.predict else None
    fitted = Fitted(
        law, estimates, drawn, by_t, reference, float(noise), log_residual, of.predictors, data, missed
    )
    return fitted, rows


def _with_variance(law: Law, estimates: Estimates, x: Array, log_residual: bool) -> tuple[Array, Array]:
    """The law at x (p, n) and the variance of its estimate, ``gᵀ C g``, in the scale of the residuals."""
    theta = estimates.theta[:, 0]
    value, gradient = law.value(theta, x), law.jacobian(theta, x)
    if log_residual:
        value, gradient = np.log(value), gradient / value
    return value, np.einsum("in,ij,jn->n", gradient, estimates.covariance[..., 0], gradient)


def _model_error(law: Law, x: Array, entry: FurtherLaw, data: Points, weights: Array) -> ModelError | None:
    """The law's errors from rolling origins; None for a law that starts from measured numbers or whole trainings."""
    log_size = _log_size(data)
    if law.source_columns or MEASURED in law.predictors or log_size is None or entry.loss != "squares":
        return None
    log_residual = entry.residual == "log"

    def predict(known: NDArray[np.bool_]) -> tuple[Array, Array] | None:
        if known.sum() < len(law.names) + 2:
            return None
        some = x[:, known]
        starts = law.starting_points(some, data.y[known])[:STARTS]
        estimates = _estimator(law, some, entry)(data.y[known], weights[known], starts)
        if not np.isfinite(estimates.theta).all() or not estimates.df[0] > 0:
            return None
        with np.errstate(all="ignore"):
            value, variance = _with_variance(law, estimates, x, log_residual)
        return value, variance + 2 * estimates.objective[0] / estimates.df[0] / np.median(weights)

    return model_error(log_size, np.log(data.y) if log_residual else data.y, predict)


def _log_size(data: Points) -> Array | None:
    """(n,) ln of the training compute, or of parameters × tokens; None where it is not known of every measurement.

    −∞ of anchors, which are known from the start.
    """
    size = np.array([_size(row) for row in data.rows[: data.measured]])
    if not len(size) or not (size > 0).all():
        return None
    return np.append(np.log(size), np.full(data.anchors, -np.inf))


def _size(row: Row) -> float:
    """Training compute, else 6 × parameters × tokens; nan where neither is known."""
    flops, params, tokens = (row.get(name) for name in ("training_flops", "params", "tokens"))
    if flops is not None:
        return float(flops)
    return float(6 * params * tokens) if params is not None and tokens is not None else np.nan


def _key(values: Row) -> Row:
    """The columns that rows of the fits have; the other columns identify fits by name only."""
    return {name: value for name, value in values.items() if name in (*KEY, "baseline")}


def _estimator(law: Law, x: Array, entry: FurtherLaw) -> Estimator:
    """How the entry wants the law fitted."""
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


def _weights(data: Points, entry: FurtherLaw, log_residual: bool) -> Array:
    """(n,), 1 or 1 / stderr²."""
    if entry.weights == "none":
        return np.ones(len(data.y))
    if data.anchors:
        raise RelscaleError(
            f"fit.laws.{entry.name}: an anchor has no standard error to weigh it by; leave out weights, or anchor"
        )
    if not (data.stderr > 0).all():
        raise RelscaleError(f"fit.laws.{entry.name}: weights: stderr needs the standard error of every point")
    return np.asarray((data.y if log_residual else 1.0) / data.stderr) ** 2


def _predict(
    fitted: Fitted,
    entry: FurtherLaw,
    ahead: pa.Table,
    measured: Mapping[tuple[Any, ...], float] | None,
    source: Predicted | None,
    settings: Settings,
) -> tuple[list[PredictionRow], Predicted]:
    """Rows of the table ``predictions``, and the predictions by model."""
    law, drawn = fitted.law, fitted.drawn
    theta = fitted.estimates.theta[:, 0]
    rows: list[PredictionRow] = []
    result: Predicted = {}
    for row in sorted(ahead.to_pylist(), key=lambda row: str(model(row))):
        key = model(row)
        number = drawn.theta.shape[1] if drawn is not None else 0
        raw, raw_draws = _predictors(fitted.columns, row, measured, source, number)
        value = float(law.value(theta, fitted.x(raw)[:, None])[0])
        common = {name: row.get(name) for name in (*KEY, "run", "training_flops", "params", "tokens")} | {
            "fit": entry.name,
            "law": law.name,
            "observed": row["value"],
            "level": settings.level,
        }
        remark = fitted.estimates.status[0]
        if not np.isfinite(value):
            rows.append(PredictionRow(**common, **cells_of(NO_PREDICTOR)))
            continue
        common |= {"predicted": value}
        if row["value"]:
            common |= {"relative_error": abs(value - row["value"]) / row["value"]}
        observed = np.empty(0)
        if drawn is not None:
            with np.errstate(all="ignore"):
                values = law.value(drawn.theta, fitted.x(raw_draws)[:, None])[0]
                observed = values * np.exp(drawn.noise) if fitted.log_residual else values + drawn.noise
        result[key] = value, observed
        if fitted.by_t and source is None:
            common["low"], common["high"] = fitted.interval(fitted.x(raw), settings.level)
            common["method"], common["method_note"] = Method.NONLINEAR_T, OF_ONE_RUN
        elif drawn is not None:
            of_draws = limits_of_draws(np.array([value]), observed[None], settings.level)
            remark = together(remark, of_draws.status[0])
            if np.isfinite(of_draws.low[0]):
                common["low"], common["high"] = float(of_draws.low[0]), float(of_draws.high[0])
            common["method"] = METHODS[drawn.scheme]
            note = draws_note(PERCENTILE, number, int(of_draws.failed[0]))
            common["method_note"] = f"{note}, {OF_ONE_RUN}"
        distance, how_far = _beyond(fitted, row, raw)
        if how_far:
            remark = together(remark, Remark(Status.BEYOND_DATA, how_far))
            if common.get("low") is not None and distance > 0:
                both = common["low"], common["high"]
                common["low"], common["high"] = fitted.wider(value, both, distance, settings.level)
                common["method_note"] += ", with what such predictions missed inside the data"
        rows.append(PredictionRow(**common, **cells_of(remark)))
    return rows, result


def _beyond(fitted: Fitted, row: Row, raw: Array) -> tuple[float, str]:
    """How far a row is beyond the data, as the logarithm of its compute, and in words."""
    data = fitted.data
    if data is None or MEASURED in fitted.columns:
        return 0.0, ""
    names, values, at = list(fitted.columns), data.x[:, : data.measured], raw
    log_size, size = _log_size(data), _size(row)
    if log_size is None or not size > 0:
        return 0.0, beyond(names, values, at)
    if "training_flops" not in names:
        names, at = [*names, "training_flops"], np.append(at, size)
        values = np.vstack([values, np.exp(log_size[: data.measured])])
    return float(np.log(size) - log_size.max()), beyond(names, values, at)


def _predictors(
    columns: Sequence[str],
    row: Row,
    measured: Mapping[tuple[Any, ...], float] | None,
    source: Predicted | None,
    number: int,
) -> tuple[Array, Array]:
    """A row's predictors (p,), and for each draw (p, B)."""
    values: list[float] = []
    rows: list[Array] = []
    for name in columns:
        if name != MEASURED:
            value = row.get(name)
            values.append(np.nan if value is None else float(value))
        elif source is not None:
            values.append(source[model(row)][0] if model(row) in source else np.nan)
        else:
            values.append((measured or {}).get(model(row), np.nan))
        draws_of = source[model(row)][1] if name == MEASURED and source and model(row) in source else None
        # Fewer draws of the first stage than of this one, or none of it, leave its prediction as it is.
        has = draws_of is not None and len(draws_of) == number
        rows.append(draws_of if has and draws_of is not None else np.full(number, values[-1]))
    return np.array(values), np.array(rows)


def _shared(values: list[Any]) -> Any:
    """The one value of all, or None."""
    return values[0] if len(set(values)) == 1 else None
