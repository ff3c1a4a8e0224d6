"""Fixed weights fitted to the outcomes: a bound on how often a weighted mean of candidates beats all of them.

For each data set, the weights with the least mean |error| over its origins are fitted to the outcomes: once to
those of all origins, and once, for each half of the origins (every second one), to those of the other half. Neither
set of weights is available at the time of a forecast. Neighbouring origins share most outcomes, so the second are
not independent either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from relscale.fitting.curves.run_matrix import Floats

SMOOTH = 1e-4  # of ln y: the loss of smaller errors is quadratic
STEEP = 5.0  # logit of the candidate that a search starts from
FEWEST = 4  # origins that can be halved


@dataclass(frozen=True)
class Origin:
    """Errors of the candidates (C, n) and of the ensemble (n,) at one origin; nan where there is no forecast."""

    candidates: Floats
    ensemble: Floats


def mean_of(weight: Floats, error: Floats) -> Floats:
    """(n,) errors of the weighted mean of candidates (C, n), over the candidates that have a forecast."""
    made = np.isfinite(error)
    share = np.where(made, weight[:, None], 0.0)
    return np.asarray((share * np.where(made, error, 0.0)).sum(axis=0) / share.sum(axis=0))


def fitted_weights(origins: Sequence[Origin]) -> Floats:
    """(C,) the weights with the least mean |error|, from several starts: equal, and every third candidate alone."""
    count = len(origins[0].candidates)

    def objective(logit: Floats) -> tuple[float, Floats]:
        weight = np.exp(logit - np.logaddexp.reduce(logit))
        value, slope = 0.0, np.zeros(count)
        for origin in origins:
            made = np.isfinite(origin.candidates)
            error = np.where(made, origin.candidates, 0.0)
            mean, total = mean_of(weight, origin.candidates), weight @ made
            size = np.sqrt(mean**2 + SMOOTH**2)
            value += size.mean() / len(origins)
            slope += (made * (error - mean) / total * (mean / size)).mean(axis=1) / len(origins)
        return value, weight * (slope - slope @ weight)

    starts = [np.zeros(count), *(STEEP * np.eye(count)[::3])]
    found = [minimize(objective, start, jac=True, method="L-BFGS-B") for start in starts]
    best = min(found, key=lambda each: float(each.fun)).x
    return np.asarray(np.exp(best - np.logaddexp.reduce(best)))


def below_all(errors: Sequence[Floats], origins: Sequence[Origin]) -> bool:
    """Whether the mean over origins of the median |error| is below each candidate's, on forecasts that both make."""
    for c in range(len(origins[0].candidates)):
        both = []
        for error, origin in zip(errors, origins, strict=True):
            made = np.isfinite(origin.candidates[c])
            if made.any():
                both.append([np.median(np.abs(e[made])) for e in (error, origin.candidates[c])])
        if both and not np.less(*np.mean(both, axis=0)):
            return False
    return True


def bounds(origins: Sequence[Origin]) -> tuple[bool, bool, bool | None]:
    """Whether errors are below all candidates': the ensemble's, and with weights of all origins or of the other half.

    The last is None if there are too few origins.
    """
    every = [origin.candidates for origin in origins]
    ensemble = below_all([origin.ensemble for origin in origins], origins)
    weight = fitted_weights(origins)
    hindsight = below_all([mean_of(weight, each) for each in every], origins)
    if len(origins) < FEWEST:
        return ensemble, hindsight, None
    of_other_half = [fitted_weights(origins[1::2]), fitted_weights(origins[::2])]
    errors = [mean_of(of_other_half[i % 2], each) for i, each in enumerate(every)]
    return ensemble, hindsight, below_all(errors, origins)
