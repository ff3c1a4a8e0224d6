"""Item response: a group's error from the answers of its runs to single questions.

    ln E = ln(1 − Σ_j w_j · P(a run on the line of abilities answers question j))

The line is that of a latent regression in ln F (``relscale.fitting.items.latent_regression``), whose likelihood has the
weights w of the questions in the error rate, so that it agrees with the measured rates. Runs beside a budget's
optimum are less able: if points are optima between runs, u = ln D − ln D* and u² are covariates, which are 0 at the
optimum that is forecast; if D/N differs among runs of equal compute that are points themselves, ln D/N and its square
are, and runs of unknown D/N are left out. If the accuracy of a guess is known it is the floor, unless questions that no
run answers right contradict it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.run_matrix import Floats, ItemResponses
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.rolling_origins import SMALLEST, Mask
from relscale.fitting.forecasts.scales import Scales
from relscale.fitting.items.below_guessing import share_below_guessing
from relscale.fitting.items.latent_regression import FEWEST, latent_regression

SCATTERS = np.geomspace(0.1, 20, 5)  # a coarser grid of τ than for intervals
FEWEST_SHAPED = 8  # runs, if abilities depend on u as well


@dataclass(frozen=True)
class AnsweredRuns:
    """The R runs behind the points, and their responses.

    Attributes
    ----------
    scales
        Scales of the runs.
    from_optimum
        (R,) ln D − ln D*, if the points are optima between runs; else None.
    point_of_run
        (R,) the point of each run.
    responses
        Those of each error series that has some, by its number; R runs.
    """

    scales: Scales
    from_optimum: Floats | None
    point_of_run: NDArray[np.int64]
    responses: Mapping[int, ItemResponses]


def item_response(
    runs: AnsweredRuns, known: Mask, at: Scales, count: int, computed: ErrorForecasts
) -> Floats:
    """(Q, K) ln E of ``count`` series at the scales ``at``, from the points ``known`` (P,); nan without responses.

    Those that are ``computed`` already, for the ratios of the same series, are not computed again.
    """
    forecast = np.full((len(at), count), np.nan)
    rows = known[runs.point_of_run]
    for series, responses in runs.responses.items():
        of_series = rows & np.isfinite(responses.right).any(axis=1)
        if len(np.unique(runs.point_of_run[of_series])) >= SMALLEST:
            forecast[:, series] = _forecast(runs, of_series, responses, at, computed)
    return forecast


def _forecast(
    runs: AnsweredRuns, rows: Mask, responses: ItemResponses, at: Scales, computed: ErrorForecasts
) -> Floats:
    answers, scales = responses.right[rows], runs.scales.take(rows)
    covariates, ahead = np.empty((len(answers), 0)), np.empty((len(at), 0))
    if runs.from_optimum is not None:
        u = runs.from_optimum[rows]
        covariates, ahead = np.column_stack([u, u**2]), np.zeros((len(at), 2))
    elif scales.shapes_differ:
        has_shape = np.isfinite(scales.log_tokens - scales.log_params)
        answers, scales = answers[has_shape], scales.take(has_shape)
        shape, target = (each.log_tokens - each.log_params for each in (scales, at))
        u, target = shape - shape.mean(), target - shape.mean()
        covariates, ahead = np.column_stack([u, u**2]), np.column_stack([target, target**2])
    shaped = covariates.shape[1] > 0 and bool(covariates.std(axis=0).all())
    computes = len(np.unique(scales.log_flops))
    if len(answers) < (FEWEST_SHAPED if shaped else FEWEST) or computes < SMALLEST:
        return np.full(len(at), np.nan)
    if not shaped:
        covariates, ahead = covariates[:, :0], ahead[:, :0]
    floor = 0.0 if share_below_guessing(answers, responses.chance) else responses.chance
    return computed.from_answers(
        _log_errors,
        answers,
        responses.weight,
        np.array(floor),
        scales.log_flops,
        covariates,
        at.log_flops,
        ahead,
    )


def _log_errors(
    answers: Floats,
    weight: Floats,
    floor: Floats,
    log_flops: Floats,
    covariates: Floats,
    log_flops_ahead: Floats,
    covariates_ahead: Floats,
) -> Floats:
    """ln E (Q,) of a latent regression; the arrays are those of ``latent_regression`` and ``log_error``."""
    fit = latent_regression(
        answers, np.exp(log_flops), float(floor), covariates, len(weight) * weight, scatters=SCATTERS
    )
    return fit.log_error(np.exp(log_flops_ahead), covariates_ahead)
