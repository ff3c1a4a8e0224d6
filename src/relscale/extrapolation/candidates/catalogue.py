"""The laws of ``relscale.laws`` whose predictors a table has, fitted per group, by squares and by Huber's loss."""

from functools import partial

import numpy as np

from relscale.errors import RelscaleError
from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.table import Table
from relscale.fitting.estimation.estimate import estimate
from relscale.laws.catalogue import law_modules
from relscale.laws.law import Array, Law

LOSSES = ("squares", "huber")


def forecast(law: Law, loss: str, known: Table, at: Table) -> Array:
    """The forecast of a law; nan if a group cannot be fitted."""
    result = np.full(len(at), np.nan)
    for group in np.unique(at.group):
        of_group, target = known.group == group, at.group == group
        if of_group.sum() <= len(law.parameters):
            continue
        try:
            estimates = estimate(law, known.of(law.predictors)[:, of_group], known.y[of_group], loss=loss)
        except RelscaleError:
            continue
        ahead = law.value(estimates.theta[:, 0], at.of(law.predictors)[:, target])
        result[target] = ahead if estimates.converged[0] and not estimates.at_bound[:, 0].any() else np.nan
    return result


def candidates(known: Table) -> list[Candidate]:
    """Laws of several predictors; curves of one predictor have other candidates (``curves``)."""
    if len(known.names) < 2 or not known.positive or not (known.x > 0).all():
        return []
    laws = [module.LAW for module in law_modules().values() if isinstance(module.LAW, Law)]
    return [
        Candidate(f"{law.name}, {loss}", partial(forecast, law, loss), law.name)
        for law in laws
        if set(law.predictors) <= set(known.names)
        and not law.gap
        and not law.reference
        and not law.source_columns
        for loss in LOSSES
    ]
