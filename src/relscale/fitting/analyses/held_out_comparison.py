"""Comparison of functional forms: each is fitted without the largest budgets and then predicts them.

The held-out points are those of the ``hold_out`` largest budgets. If each run is a point without a budget, they are the
largest quarter of the distinct computes, at least ``hold_out`` of them. They are chosen per curve: if a curve has no
value at the largest budget, its next largest one is held out.

All forms predict ln E or ln G, and with r the error of a prediction, ``rmse_log = √(mean r²)`` and
``bias_log = mean r``, positive if predictions are too high. Log errors are fractions, so that 0.01 is 1%. Laws are
fitted by least squares of the logarithms; the semilogarithmic line and the difference, which may be negative, of the
numbers.

=================== ======= =====================================================================================
form                of      formula
=================== ======= =====================================================================================
persistence         both    the last value stays
power               errors  E = α·F^−β
irreducible         errors  E = E∞ + α·F^−β
bnsl                errors  power law with one smooth break
parametric          errors  E = E∞ + A·N^−α + B·D^−β
semilog             errors  E = a − b·ln F
relative            ratios  G = γ·F^Δβ
irreducible         ratios  each error with its own power law and irreducible error
parametric          ratios  each error with its own L(N, D)
difference          ratios  G = 1 + D/E_b with E_t − E_b = D = δ·F^ε, E_b = α·F^−β
=================== ======= =====================================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relscale.experiments.section import PositiveInt, Section
from relscale.fitting.curves.curves import ERROR, RATIO, Curves
from relscale.fitting.curves.gaps import log_or_nan
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.forecasts.persistence import last_value
from relscale.fitting.inference.log_log_lines import lines
from relscale.fitting.inference.spread import known_mean
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.laws import bnsl, difference, irreducible, parametric
from relscale.laws.law import Law
from relscale.storage.rows import column, fields_of

Mask = NDArray[np.bool_]

SHARE = 1 / 4  # of the computes, held out if runs have no budgets
MOST = 5000  # maximum number of points that a form is fitted to
MANY, FEW = 200, 3  # from MANY points on, FEW starting points find the same minimum
SAME = 1e-6  # relative difference of errors that share a rank
EXACT = 1e-7  # errors below this are all zero
UNKNOWN_SIZE = Remark(Status.NO_PREDICTOR, "parameters or tokens are unknown")


class Options(Section):
    """Options of the comparison."""

    hold_out: PositiveInt = Field(
        default=1,
        description="Number of the largest budgets that are held out when functional forms are compared.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow(CurveKey):
    """One row per curve and functional form: its error on the largest budgets, fitted on the others."""

    quantity: str = column("error, or ratio of two errors.")
    form: str = column("The functional form.")
    n_fitted: int = column("Number of points that it is fitted to.")
    n_held_out: int = column("Number of held-out points.")
    held_out_from: float | None = column("Smallest compute of the held-out points.", "FLOPs")
    rmse_log: float | None = column("Root mean square log error of the predictions.", default=None)
    bias_log: float | None = column("Mean log error; positive if predictions are too high.", default=None)
    rmse_log_fitted: float | None = column("Root mean square log error at the fitted points.", default=None)
    rank: int | None = column("Rank among the forms by rmse_log; 1 is the best.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


TABLE, ROW = "forms", FormRow


@dataclass(frozen=True)
class Prediction:
    """Predictions of a form for all points, fitted to a subset of the points of each curve.

    Attributes
    ----------
    value
        (P, J) ln E or ln G; nan if the form could not be fitted.
    status
        (J,) remarks; ``OK`` if it was fitted.
    """

    value: Floats
    status: list[Remark]


Fit = Callable[[Curves, Mask], Prediction]


@dataclass(frozen=True)
class Form:
    """A form of law.

    Attributes
    ----------
    name, quantity
        Its name, and whether it is a form of errors or of ratios.
    fewest
        Minimum number of distinct computes, one more than its parameters; for ``parametric``, of points.
    fit
        The function from curves and the points (P, J) to fit to a prediction.
    """

    name: str
    quantity: str
    fewest: int
    fit: Fit


def rows(curves: Curves, settings: Settings) -> list[FormRow]:
    """One row per curve and form, ranked by ``rmse_log``; a form that could not be fitted has no error and no rank.

    Forms whose errors agree within 1e-6 share a rank, such as a law with an irreducible error of 0 and the law without.
    """
    if not curves.keys or not curves.points:
        return []
    is_held_out = held_out(curves, settings.of(Options).hold_out)
    fitted = _thinned(np.isfinite(curves.value) & ~is_held_out)
    number = np.array([_distinct(curves.log_flops[column]) for column in fitted.T])
    flops = np.exp(np.where(is_held_out, curves.log_flops[:, None], np.inf).min(axis=0))
    of_curves: list[list[FormRow]] = [[] for _ in curves.keys]
    for form in (form for form in FORMS if form.quantity == curves.quantity):
        enough = (number >= form.fewest) & is_held_out.any(axis=0)
        predicted = form.fit(curves, fitted & enough)
        error = np.where(enough, predicted.value - curves.value, np.nan)
        rmse, bias, inside = _rms(error, is_held_out), known_mean(error, is_held_out), _rms(error, fitted)
        for j, key in enumerate(curves.keys):
            known = bool(np.isfinite(rmse[j]))
            remark = predicted.status[j] if enough[j] else _few(form, int(number[j]), is_held_out[:, j])
            if remark == OK and not known:
                remark = Remark(Status.NO_FORECAST, "its prediction is not a positive error")
            if remark == OK and fitted[:, j].sum() == MOST:
                remark = Remark(Status.THINNED, f"fitted to a subset of {MOST} points, evenly spaced")
            of_curves[j].append(
                FormRow(
                    **fields_of(key),
                    quantity=curves.quantity,
                    form=form.name,
                    n_fitted=int(fitted[:, j].sum()),
                    n_held_out=int(is_held_out[:, j].sum()),
                    held_out_from=flops[j],
                    rmse_log=rmse[j] if known else None,
                    bias_log=bias[j] if known else None,
                    rmse_log_fitted=inside[j] if known else None,
                    **fields_of(remark),
                )
            )
    return [row for of_curve in of_curves for row in _ranked(of_curve)]


def _thinned(used: Mask) -> Mask:
    """At most ``MOST`` points of each curve, evenly spaced in their order."""
    result = np.zeros_like(used)
    for j, of_curve in enumerate(used.T):
        rows = np.flatnonzero(of_curve)
        if len(rows) > MOST:
            rows = rows[np.round(np.linspace(0, len(rows) - 1, MOST)).astype(np.int64)]
        result[rows, j] = True
    return result


def held_out(curves: Curves, hold_out: int) -> Mask:
    """(P, J) the points of each curve that are predicted."""
    budgets = np.array([point.budget for point in curves.points])
    named = bool(np.isfinite(budgets).all())
    place = budgets if named else curves.log_flops
    is_held_out = np.zeros(curves.value.shape, dtype=bool)
    for j, used in enumerate(np.isfinite(curves.value).T):
        distinct = np.unique(place[used])
        count = hold_out if named else max(hold_out, round(SHARE * len(distinct)))
        if 0 < count < len(distinct):
            is_held_out[:, j] = used & (place >= distinct[-count])
    return is_held_out


def _few(form: Form, number: int, held_out_points: NDArray[np.bool_]) -> Remark:
    if not held_out_points.any():
        return Remark(Status.TOO_FEW_POINTS, "too few budgets to hold one out")
    return Remark(
        Status.TOO_FEW_POINTS, f"too few points: {number} distinct computes; the form needs {form.fewest}"
    )


def _persistence(curves: Curves, used: Mask) -> Prediction:
    value = last_value(np.where(used, curves.value, np.nan))  # points are sorted by compute
    return Prediction(np.broadcast_to(value, used.shape), [OK] * used.shape[1])


def _line(curves: Curves, used: Mask) -> Prediction:
    line = lines(curves.log_flops, np.where(used, curves.value, np.nan))
    return Prediction(line.at(curves.log_flops[:, None]), [OK] * used.shape[1])


def _semilog(curves: Curves, used: Mask) -> Prediction:
    line = lines(curves.log_flops, np.where(used, np.exp(curves.value), np.nan))
    return Prediction(log_or_nan(line.at(curves.log_flops[:, None])), [OK] * used.shape[1])


def _of_law(law: Law, curves: Curves, used: Mask) -> Prediction:
    """The law of each error."""
    return _fitted(law, curves, used, curves.target)


def _of_two(law: Law, curves: Curves, used: Mask) -> Prediction:
    """The law of target and of baseline, fitted separately."""
    target = _fitted(law, curves, used, curves.target)
    baseline = _fitted(law, curves, used, _baseline(curves))
    both = zip(target.status, baseline.status, strict=True)
    status = [of_baseline.under("baseline") if own == OK else own for own, of_baseline in both]
    return Prediction(target.value - baseline.value, status)


def _difference(curves: Curves, used: Mask) -> Prediction:
    """The difference of the errors as a power law, on top of the baseline's own."""
    baseline = lines(curves.log_flops, np.where(used, _baseline(curves), np.nan)).at(
        curves.log_flops[:, None]
    )
    gap = np.where(used, np.exp(curves.target) - np.exp(_baseline(curves)), np.nan)
    x = _relative(curves, used)
    rows = used.any(axis=1) if len(used) > MOST else np.ones(len(used), dtype=bool)
    estimates = estimate(
        difference.LAW, x[None, rows], gap[rows], weights=used[rows].astype(float), residual="linear"
    )
    predicted = difference.LAW.value(estimates.theta, x[None, :, None])
    ratio = np.where(estimates.converged, 1 + predicted * np.exp(-baseline), np.nan)
    return Prediction(log_or_nan(ratio), estimates.status)


