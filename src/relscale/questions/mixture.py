"""Which mixture of the training data's parts is best, by a law fitted to mixtures that were tried?

    min over h:  mean of the predicted targets + weight · Σ h_i ln(h_i / prior_i)
    Σ h_i = 1,    0 ≤ h_i ≤ the largest tried

Beyond the shares that were tried a law is free to promise anything, so none may be larger than the largest tried unless
``within`` says simplex. Limits are of resampled mixtures. The best mixture that was measured stands beside: a predicted
gain over it is a forecast. The log-linear law of one target has its optimum on the edge.

Sources: Shukor et al., arXiv 2507.09404; Ye et al., arXiv 2403.16952; the models of RegMix, arXiv 2407.01492.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.column_arrays import Columns
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.laws.catalogue import law as law_of
from relscale.laws.law import Array, Law
from relscale.rows import column
from relscale.suggestions import suggestion

LAWS = ("mixture_additive", "mixture_loglinear")
LEAST = 1e-9  # a share, below which a logarithm has no meaning
STEP = 1e-6  # of a difference in a share
AT_LIMIT = 1e-4
BEGINNINGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureRow:
    """One row per part, and one for the mean of the targets."""

    quantity: str = column("The part's share, or the mean of the targets.")
    value: float = column("Best share; the predicted mean there.")
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    prior: float | None = column("The prior's share; the predicted mean there.", default=None)
    best_measured: float | None = column("Of the mixture that was best as measured.", default=None)
    largest: float | None = column("The largest share that was tried.", default=None)
    note: str | None = column("Whether the share is at the largest that was tried.", default=None)


ROW = MixtureRow


def rows(
    table: Columns,
    *,
    x: tuple[str, ...],
    y: tuple[str, ...],
    law: str = "mixture_additive",
    within: str = "data",
    kl: float = 0.0,
    prior: tuple[str, ...] = (),
    residual: str = "linear",
    draws: int = 100,
    seed: int = 0,
) -> Iterator[MixtureRow]:
    """The best share of each part.

    Parameters
    ----------
    x
        Columns of the shares.
    y
        Columns of the targets, lower is better; their mean is minimised.
    law
        mixture_additive or mixture_loglinear.
    within
        data: no share larger than the largest tried; simplex: any.
    kl
        Weight of the divergence from the prior, in the targets' unit per nat.
    prior
        Shares that are departed from, in the order of x (default: the mean of the mixtures).
    residual
        log or linear.
    draws
        Resamples for the intervals.
    seed
        Of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing, shares do not sum to 1, or there are fewer mixtures than parameters.
    """
    if law not in LAWS:
        raise RelscaleError(f"law: {law!r} is not a law of mixtures; {suggestion(law, LAWS)}")
    if within not in ("data", "simplex"):
        raise RelscaleError(f"within: {within!r} is neither data nor simplex")
    if not kl >= 0:
        raise RelscaleError(f"kl: {kl:g} is negative")
    shares, targets = (
        np.stack([table.numbers(each) for each in x]),
        np.stack([table.numbers(each) for each in y], 1),
    )
    known = np.isfinite(shares).all(axis=0) & np.isfinite(targets).all(axis=1)
    shares, targets = shares[:, known], targets[known]
    one = law_of(law, x)
    if len(targets) <= len(one.names):
        raise RelscaleError(
            f"{len(targets)} mixtures for the {len(one.names)} parameters of {law}; more are needed"
        )
    if not np.allclose(shares.sum(axis=0), 1, atol=0.02) or (shares < 0).any():
        raise RelscaleError(f"{', '.join(x)}: these are not shares that sum to 1 in every row")
    start = _prior(prior, shares)
    most = shares.max(axis=1) if within == "data" else np.ones(len(x))
    rng, count = np.random.default_rng(seed), len(targets)
    theta = estimate(one, shares, targets, residual=residual).theta
    if not np.isfinite(theta).all():
        raise RelscaleError(f"law {law}: it could not be fitted to these mixtures")
    measured = shares[:, targets.mean(axis=1).argmin()]
    found = best(one, theta, most, start, kl, _beginnings(one, theta, shares, most, start, kl))
    drawn = []
    if draws > 1:
        weights = rng.multinomial(count, np.full(count, 1 / count), draws).T.astype(float)
        each = [
            estimate(
                one,
                shares,
                targets[:, j],
                weights=weights,
                residual=residual,
                starts=theta[:, j][None],
                tolerance=OF_A_DRAW,
            ).theta
            for j in range(targets.shape[1])
        ]
        drawn = [
            best(one, np.stack([of[:, d] for of in each], axis=1), most, start, kl, [found[0]])
            for d in range(draws)
            if all(np.isfinite(of[:, d]).all() for of in each)
        ]
    for i, name in enumerate(x):
        low, high = _limits([share[i] for share, _ in drawn])
        at_limit = within == "data" and found[0][i] >= most[i] - AT_LIMIT
        yield MixtureRow(
            quantity=name,
            value=float(found[0][i]),
            low=low,
            high=high,
            prior=float(start[i]),
            best_measured=float(measured[i]),
            largest=float(shares[i].max()),
            note="at the largest that was tried" if at_limit
            else "beyond the data" if found[0][i] > shares[i].max() + AT_LIMIT else None,
        )  # fmt: skip
    low, high = _limits([value for _, value in drawn])
    yield MixtureRow(
        quantity="mean of the targets",
        value=found[1],
        low=low,
        high=high,
        prior=float(predicted(one, theta, start[:, None])[0]),
        best_measured=float(targets.mean(axis=1).min()),
    )


def predicted(law: Law, theta: Array, shares: Array) -> Array:
    """The mean over targets (n,) that the law predicts at shares (k, n), of theta (q, targets)."""
    return np.asarray(law.value(theta, shares[..., None]).mean(axis=-1))


def best(
    law: Law, theta: Array, most: Array, prior: Array, kl: float, begin: list[Array]
) -> tuple[Array, float]:
    """The mixture with the least mean of the targets and divergence, and the mean there; the best of all beginnings."""
    from scipy.optimize import minimize

    def objective(h: Array) -> tuple[float, Array]:
        h = np.maximum(h, LEAST)
        up = predicted(law, theta, np.column_stack([h, h[:, None] + STEP * np.eye(len(h))]))
        ratio = np.log(h / np.maximum(prior, LEAST))
        return float(up[0] + kl * (h @ ratio)), (up[1:] - up[0]) / STEP + kl * (ratio + 1)

    tried = []
    for h in begin:
        found = minimize(
            objective,
            np.clip(h, LEAST, most),
            jac=True,
            method="SLSQP",
            bounds=[(0.0, float(top)) for top in most],
            constraints={"type": "eq", "fun": lambda h: h.sum() - 1, "jac": lambda h: np.ones_like(h)},
            options={"maxiter": 300, "ftol": 1e-10},
        )
        h = np.clip(found.x, 0, most)
        tried.append((objective(h)[0], h / h.sum()))
    h = min(tried, key=lambda each: each[0])[1]
    return h, float(predicted(law, theta, h[:, None])[0])


def _beginnings(law: Law, theta: Array, shares: Array, most: Array, prior: Array, kl: float) -> list[Array]:
    """The few best of the mixtures tried and of the prior with more of one part, and the prior itself."""
    more = [prior + weight * (part - prior) for part in np.eye(len(prior)) for weight in (0.25, 0.5, 0.75)]
    every = np.minimum(np.column_stack([shares, *more]), most[:, None])
    every = every / every.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = np.where(every > 0, every * np.log(every / np.maximum(prior, LEAST)[:, None]), 0.0).sum(axis=0)
    order = np.argsort(predicted(law, theta, every) + kl * nats)
    return [*every[:, order[:BEGINNINGS]].T, prior]


def _prior(prior: tuple[str, ...], shares: Array) -> Array:
    if not prior:
        mean = np.asarray(shares.mean(axis=1))
        return np.asarray(mean / mean.sum())
    try:
        given = np.array([float(each) for each in prior])
    except ValueError:
        raise RelscaleError(f"prior: {','.join(prior)} are not all numbers") from None
    if len(given) != len(shares) or (given < 0).any() or not given.sum() > 0:
        raise RelscaleError(f"prior: {len(given)} shares for {len(shares)} parts")
    return np.asarray(given / given.sum())


def _limits(drawn: list[float]) -> tuple[float | None, float | None]:
    if len(drawn) < 20:
        return None, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
