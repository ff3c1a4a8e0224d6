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
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.fixed_parameters import fixed_parameters, fractions
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Array, Family, Law
from relscale.questions.limits import factor_of_few, joined_notes, left_out, percentiles, widened
from relscale.questions.options import check_choice, check_draws
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column
from relscale.suggestions import suggestion

LAWS = ("mixture_additive", "mixture_loglinear", "information", "multilingual")  # of shares
OF_AMOUNTS = ("flp_m",)
LEAST = 1e-9  # smallest share, so that logarithms are finite
STEP = 1e-6  # step of finite differences in a share
AT_LIMIT = 1e-4
VIOLATION = 1e-5  # violation of a constraint at which a search has failed
BEGINNINGS = 4
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


@dataclass(frozen=True)
class MixtureFit:
    """A law fitted to n mixtures of k parts, for t targets.

    Attributes
    ----------
    points
        (p, n) its predictors.
    targets
        (n, t).
    theta
        (q, t) the parameters of each target.
    residual
        log or linear.
    parts
        Position of the shares among the predictors.
    total
        Name of the sum of the parts, if they are amounts instead of shares.
    known
        (rows,) which rows of the table are complete; these are the n mixtures.
    """

    law: Law
    points: Array
    targets: Array
    theta: Array
    residual: str
    parts: slice
    known: NDArray[np.bool_]
    total: str = ""

    @property
    def shares(self) -> Array:
        """The shares (k, n)."""
        amounts = self.points[self.parts]
        return np.asarray(amounts / amounts.sum(axis=0)) if self.total else amounts

    @property
    def other_predictors(self) -> dict[str, Array]:
        """The predictors other than the shares, (n,) each."""
        found = {
            name: values
            for i, (name, values) in enumerate(zip(self.law.predictors, self.points, strict=True))
            if not self.parts.start <= i < self.parts.stop
        }
        return found | ({self.total: self.points[self.parts].sum(axis=0)} if self.total else {})

    @property
    def values(self) -> Array:
        """The fitted values (n, t)."""
        return self.law.value(self.theta, self.points[..., None])


def fitted_mixtures(
    table: Columns, x: tuple[str, ...], y: tuple[str, ...], law: str, residual: str
) -> MixtureFit:
    """Fit a law of mixtures to the complete rows of a table.

    Parameters
    ----------
    x, y
        Columns of the shares, and of the targets.
    residual
        log or linear.

    Raises
    ------
    RelscaleError
        As ``rows``.
    """
    if law not in (*LAWS, *OF_AMOUNTS):
        raise RelscaleError(f"law: {law!r} is not a mixture law; {suggestion(law, (*LAWS, *OF_AMOUNTS))}")
    family = law_or_family(law)
    assert isinstance(family, Family)
    fitted_law, parts = (
        family.make_law(x),
        slice(len(family.first_predictors), len(family.first_predictors) + len(x)),
    )
    points = np.stack([table.numbers(column) for column in family.columns(x)])
    targets = np.stack([table.numbers(column) for column in y], 1)
    known = np.asarray(np.isfinite(points).all(axis=0) & np.isfinite(targets).all(axis=1))
    points, targets = points[:, known], targets[known]
    if len(targets) <= len(fitted_law.names):
        raise RelscaleError(
            f"{len(targets)} mixtures, but {law} has {len(fitted_law.names)} parameters; more mixtures are needed"
        )
    if family.total and ((points[parts] < 0).any() or not (points[parts].sum(axis=0) > 0).all()):
        raise RelscaleError(
            f"{', '.join(x)}: these are not amounts, none negative and one positive in every row"
        )
    if not family.total and (
        not np.allclose(points[parts].sum(axis=0), 1, atol=0.02) or (points[parts] < 0).any()
    ):
        raise RelscaleError(f"{', '.join(x)}: these are not shares that sum to 1 in every row")
    if (np.delete(points, parts, axis=0) <= 0).any():
        raise RelscaleError(f"law {law}: its predictors other than the shares are not positive in every row")
    theta = estimate(fitted_law, points, targets, residual=residual).theta
    if not np.isfinite(theta).all():
        raise RelscaleError(f"law {law}: it could not be fitted to these mixtures")
    return MixtureFit(fitted_law, points, targets, theta, residual, parts, known, family.total)


@dataclass(frozen=True)
class Simplex:
    """The search space of mixtures.

    Attributes
    ----------
    most
        (k,) maximum share of each part.
    prior
        (k,) prior of the divergence.
    kl
        Weight of the divergence.
    falling
        Whether shares must not increase from part to part.
    """

    most: Array
    prior: Array
    kl: float = 0.0
    falling: bool = False

    def divergence(self, shares: Array) -> Array:
        """Divergence Σ h_i ln(h_i / prior_i), (n,), of shares (k, n)."""
        prior = np.maximum(self.prior, LEAST)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(shares > 0, shares * np.log(shares / prior), 0.0).sum(axis=0))


