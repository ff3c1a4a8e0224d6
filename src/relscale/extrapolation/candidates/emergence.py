"""Emergence: scores that are constant or fall up to a threshold and rise beyond it, at the rate of other tasks.

    logit(−y) = level − r · (log F − log F_0) + λ · lead,    −1 < y < 0, such as a negated Brier score

F_0 is the largest known compute of the task, and the level is the median of its last points. r is the median rate of
the other tasks that rise, over their whole range and over their last decade: the slope before the threshold does not
predict that after it. The lead is the mean distance of a model's logits below the trends of these tasks, at its
compute.

Source: Wu and Lo, *U-shaped and Inverted-U Scaling behind Emergent Abilities*, arXiv 2410.01692, for the fall
before and the steady rise after the threshold; here the rate is estimated from the other tasks.
"""

from functools import partial

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.table import Table
from relscale.laws.law import Array

SMALLEST = 1e-4
LAST = 8  # points whose median is the level
DECADE = 1.0
SURE = 3.0  # standard errors by which a rising slope must be below zero


def logit(y: Array) -> Array:
    """The logit of −y."""
    score = np.clip(-y, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(score / (1 - score)))


def rising(known: Table, without: int) -> dict[int, float]:
    """The rates of the other groups that rise, over their whole range and over their last decade."""
    rates = {}
    for group in np.unique(known.group):
        of_group = known.group == group
        x, z = known.x[0, of_group], logit(known.y[of_group])
        late = x >= x.max() - DECADE
        if group == without or len(x) < 2 * LAST or late.sum() < LAST:
            continue
        (slope, _), covariance = np.polyfit(x, z, 1, cov=True)
        if slope < -SURE * np.sqrt(covariance[0, 0]) and np.polyfit(x[late], z[late], 1)[0] < 0:
            rates[int(group)] = -float(slope)
    return rates


def leads(known: Table, groups: list[int]) -> dict[int, float]:
    """Mean distance of a model's logits below the trends of the groups."""
    by_model: dict[int, list[float]] = {}
    for group in groups:
        of_group = known.group == group
        x, z = known.x[0, of_group], logit(known.y[of_group])
        off = z - np.polyval(np.polyfit(x, z, 2), x)
        for model, residual in zip(known.model[of_group], off, strict=True):
            by_model.setdefault(int(model), []).append(float(residual))
    return {model: float(np.mean(off)) for model, off in by_model.items()}


def forecast(rate: float | None, share: float, known: Table, at: Table) -> Array:
    """The forecast; ``rate`` replaces the median rate, ``share`` is λ."""
    result = np.full(len(at), np.nan)
    for group in np.unique(at.group):
        of_group, target = known.group == group, at.group == group
        order = np.argsort(known.x[0, of_group])[-LAST:]
        x, z = known.x[0, of_group][order], logit(known.y[of_group])[order]
        rates = rising(known, int(group))
        r = rate if rate is not None else float(np.median(list(rates.values()))) if rates else 0.0
        lead = leads(known, list(rates)) if share else {}
        ahead = np.median(z) - r * np.maximum(at.x[0, target] - x.max(), 0)
        ahead += share * np.array([lead.get(int(model), 0.0) for model in at.model[target]])
        result[target] = -1 / (1 + np.exp(-ahead))
    return result


def candidates(known: Table) -> list[Candidate]:
    """Candidates for one predictor over decades and scores between −1 and 0."""
    if known.names != ("log_flops",) or not ((known.y < 0) & (known.y > -1)).all():
        return []
    return [
        Candidate("last level", partial(forecast, 0.0, 0.0)),
        Candidate("emergence", partial(forecast, None, 0.0)),
        Candidate("emergence, half of the lead", partial(forecast, None, 0.5)),
        Candidate("emergence, all of the lead", partial(forecast, None, 1.0)),
    ]