def _fitted(law: Law, curves: Curves, used: Mask, log_error: Floats) -> Prediction:
    x = _predictors(law, curves, used)
    if not np.isfinite(x[:, used.any(axis=1)]).all():
        return Prediction(np.full(used.shape, np.nan), [UNKNOWN_SIZE] * used.shape[1])
    y = np.exp(np.where(used, log_error, np.nan))
    rows = used.any(axis=1) if len(used) > MOST else np.ones(len(used), dtype=bool)
    points, y, weights = x[:, rows], y[rows], used[rows]
    estimates = estimate(
        law, points, y, weights=weights.astype(float), starts=_starts(law, points, y, weights)
    )
    with np.errstate(all="ignore"):  # of a law that was not found
        predicted = law.value(estimates.theta, np.where(np.isfinite(x), x, 1.0)[..., None])
    return Prediction(np.where(estimates.converged, log_or_nan(predicted), np.nan), estimates.status)


def _starts(law: Law, x: Floats, y: Floats, used: Mask) -> Floats | None:
    """(s, q, J) the law's best starting points if there are many points; else None, for all."""
    if len(used) < MANY or not used.any(axis=0).all():
        return None
    starts = [law.starting_points(x[:, of_curve], y[of_curve, j])[:FEW] for j, of_curve in enumerate(used.T)]
    return np.stack([np.pad(s, ((0, FEW - len(s)), (0, 0)), mode="edge") for s in starts], axis=-1)