class Target(Protocol):
    """The objective, (n,) at shares (k, n)."""

    def of(self, shares: Array) -> Array:
        """Its values."""
        ...


@dataclass(frozen=True)
class MeanTarget:
    """Weighted mean of several targets as a function of the shares, each by a law with its own parameters.

    Attributes
    ----------
    theta
        (q, targets).
    before, after
        Values of the predictors before and after the shares.
    weights
        (targets,) weights of the mean.
    amount
        The sum of the law's parts, 1 for shares.
    """

    law: Law
    theta: Array
    before: Array
    after: Array
    weights: Array
    amount: float = 1.0

    def of(self, shares: Array) -> Array:
        """The mean (n,) at shares (k, n)."""
        around = [np.repeat(values[:, None], shares.shape[1], axis=1) for values in (self.before, self.after)]
        x = np.concatenate([around[0], self.amount * shares, around[1]])
        return np.asarray(self.law.value(self.theta, x[..., None]) @ self.weights)


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
    shares, parts, first = fit.shares, fit.law.predictors[fit.parts], fit.parts.start
    mean = np.asarray(shares.mean(axis=1))
    start = fractions("prior", prior, len(parts)) if prior else mean / mean.sum()
    count = fit.targets.shape[1]
    of_target = fractions("weights", weights, count) if weights else np.full(count, 1 / count)
    most = shares.max(axis=1) if within == "data" else np.ones(len(parts))
    if order == "falling" and np.minimum.accumulate(most).sum() < 1:
        raise RelscaleError(
            "order: no falling mixture has shares up to the largest in the data; measure more of the first "
            "part, or set within to simplex"
        )
    simplex = Simplex(most, start, kl, order == "falling")
    others = fit.other_predictors
    at_values = _other_predictors(at, others, fit.law)
    amount = float(at_values[-1]) if fit.total else 1.0
    around = at_values[:-1] if fit.total else at_values
    target = MeanTarget(fit.law, fit.theta, around[:first], around[first:], of_target, amount)
    best = optimal_mixture(target, simplex, starting_points(target, simplex, shares))
    drawn = []
    for parameters in _resampled(fit, draws, seed):
        of_draw = replace(target, theta=parameters)
        drawn.append((optimal_mixture(of_draw, simplex, [best]), of_draw))
    count, free = len(fit.targets), len(fit.targets) - len(fit.theta)
    factor = factor_of_few(count, free) if free > 0 else 1.0
    measured = fit.targets @ of_target
    best_measured = shares[:, measured.argmin()]
    for i, name in enumerate(parts):
        limits = percentiles([float(share[i]) for share, _ in drawn], draws)
        limits = widened(limits, float(best[i]), factor, "linear", 0.0, float(most[i]))
        at_limit = within == "data" and best[i] >= most[i] - AT_LIMIT
        yield MixtureRow(
            quantity=name,
            value=float(best[i]),
            low=limits.low,
            high=limits.high,
            prior=float(start[i]),
            best_measured=float(best_measured[i]),
            largest=float(shares[i].max()),
            note=joined_notes(_note(float(best[i]), shares[i], at_limit), limits.note),
        )
    limits = percentiles([float(of_draw.of(share[:, None])[0]) for share, of_draw in drawn], draws)
    beyond = [
        name
        for (name, in_data), value in zip(others.items(), at_values, strict=True)
        if not _inside(in_data, value)
    ]
    predicted = float(target.of(best[:, None])[0])
    limits = widened(limits, predicted, factor, "linear")
    comparable = np.full(len(measured), not (others or kl))
    if order == "falling":
        comparable &= np.all(np.diff(shares, axis=0) <= 0, axis=0)
    yield MixtureRow(
        quantity=MEAN,
        value=predicted,
        low=limits.low,
        high=limits.high,
        prior=float(target.of(start[:, None])[0]),
        best_measured=float(measured.min()),
        note=joined_notes(
            f"at values beyond the data: {', '.join(beyond)}" if beyond else "",
            _lower_measured(predicted, measured, comparable, fit.values @ of_target, len(fit.theta)),
            limits.note,
            left_out(fit.known, "mixtures", ("a share, another predictor", "a target")),
        ),
    )
    divergence = float(simplex.divergence(best[:, None])[0])
    limits = percentiles([float(simplex.divergence(share[:, None])[0]) for share, _ in drawn], draws)
    limits = widened(limits, divergence, factor, "linear", 0.0)
    yield MixtureRow(
        quantity=DIVERGENCE,
        value=divergence,
        low=limits.low,
        high=limits.high,
        prior=0.0,
        best_measured=float(simplex.divergence(best_measured[:, None])[0]),
        note=joined_notes(limits.note),
    )


