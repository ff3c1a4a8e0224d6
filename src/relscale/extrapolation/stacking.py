"""Weights of the candidates for curves: those whose weighted mean has the smallest error on the curves of the folds.

    w* = argmin Σ_f v_f Σ_i ln MSE_fi(w) / Σ_f v_f n_f  +  κ / n · KL(w ‖ w_0),    w ≥ 0, Σ w = 1
    w  = (1 − s) · w* + s · (BNSL alone)

MSE_fi(w) is the mean squared error of the weighted mean on curve i in fold f, so that candidates with correlated errors
are not counted twice (stacking; Wolpert, *Neural Networks* 5, 1992). v_f are the weights of the folds, n_f their
numbers of curves, n the largest of these. w_0 are the weights by each candidate's own errors; κ is the number of curves
that they are worth. A share s is on the broken power law, the best single law of the literature: a mean with more
weight on it is better than it on more curves, by less.

κ and s are the strongest shrinkage whose geometric mean of the errors, over the curves of *Revisiting Neural Scaling
Laws* in folds with the weights of the other folds, is within one standard error of the least: the rule of Breiman et
al., *Classification and Regression Trees* (1984).
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from relscale.extrapolation.table import Labels, Mask, rows_of
from relscale.laws.law import Array

PRIOR_CURVES = 5.0
LEAN = 0.3
LEAST = 1e-18  # smallest mean square, so that its logarithm is finite
TINY = float(np.finfo(float).tiny)  # smallest weight of a curve's candidates, in steps that go too far
STARTING_SHARE = 1e-4  # smallest share at the start of the search
# scipy's default tolerances end where the weights still change by 1e-3 with the last digit of an error.
EXACT = {"maxiter": 20_000, "maxfun": 20_000, "maxcor": 60, "ftol": 0.0, "gtol": 1e-10}


def products(error: Array, group: Labels) -> tuple[Array, Array]:
    """Mean products (I, C, C) of a fold's errors (C, m) on each curve, and (I, C) whether a candidate has one.

    A candidate without a forecast of some row of a curve has none for that curve.
    """
    mean, has = [], []
    for rows in rows_of(group).values():
        of_curve = error[:, rows]
        finite: Mask = np.asarray(np.isfinite(of_curve).all(axis=1), dtype=bool)
        of_curve = np.where(finite[:, None], of_curve, 0.0)
        mean.append(of_curve @ of_curve.T / of_curve.shape[1])
        has.append(finite.astype(float))
    return np.array(mean), np.array(has)


def stacked(
    folds: Sequence[tuple[Array, Array]], vote: Array, start: Array, usable: Mask, leader: int | None
) -> Array:
    """(C,) the weights.

    Parameters
    ----------
    folds
        ``products`` of each fold.
    vote
        (F,) weight of each fold.
    start
        (C,) w_0.
    usable
        (C,) candidates that may have weight.
    leader
        Position of the candidate that gets the share s, if any.
    """
    some = np.flatnonzero(usable)
    mean = np.concatenate([of_fold for of_fold, _ in folds])[:, some][:, :, some]
    has = np.concatenate([of_fold for _, of_fold in folds])[:, some]
    votes = np.repeat(vote, [len(of_fold) for of_fold, _ in folds])
    forecast = has.any(axis=1)
    mean, has, votes = mean[forecast], has[forecast], votes[forecast] / votes[forecast].sum()
    prior = np.maximum(start[some], STARTING_SHARE)
    prior = np.log(prior / prior.sum())
    kappa = PRIOR_CURVES / max(len(of_fold) for of_fold, _ in folds)

    def objective(logit: Array) -> tuple[float, Array]:
        log_w = logit - np.logaddexp.reduce(logit)
        w = np.exp(log_w)
        along = mean @ w
        square, share = along @ w + LEAST, np.maximum(has @ w, TINY)
        value = votes @ (np.log(square) - 2 * np.log(share)) + kappa * w @ (log_w - prior)
        slope = votes @ (2 * along / square[:, None] - 2 * has / share[:, None])
        slope = slope + kappa * (log_w - prior + 1)
        return float(value), w * (slope - slope @ w)

    logit = minimize(objective, prior, jac=True, method="L-BFGS-B", options=EXACT).x
    weight = np.zeros(len(start))
    weight[some] = np.exp(logit - np.logaddexp.reduce(logit))
    if leader is not None and usable[leader]:
        weight *= 1 - LEAN
        weight[leader] += LEAN
    return weight