def _predictors(law: Law, curves: Curves, used: Mask) -> Floats:
    """(p, P)"""
    if law.reference:
        return _relative(curves, used)[None]
    points = curves.points
    return np.array([[getattr(point, name) for point in points] for name in law.predictors], dtype=float)


def _relative(curves: Curves, used: Mask) -> Floats:
    """(P,) compute divided by the geometric mean of the fitted points."""
    middle = curves.log_flops[used.any(axis=1)].mean() if used.any() else 0.0
    return np.exp(curves.log_flops - middle)


def _baseline(curves: Curves) -> Floats:
    assert curves.baseline is not None  # of a ratio
    return curves.baseline


def _distinct(x: Floats) -> int:
    return len(np.unique(x))


def _rms(error: Floats, of: Mask) -> Floats:
    """(J,) over the points ``of`` (P, J); nan if one of them is."""
    return np.sqrt(known_mean(error**2, of))


def _ranked(rows: list[FormRow]) -> list[FormRow]:
    errors = [row.rmse_log for row in rows if row.rmse_log is not None]
    return [
        row
        if row.rmse_log is None
        else replace(row, rank=1 + sum(error < row.rmse_log * (1 - SAME) - EXACT for error in errors))
        for row in rows
    ]


FORMS = (
    Form("persistence", ERROR, 1, _persistence),
    Form("power", ERROR, 3, _line),
    Form("irreducible", ERROR, 4, partial(_of_law, irreducible.LAW)),
    Form("bnsl", ERROR, 7, partial(_of_law, bnsl.LAW)),
    Form("parametric", ERROR, 6, partial(_of_law, parametric.LAW)),
    Form("semilog", ERROR, 3, _semilog),
    Form("persistence", RATIO, 1, _persistence),
    Form("relative", RATIO, 3, _line),
    Form("irreducible", RATIO, 4, partial(_of_two, irreducible.LAW)),
    Form("parametric", RATIO, 6, partial(_of_two, parametric.LAW)),
    Form("difference", RATIO, 3, _difference),
)