def _resampled(fit: MixtureFit, draws: int, seed: int) -> Iterator[Array]:
    """The parameters (q, t) of each resample of the mixtures to which all targets could be fitted."""
    if draws < 2:
        return
    resampled = resampled_counts(len(fit.targets), draws, np.random.default_rng(seed))
    of_target = [
        estimate(
            fit.law,
            fit.points,
            fit.targets[:, j],
            weights=resampled,
            residual=fit.residual,
            starts=fit.theta[:, j][None],
            tolerance=OF_A_DRAW,
        ).theta
        for j in range(fit.targets.shape[1])
    ]
    for d in range(draws):
        parameters = np.stack([theta[:, d] for theta in of_target], axis=1)
        if np.isfinite(parameters).all():
            yield parameters


def optimal_mixture(target: Target, simplex: Simplex, starts: list[Array]) -> Array:
    """The mixture (k,) that minimises the mean of the targets plus the divergence, from several starting points."""
    from scipy.optimize import minimize

    def objective(h: Array) -> tuple[float, Array]:
        h = np.maximum(h, LEAST)
        up = target.of(np.column_stack([h, h[:, None] + STEP * np.eye(len(h))]))
        ratio = np.log(h / np.maximum(simplex.prior, LEAST))
        return float(up[0] + simplex.kl * (h @ ratio)), (up[1:] - up[0]) / STEP + simplex.kl * (ratio + 1)

    steps = np.eye(len(simplex.most))[:-1] - np.eye(len(simplex.most))[1:]
    constraints = [{"type": "eq", "fun": lambda h: h.sum() - 1, "jac": lambda h: np.ones_like(h)}]
    if simplex.falling:
        constraints.append({"type": "ineq", "fun": lambda h: steps @ h, "jac": lambda h: steps})
    solutions = []
    for h in starts:
        solution = minimize(
            objective,
            np.clip(h, LEAST, simplex.most),
            jac=True,
            method="SLSQP",
            bounds=[(0.0, float(top)) for top in simplex.most],
            constraints=constraints,
            options={"maxiter": 300, "ftol": 1e-10},
        )
        h = np.clip(np.where(solution.x < LEAST, 0, solution.x), 0, simplex.most)
        h = h / h.sum()
        broken = max(
            0.0,
            float((h - simplex.most).max()),
            float(-(steps @ h).min(initial=0.0)) if simplex.falling else 0.0,
        )
        solutions.append((broken > VIOLATION, objective(h)[0], h))
    return np.asarray(min(solutions, key=lambda solution: solution[:2])[2])


def starting_points(target: Target, simplex: Simplex, shares: Array) -> list[Array]:
    """Starting points: the best measured mixtures, the best mixtures of the prior with more of one part, and the
    prior."""
    prior = simplex.prior
    more = [prior + weight * (part - prior) for part in np.eye(len(prior)) for weight in (0.25, 0.5, 0.75)]
    candidates = np.minimum(np.column_stack([shares, *more]), simplex.most[:, None])
    candidates = candidates / candidates.sum(axis=0)
    order = np.argsort(target.of(candidates) + simplex.kl * simplex.divergence(candidates))
    return [*candidates[:, order[:BEGINNINGS]].T, prior]


def _lower_measured(
    predicted: float, measured: Array, comparable: NDArray[np.bool_], fitted: Array, parameters: int
) -> str:
    """A note if one of the comparable mixtures was measured below the optimum; its distance tells noise from misfit.

    Of n mixtures that follow the law, the best is about two standard deviations of the residuals below it by chance.
    """
    df = len(measured) - parameters
    if not comparable.any() or df <= 0:
        return ""
    below = predicted - measured[comparable].min()
    scatter = float(np.sqrt(((measured - fitted) ** 2).sum() / df))
    if below <= 1e-9 * abs(predicted) or scatter == 0:
        return ""
    return (
        f"the best measured mixture is lower, by {below / scatter:.2g} standard deviations of the residuals"
    )


def _other_predictors(at: tuple[str, ...], in_data: Mapping[str, Array], law: Law) -> Array:
    """Values of the predictors other than shares: as given, or the table's if it is constant."""
    values = fixed_parameters(at, "at")
    unknown = [name for name in values if name not in in_data]
    if unknown:
        raise RelscaleError(
            f"at: law {law.name} has no predictor {unknown[0]!r} other than the shares; "
            + (f"it has {', '.join(in_data)}" if in_data else "it has none")
        )
    for name, values_in_data in in_data.items():
        if name not in values and values_in_data.min() != values_in_data.max():
            raise RelscaleError(
                f"at: {name} differs between rows, from {values_in_data.min():g} to {values_in_data.max():g}; give one"
            )
        if not values.setdefault(name, float(values_in_data[0])) > 0:
            raise RelscaleError(f"at: {name} is {values[name]:g}, not positive")
    return np.array([values[name] for name in in_data])


def _note(share: float, in_data: Array, at_limit: bool) -> str | None:
    if at_limit:
        return "at the largest share in the data"
    if share > in_data.max() + AT_LIMIT:
        return "beyond the data"
    return "below the range of the data" if share < in_data.min() - AT_LIMIT else None


def _inside(in_data: Array, value: float) -> bool:
    return bool(in_data.min() <= value <= in_data.max())
