"""Which data mixture is optimal under a law fitted to measured mixtures?

    min over h:  mean of the predicted targets + kl · Σ h_i ln(h_i / prior_i)
    Σ h_i = 1,    0 ≤ h_i ≤ the largest in the data

Laws extrapolate poorly beyond the measured shares, so shares are limited to the largest in the data unless ``within``
is simplex. Limits are percentiles of resampled mixtures, widened about the estimate for few mixtures
(``relscale.questions.limits.factor_of_few``). The best measured mixture is given for comparison: a predicted
gain over it is a forecast. The log-linear law of one target has its optimum at the boundary. InfoLaw (``information``)
has further predictors, set by ``at``; its shares are those of quality buckets from best to worst, and with ``order:
falling`` no share exceeds that of a better bucket. ``multilingual`` is set at parameters and tokens. The columns of
``flp_m`` are the training FLOPs on each source; the answer is their shares at a given ``training_flops``.

Sources: Shukor et al., arXiv 2507.09404; Ye et al., arXiv 2403.16952; InfoLaw, arXiv 2605.02364; the models of RegMix,
arXiv 2407.01492.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from relscale.errors import RelscaleError
from relscale.fixed_parameters import fractions
from relscale.laws.law import Array
from relscale.questions.fitted_mixtures import MixtureFit, fitted_mixtures
from relscale.questions.limits import Percentiles, factor_of_few, joined_notes, left_out, percentiles, widened
from relscale.questions.mixture_search import (
    AT_LIMIT,
    Simplex,
    largest_shares,
    optimal_mixture,
    starting_points,
)
from relscale.questions.options import check_choice, check_draws
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MEAN, DIVERGENCE = "mean of the targets", "divergence from the prior"


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureRow:
    """One row per part, one for the mean of the targets and one for the divergence from the prior."""

    quantity: str = column("The part's share, the mean of the targets, or the divergence in nats.")
    value: float = column("Optimal share, or the predicted mean or divergence at the optimum.")
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    prior: float | None = column("Share of the prior, or the predicted mean at the prior.", default=None)
    best_measured: float | None = column("Value of the best measured mixture.", default=None)
    largest: float | None = column("Largest share in the data.", default=None)
    note: str | None = column("Whether the share is at its limit, or beyond the data.", default=None)


ROW = MixtureRow


def rows(
    table: Columns,
    *,
    x: tuple[str, ...],
    y: tuple[str, ...],
    law: str = "mixture_additive",
    at: tuple[str, ...] = (),
    within: str = "data",
    order: str = "any",
    kl: float = 0.0,
    prior: tuple[str, ...] = (),
    weights: tuple[str, ...] = (),
    residual: str = "linear",
    draws: int = 100,
    seed: int = 0,
) -> Iterator[MixtureRow]:
    """The optimal share of each part.

    Parameters
    ----------
    x
        Columns of the shares.
    y
        Columns of the targets, lower is better; their mean is minimised.
    law
        mixture_additive, mixture_loglinear, information, multilingual or flp_m.
    at
        The predictors other than shares, such as params=7e9,tokens=1e12,unique_web=1e11 for information, or
        training_flops=1e22 for flp_m (default: the table's value, if constant).
    within
        data: no share above the largest in the data; simplex: any.
    order
        any, or falling: shares must not increase.
    kl
        Weight of the KL divergence from the prior, in the targets' unit per nat.
    prior
        Shares of the prior, in the order of x (default: the mean of the mixtures).
    weights
        Weights of the targets in their mean, in the order of y (default: equal).
    residual
        log or linear.
    draws
        Resamples for the intervals; 0 for none.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing, shares do not sum to 1, or there are fewer mixtures than parameters.
    """
    check_choice("within", within, "data", "simplex")
    check_choice("order", order, "any", "falling")
    if not 0 <= kl < np.inf:
        raise RelscaleError(f"kl: {kl:g} is negative or not finite")
    check_draws(draws)
    fit = fitted_mixtures(table, x, y, law, residual)
    yield from optimum(
        fit, at=at, within=within, order=order, kl=kl, prior=prior, weights=weights, draws=draws, seed=seed
    )


def optimum(
    fit: MixtureFit,
    *,
    at: tuple[str, ...] = (),
    within: str = "data",
    order: str = "any",
    kl: float = 0.0,
    prior: tuple[str, ...] = (),
    weights: tuple[str, ...] = (),
    draws: int = 100,
    seed: int = 0,
) -> Iterator[MixtureRow]:
    """The optimal share of each part under a fitted law; the options are those of ``rows``.

    Raises
    ------
    RelscaleError
        An option does not apply to these mixtures.
    """
    count = fit.targets.shape[1]
    of_target = fractions("weights", weights, count) if weights else np.full(count, 1 / count)
    simplex = _search_space(fit.shares, within, order, kl, prior)
    given = fit.given(at)
    mean = fit.mean(of_target, given)
    best = optimal_mixture(mean, simplex, starting_points(mean, simplex, fit.shares))
    means = [replace(mean, theta=theta) for theta in fit.resampled(draws, seed)]
    drawn = [optimal_mixture(of_draw, simplex, [best]) for of_draw in means]
    points, free = len(fit.targets), len(fit.targets) - len(fit.theta)
    factor = factor_of_few(points, free) if free > 0 else 1.0

    def limits(
        values: list[float], value: float, least: float = -np.inf, most: float = np.inf
    ) -> Percentiles:
        return widened(percentiles(values, draws), value, factor, "linear", least, most)

    measured = fit.targets @ of_target
    best_measured = fit.shares[:, measured.argmin()]
    for i, part in enumerate(fit.law.predictors[fit.parts]):
        share, in_data = float(best[i]), fit.shares[i]
        interval = limits([float(shares[i]) for shares in drawn], share, 0.0, float(simplex.most[i]))
        at_limit = within == "data" and share >= simplex.most[i] - AT_LIMIT
        yield MixtureRow(
            quantity=part,
            value=share,
            low=interval.low,
            high=interval.high,
            prior=float(simplex.prior[i]),
            best_measured=float(best_measured[i]),
            largest=float(in_data.max()),
            note=joined_notes(_note(share, in_data, at_limit), interval.note),
        )
    predicted = mean.at(best)
    interval = limits([of_draw.at(shares) for of_draw, shares in zip(means, drawn, strict=True)], predicted)
    yield MixtureRow(
        quantity=MEAN,
        value=predicted,
        low=interval.low,
        high=interval.high,
        prior=mean.at(simplex.prior),
        best_measured=float(measured.min()),
        note=joined_notes(
            _beyond(fit, given),
            _lower_measured(predicted, fit, of_target, comparable=not (given or kl), falling=simplex.falling),
            interval.note,
            left_out(fit.known, "mixtures", ("a share, another predictor", "a target")),
        ),
    )
    divergence = simplex.divergence(best)
    interval = limits([simplex.divergence(shares) for shares in drawn], divergence, 0.0)
    yield MixtureRow(
        quantity=DIVERGENCE,
        value=divergence,
        low=interval.low,
        high=interval.high,
        prior=0.0,
        best_measured=simplex.divergence(best_measured),
        note=joined_notes(interval.note),
    )


def _search_space(shares: Array, within: str, order: str, kl: float, prior: tuple[str, ...]) -> Simplex:
    """The mixtures to search among, with the prior of their divergence, by default the mean of the measured ones."""
    mean = np.asarray(shares.mean(axis=1))
    start = fractions("prior", prior, len(shares)) if prior else mean / mean.sum()
    simplex = Simplex(largest_shares(shares, within), start, kl, falling=order == "falling")
    if simplex.falling and np.minimum.accumulate(simplex.most).sum() < 1:
        raise RelscaleError(
            "order: no falling mixture has shares up to the largest in the data; measure more of the first "
            "part, or set within to simplex"
        )
    return simplex


def _lower_measured(
    predicted: float, fit: MixtureFit, weights: Array, *, comparable: bool, falling: bool
) -> str:
    """A note if one of the comparable mixtures was measured below the optimum; its distance tells noise from misfit.

    Of n mixtures that follow the law, the best is about two standard deviations of the residuals below it by chance.
    """
    measured, fitted = fit.targets @ weights, fit.values @ weights
    in_order = np.all(np.diff(fit.shares, axis=0) <= 0, axis=0) if falling else np.ones(len(measured), bool)
    df = len(measured) - len(fit.theta)
    if not comparable or not in_order.any() or df <= 0:
        return ""
    below = predicted - measured[in_order].min()
    scatter = float(np.sqrt(((measured - fitted) ** 2).sum() / df))
    if below <= 1e-9 * abs(predicted) or scatter == 0:
        return ""
    return (
        f"the best measured mixture is lower, by {below / scatter:.2g} standard deviations of the residuals"
    )


def _beyond(fit: MixtureFit, given: Mapping[str, float]) -> str:
    """A note on the given values outside the range of the data."""
    in_data = fit.other_predictors
    beyond = [
        name for name, value in given.items() if not in_data[name].min() <= value <= in_data[name].max()
    ]
    return f"at values beyond the data: {', '.join(beyond)}" if beyond else ""


def _note(share: float, in_data: Array, at_limit: bool) -> str | None:
    if at_limit:
        return "at the largest share in the data"
    if share > in_data.max() + AT_LIMIT:
        return "beyond the data"
    return "below the range of the data" if share < in_data.min() - AT_LIMIT else None
