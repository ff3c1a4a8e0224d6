"""A law of several predictors whose curves share a shape: y = Σ_k c_k(group) · f_k(g; x).

The search for the nonlinear parameters g starts from the best few Sobol points of their box; the linear c are by least
squares for each g (variable projection, Golub and Pereyra 1973), per group or common to all. The loss is squares, or
Huber's by reweighting. Errors are relative to y if y is positive.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import qmc

from relscale.extrapolation.table import Labels, Table
from relscale.laws.law import Array
from relscale.laws.linear_terms import regularised

STARTS, POLISHED, EVALUATIONS, REWEIGHTED = 64, 2, 20, 2
NEAR = 0.3  # in ln x: width of the kernel over which residuals of near rows are averaged
OCTAVE = float(np.log(2))


@dataclass(frozen=True)
class Form:
    """A law by its terms.

    Attributes
    ----------
    predictors
        The predictors of ``terms``, in order.
    low, high
        Bounds of g.
    terms
        Function of g (r,) and x (p, n) that returns f (n, k).
    positive
        Whether c ≥ 0.
    start
        A g that is tested in addition to the Sobol points.
    per_group
        Whether each group has its own c.
    anchor
        Predictors that define the distance of rows, by their logarithms: see ``anchored``.
    """

    name: str
    source: str
    predictors: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    terms: Callable[[Array, Array], Array]
    positive: bool = False
    start: tuple[float, ...] = ()
    per_group: bool = True
    anchor: tuple[str, ...] = ()
    starts: int = STARTS


@dataclass(frozen=True)
class Fit:
    """A fitted form: g (r,), c (groups, k) in the order of ``groups``, and residuals (n,) of known rows."""

    form: Form
    g: Array
    c: Array
    groups: Labels
    residual: Array

    def at(self, table: Table) -> Array:
        """y at the rows of a table; nan for a group that was not known."""
        terms = self.form.terms(self.g, table.of(self.form.predictors))
        result = np.full(len(table), np.nan)
        for c, group in zip(self.c, self.groups, strict=True):
            of_group = (table.group == group) | (not self.form.per_group)
            result[of_group] = terms[of_group] @ c
        return result


def fit(form: Form, known: Table, weight: Array | None = None, delta: float | None = None) -> Fit:
    """Fit a form.

    Parameters
    ----------
    weight
        (n,) weights of the rows.
    delta
        Threshold of Huber's loss, as a share of y (of the spread of y if it is not positive); None for squares.
    """
    x = known.of(form.predictors)
    size = known.y if known.positive else np.full(len(known), known.y.std())
    base = np.sqrt(np.ones(len(known)) if weight is None else weight) / size
    labels = known.group if form.per_group else np.zeros(len(known), dtype=np.int64)
    groups = np.unique(labels)
    members = [labels == group for group in groups]
    low, high = np.array(form.low), np.array(form.high)

    def projected(g: Array, root: Array) -> tuple[Array, Array]:
        terms = form.terms(g, x)
        residual, c = np.empty(len(known)), np.empty((len(groups), terms.shape[1]))
        for i, of_group in enumerate(members):
            weighted = terms[of_group] * root[of_group][:, None], known.y[of_group] * root[of_group]
            c[i] = regularised(*weighted, form.positive)
            residual[of_group] = terms[of_group] @ c[i] - known.y[of_group]
        return residual, c

    def misfit(g: Array, root: Array) -> Array:
        residual = projected(g, root)[0] * root
        return residual if np.isfinite(residual).all() else np.full(len(known), 1e3)

    root = base
    with np.errstate(all="ignore"):
        if len(low):
            sobol = qmc.Sobol(len(low), seed=0).random(form.starts)
            starts = [low + (high - low) * point for point in sobol]
            starts += [np.array(form.start)] if form.start else []
            cost = [float((misfit(g, root) ** 2).sum()) for g in starts]
            best, least = starts[int(np.argmin(cost))], np.inf
            for i in np.argsort(cost)[:POLISHED]:
                minimum = least_squares(
                    misfit, starts[i], bounds=(low, high), args=(root,), max_nfev=EVALUATIONS
                )
                if minimum.cost < least:
                    best, least = minimum.x, minimum.cost
        else:
            best = low
        for _ in range(REWEIGHTED if delta else 0):
            off = np.abs(projected(best, root)[0]) / size
            root = base * np.sqrt(np.minimum(1, (delta or 0) / np.maximum(off, 1e-12)))
            if len(low):
                best = least_squares(misfit, best, bounds=(low, high), args=(root,), max_nfev=EVALUATIONS).x
        residual, c = projected(best, root)
    return Fit(form, best, c, groups, residual)


def forecast(
    form: Form, delta: float | None = None, half_life: float = np.inf, anchored: bool = False
) -> Callable[[Table, Table], Array]:
    """A form as a candidate's forecast.

    Parameters
    ----------
    half_life
        Octaves of distance from the targets (in the predictors of ``anchor``) at which a known row has half the weight.
    anchored
        Add the mean residual of the known rows nearest to each target row, in the predictors of ``anchor``.
    """

    def of_table(known: Table, at: Table) -> Array:
        weight = None
        if np.isfinite(half_life):
            centre = np.log(at.of(form.anchor)).mean(axis=1)
            apart = np.sqrt(((np.log(known.of(form.anchor)) - centre[:, None]) ** 2).sum(axis=0)) / OCTAVE
            weight = 0.5 ** (apart / half_life)
        fitted = fit(form, known, weight, delta)
        ahead = fitted.at(at)
        return ahead - offset(fitted, known, at) if anchored else ahead

    return of_table


def offset(fit: Fit, known: Table, at: Table) -> Array:
    """(m,) mean residual of the fit at the known rows nearest to each target row, of its group if groups are curves."""
    names = fit.form.anchor
    a, b = np.log(known.of(names)), np.log(at.of(names))
    scale = np.maximum(np.median(np.abs(fit.residual)), 1e-12) * 3
    trust = np.minimum(1, scale / np.maximum(np.abs(fit.residual), 1e-12))
    result = np.zeros(len(at))
    anchors, which = np.unique(np.vstack([b, at.group * fit.form.per_group]), axis=1, return_inverse=True)
    for i, place in enumerate(anchors.T):
        rows = known.group == place[-1] if fit.form.per_group else np.ones(len(known), dtype=bool)
        apart = np.sqrt(((a[:, rows] - place[:-1, None]) ** 2).sum(axis=0))
        near = np.exp(-0.5 * ((apart - apart.min()) / NEAR) ** 2) * trust[rows]
        result[which.ravel() == i] = (near * fit.residual[rows]).sum() / near.sum()
    return result
