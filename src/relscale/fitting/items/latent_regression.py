"""Latent regression: abilities along ln compute estimated from single answers, and the accuracy of a further model.

    P(model i answers item j) = c + (1 − c) / (1 + exp(−(θ_i + z_j)))
    θ_i = α + β · ln C_i + γ · v_i + τ · ε_i,    ε_i ~ N(0, 1),    z_j ~ N(0, σ²)

with any covariates v, such as tokens per parameter.

Abilities that are first estimated and then regressed are biased: a prior flattens the line; answers that are all right
or all wrong have no estimate without one; and an ease that is estimated with every item, from n models, stretches the
scale by about n / (n − 1). Here the items are integrated out, item by item on a grid of z, and the line stands in the
likelihood, so that models with all answers right or wrong count as what they are. The scatter τ is integrated out as
well: with few models it is poorly known, and an interval for its best value would be too narrow.

Items that a model has not answered must be missing for a reason other than their ease. A probability counts as much as
one answer, which is less than it says: limits are then too wide.

Source: Mislevy, *Psychometrika* 49, 359 (1984); De Boeck and Wilson, *Explanatory Item Response Models* (2004).
"""

from dataclasses import dataclass

import numpy as np

from relscale.fitting.items.log_scale import LogScale
from relscale.laws.law import Array

NODES = np.linspace(-5, 5, 61)  # of z / σ
LOG_WEIGHT = -0.5 * NODES**2 - np.log(np.exp(-0.5 * NODES**2).sum())
# precision of α, β and γ around 0 in standardised ln compute and covariates, for models at chance or all right
VAGUE = 1 / 5**2
DAMPED = 1e-4  # smallest eigenvalue of the curvature in a step
SPREAD = 1.0  # precision of ln σ around 0, for items that all models answer alike
SCATTERS = np.geomspace(0.1, 20, 14)  # of τ, in units of a first estimate; their finer grid has FINE
FINE, QUANTILES, NOISES = 60, 100, 20
ROUNDS, SETTLED, LONGEST = 100, 1e-9, 2.0
FEWEST = 4  # models
SATURATED = 1e-12  # derivative of the accuracy, below which it is all rounding
ROWS = 500  # of items at a time, for memory


@dataclass(frozen=True)
class Answers:
    """Answers to items, summarised: items whose distributions of z are the same are one row.

    Attributes
    ----------
    right
        (g, n) mean answer of each model to the items of a row; 0 where there is none.
    asked
        (g, n) 1 if the models have answered the items of a row, else 0.
    count
        (g,) number of items in each row, or sum of their weights.
    """

    right: Array
    asked: Array
    count: Array

    @property
    def items(self) -> float:
        """The number of items."""
        return float(self.count.sum())


def summarised(answers: Array, chance: float, weights: Array | None = None) -> Answers:
    """Answers (n, k), NaN if missing, of items with weights (k,), by what the distribution of z depends on.

    Without chance that is who answered, and how many were right, which are sufficient in Rasch's model; with it, it is
    every answer.
    """
    asked = np.isfinite(answers).T.astype(float)
    right = np.where(np.isfinite(answers), answers, 0.0).T
    statistic = right if chance else np.round(right.sum(axis=1, keepdims=True), 9)
    distinct, row = np.unique(np.column_stack([asked, statistic]), axis=0, return_inverse=True)
    weights = np.ones(len(right)) if weights is None else weights
    count: Array = np.bincount(row.ravel(), weights).astype(float)
    means, masks = np.zeros((2, len(distinct), right.shape[1]))
    np.add.at(means, row.ravel(), weights[:, None] * right)
    masks[row.ravel()] = asked
    return Answers(means / count[:, None], masks, count)


@dataclass(frozen=True)
class _Expansion:
    """The log-likelihood of abilities (n,) and ln σ with the items integrated out, and its derivatives.

    Attributes
    ----------
    value, gradient, information
        The log-likelihood, its gradient (n + 1,), and minus its second derivatives (n + 1, n + 1).
    posterior
        (g, q) distribution of z over the nodes.
    score, node_score
        (n + 1, g) mean of the gradient over z for a row's item, and (n + 1, q) sum over the items at each node.
    """

    value: float
    gradient: Array
    information: Array
    posterior: Array
    score: Array
    node_score: Array


def _expand(answers: Answers, theta: Array, log_sigma: float, chance: float) -> _Expansion:
    """Louis' formula: the information is the mean over z of the complete data's, less the variance of its score."""
    from scipy.special import expit, log_expit, logsumexp

    z = np.exp(log_sigma) * NODES
    at = theta[:, None] + z  # (n, q)
    rise, rest = expit(at), expit(-at)
    right = chance + (1 - chance) * rise
    log_wrong = np.log1p(-chance) + log_expit(-at)
    log_right = np.log(right) if chance else log_expit(at)
    given = answers.right @ log_right + (answers.asked - answers.right) @ log_wrong + LOG_WEIGHT
    total = logsumexp(given, axis=1)
    posterior = np.exp(given - total[:, None])
    weight = answers.count[:, None] * posterior
    of_right = (1 - chance) * rise * rest / right  # derivative of ln P by the ability
    curvature_right, curvature_wrong = of_right * (rise - rest + of_right), rise * rest
    n, rows = len(theta), len(answers.count)
    information, score, node_score = (
        np.zeros((n + 1, n + 1)),
        np.empty((n + 1, rows)),
        np.zeros((n + 1, len(z))),
    )
    of_ability, of_both, of_sigma = np.zeros((3, n))
    for first in range(0, rows, ROWS):
        part = slice(first, first + ROWS)
        y, asked = answers.right[part].T[:, :, None], answers.asked[part].T[:, :, None]  # (n, g, 1)
        scores = y * (of_right + rise)[:, None] - asked * rise[:, None]
        scores = np.concatenate([scores, (scores.sum(axis=0) * z)[None]])
        curvature = y * curvature_right[:, None] + (asked - y) * curvature_wrong[:, None]
        curvature = np.einsum("igq,gq->iq", curvature, weight[part])
        of_ability, of_both = of_ability + curvature.sum(axis=1), of_both + curvature @ z
        of_sigma = of_sigma + curvature @ z**2
        score[:, part] = np.einsum("igq,gq->ig", scores, posterior[part])
        node_score += np.einsum("igq,gq->iq", scores, weight[part])
        flat = (scores * np.sqrt(weight[part])).reshape(n + 1, -1)
        information -= flat @ flat.T
    gradient = score @ answers.count
    information += (score * answers.count) @ score.T
    information[range(n), range(n)] += of_ability
    information[:n, n] += of_both
    information[n, :n] += of_both
    information[n, n] += of_sigma.sum() - gradient[n]
    return _Expansion(float(total @ answers.count), gradient, information, posterior, score, node_score)


@dataclass(frozen=True)
class _Line:
    """The most probable line and items for a given scatter τ.

    Attributes
    ----------
    parameters, covariance
        α, the p slopes β and γ, ε (n) and ln σ, with the covariance of their posterior.
    design
        (n + 1, n + p + 2) abilities and ln σ by the parameters.
    evidence
        Logarithm of the likelihood of τ, with all else integrated out (Laplace).
    at
        The expansion of the likelihood there.
    """

    parameters: Array
    covariance: Array
    design: Array
    evidence: float
    at: _Expansion


def _line(answers: Answers, x: Array, scatter: float, chance: float, start: Array) -> _Line:
    """Newton's method with damping; x (n, p)."""
    n, line = len(x), 1 + x.shape[1]
    design = np.zeros((n + 1, n + line + 1))
    design[:n, 0], design[:n, 1:line], design[n, -1] = 1, x, 1
    design[:n, line:-1] = scatter * np.eye(n)
    precision = np.ones(design.shape[1])
    precision[:line], precision[-1] = VAGUE, SPREAD

    def expanded(parameters: Array) -> tuple[float, _Expansion]:
        state = design @ parameters
        at = _expand(answers, state[:n], state[n], chance)
        return at.value - 0.5 * float(precision @ parameters**2), at

    parameters = start
    value, at = expanded(parameters)
    for _ in range(ROUNDS):
        gradient = design.T @ at.gradient - precision * parameters
        curvature = design.T @ at.information @ design + np.diag(precision)
        least = np.linalg.eigvalsh(curvature)[0]
        if least < DAMPED / 2:
            curvature += (DAMPED - least) * np.eye(len(curvature))
        step = np.linalg.solve(curvature, gradient)
        if gradient @ step < SETTLED:
            break
        step *= min(1, LONGEST / np.abs(design @ step).max())
        while True:
            value_there, there = expanded(parameters + step)
            if value_there >= value - SETTLED or np.abs(step).max() < SETTLED:
                break
            step = step / 2
        parameters, value, at = parameters + step, value_there, there
    evidence = value - 0.5 * float(np.linalg.slogdet(curvature)[1])
    return _Line(parameters, np.asarray(np.linalg.inv(curvature), dtype=float), design, evidence, at)


@dataclass(frozen=True)
class LatentRegression:
    """A line of abilities along ln compute, with the posterior of its scatter.

    Attributes
    ----------
    slope, level
        Means of the line's slope per ln C and its level at C = 1, on the scale on which the mean ease of these items
        is 0.
    scatter
        Mean standard deviation τ of abilities around the line.
    """

    slope: float
    level: float
    scatter: float
    _answers: Answers
    _chance: float
    _scale: LogScale
    _units: Array  # of the covariates
    _scatters: Array
    _evidence: Array
    _prior: Array
    _lines: tuple[_Line, ...]

    def forecast(self, compute: float, level: float = 0.95) -> tuple[float, float, float]:
        """Accuracy of a further model with this compute on these items, with the limits of its prediction interval.

        The interval allows for the uncertainty of the line and of the ease of the items, for the scatter of abilities
        around the line, and for the sampling of the answers.

        Examples
        --------
        Abilities that rise by 3 per 10³ of compute have the slope 3 / ln 10³ = 0.43.

        >>> rng = np.random.default_rng(0)
        >>> compute = np.geomspace(1e18, 1e21, 8)
        >>> ability = np.linspace(-2, 1, 8)
        >>> probability = 1 / (1 + np.exp(-(ability[:, None] + rng.standard_normal(200))))
        >>> fit = latent_regression((rng.random((8, 200)) < probability).astype(float), compute)
        >>> round(fit.slope, 1)
        0.4
        >>> accuracy, low, high = fit.forecast(1e22)
        >>> low < accuracy < high
        True
        """
        from scipy.special import ndtri

        x = self._scale.at(np.array([compute]))
        points = np.array([self._ahead(line, x) for line in self._lines])
        scatters, (mean, deviation), weight = self._mixed(points)
        quantile = ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)
        noise = ndtri((np.arange(NOISES) + 0.5) / NOISES)
        ability = mean[:, None] + np.hypot(deviation, scatters)[:, None] * quantile  # (t, quantiles)
        accuracy, variance = self._accuracy(ability)
        drawn = (accuracy[..., None] + np.sqrt(variance)[..., None] * noise).reshape(len(weight), -1)
        weights = np.repeat(weight / drawn.shape[1], drawn.shape[1])
        order = np.argsort(drawn, axis=None)
        cumulative = np.cumsum(weights[order])
        ranks = np.searchsorted(cumulative, [0.5, (1 - level) / 2, (1 + level) / 2])
        middle, low, high = np.clip(drawn.ravel()[order][ranks], 0, 1)
        return float(middle), float(low), float(high)

    def slope_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Limits of the slope."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        points = np.array([(line.parameters[1], line.covariance[1, 1] ** 0.5) for line in self._lines])
        _, (mean, deviation), weight = self._mixed(points)
        reach = 50 * (float(np.ptp(mean)) + float(deviation.max()))

        def limit(rank: float) -> float:
            return float(
                brentq(
                    lambda v: weight @ ndtr((v - mean) / deviation) - rank,
                    mean.min() - reach,
                    mean.max() + reach,
                )
            )

        return limit((1 - level) / 2) / self._scale.width, limit((1 + level) / 2) / self._scale.width

    def log_error(self, compute: Array, covariates: Array) -> Array:
        """ln of the mean error on these items, by their weights, of models on the line.

        Parameters
        ----------
        compute
            (m,).
        covariates
            (m, c).

        Returns
        -------
        (m,) array

        Examples
        --------
        >>> compute = np.geomspace(1e18, 1e21, 4)
        >>> right = np.array([0.2, 0.4, 0.6, 0.8])[:, None] * np.ones(1000)
        >>> fit = latent_regression(right, compute)
        >>> error = np.exp(fit.log_error(np.array([1e22]), np.empty((1, 0))))
        >>> bool(0.08 < error[0] < 0.12)
        True
        """
        from scipy.special import expit

        x = np.column_stack([self._scale.at(compute), covariates / self._units])
        on_line = np.column_stack([np.ones(len(x)), x])
        abilities = np.array([on_line @ line.parameters[: on_line.shape[1]] for line in self._lines])
        _, mean, weight = self._mixed(abilities)
        line = self._lines[int(np.argmax(self._evidence))]
        share = self._answers.count @ line.at.posterior / self._answers.items
        wrong = expit(-((mean @ weight)[:, None] + np.exp(line.parameters[-1]) * NODES))
        return np.asarray(np.log((1 - self._chance) * (wrong @ share)))

    def _ahead(self, line: _Line, x: Array) -> tuple[float, float]:
        """Ability on the line at x, and its standard deviation that matters for the accuracy on these items.

        A shift of all abilities against all items changes no accuracy: the derivative of the accuracy includes that of
        the distributions of z, and is divided by that by the ability.
        """
        from scipy.special import expit

        slopes = line.parameters[1 : 1 + len(x)]
        ability = float(line.parameters[0] + slopes @ x)
        sigma = np.exp(line.parameters[-1])
        rise = expit(ability + sigma * NODES)
        weight = self._answers.count[:, None] * line.at.posterior
        steepness = weight.sum(axis=0) * rise * (1 - rise)
        slope = steepness.sum()
        covariance = line.at.node_score @ rise - line.at.score @ (weight @ rise)
        covariance[-1] += steepness @ (sigma * NODES)
        saturated = slope < SATURATED * self._answers.items
        gradient = line.design.T @ covariance * (0 if saturated else 1 / slope)
        gradient[: 1 + len(x)] += np.append(1, x)
        return ability, float(np.sqrt(gradient @ line.covariance @ gradient))

    def _accuracy(self, ability: Array) -> tuple[Array, Array]:
        """Accuracy on these items, and the variance of its sampling, of abilities (...,)."""
        from scipy.special import expit

        line = self._lines[int(np.argmax(self._evidence))]
        right = expit(ability[..., None] + np.exp(line.parameters[-1]) * NODES)
        right = self._chance + (1 - self._chance) * right
        weight = self._answers.count @ line.at.posterior / self._answers.items
        return right @ weight, (right * (1 - right)) @ weight / self._answers.items

    def _mixed(self, points: Array) -> tuple[Array, Array, Array]:
        """Scatters on a fine grid (f,), what follows from each (..., f), and their weights (f,)."""
        return _mixture(self._scatters, self._evidence, self._prior, points)


def _mixture(scatters: Array, evidence: Array, prior: Array, points: Array) -> tuple[Array, Array, Array]:
    """The posterior of τ on a fine grid, and what follows from each τ, interpolated from ``points`` (t, ...)."""
    from scipy.interpolate import PchipInterpolator

    at = np.asinh(scatters / scatters[1])
    fine = np.linspace(at[0], at[-1], FINE)
    tau = scatters[1] * np.sinh(fine)
    log_posterior = PchipInterpolator(at, evidence + np.log(prior))(fine)
    weight = np.exp(log_posterior - log_posterior.max()) * np.gradient(tau)
    return tau, PchipInterpolator(at, points)(fine).T, weight / weight.sum()


def latent_regression(
    answers: Array,
    compute: Array,
    chance: float = 0.0,
    covariates: Array | None = None,
    weights: Array | None = None,
    scatters: Array = SCATTERS,
) -> LatentRegression:
    """Fit a line of abilities along ln compute to answers.

    Parameters
    ----------
    answers
        (n, k) answers of n models to k items, from 0 to 1; NaN if missing.
    compute
        (n,) training compute, in any unit.
    chance
        Probability c of a right answer without any ability.
    covariates
        (n, c) further properties v of the models that abilities depend on, not constant; ``forecast`` is where they
        are 0.
    weights
        (k,) weights of the items, which add up to k, in the likelihood and in accuracies; unequal ones make limits
        meaningless.
    scatters
        The grid of τ, in units of a first estimate; a coarser one serves forecasts without limits.

    Raises
    ------
    ValueError
        There are fewer than four models, or fewer than three computes.
    """
    if len(answers) < FEWEST or len(set(compute.tolist())) < FEWEST - 1:
        raise ValueError(f"{len(answers)} models with {len(set(compute.tolist()))} computes")
    scale = LogScale.of(compute)
    summary = summarised(answers, chance, weights)
    covariates = np.empty((len(compute), 0)) if covariates is None else covariates
    units = covariates.std(axis=0)
    x = np.column_stack([scale.at(compute), covariates / units])
    noise, unit = _scales(answers, x, chance)
    scatters = np.append(0.0, unit * scatters)
    lines, start = [], np.zeros(len(x) + x.shape[1] + 2)
    for scatter in scatters:
        lines.append(_line(summary, x, float(scatter), chance, start))
        start = lines[-1].parameters
    evidence = np.array([line.evidence for line in lines])
    # flat where τ is below the noise of an ability, and 1 / τ above it, where the interval is then that of Student's t
    prior = 1 / np.hypot(1, scatters / noise)
    points = np.array([line.parameters[:2] for line in lines])
    tau, (level, slope), weight = _mixture(scatters, evidence, prior, points)
    best = lines[int(np.argmax(evidence))]
    ease = float(summary.count @ best.at.posterior @ NODES / summary.items * np.exp(best.parameters[-1]))
    mean_slope = float(weight @ slope) / scale.width
    return LatentRegression(
        slope=mean_slope,
        level=float(weight @ level) + ease - mean_slope * scale.centre,
        scatter=float(weight @ tau),
        _answers=summary,
        _chance=chance,
        _scale=scale,
        _units=units,
        _scatters=scatters,
        _evidence=evidence,
        _prior=prior,
        _lines=tuple(lines),
    )


def _scales(answers: Array, x: Array, chance: float) -> tuple[float, float]:
    """The noise of an ability from its answers, and the unit of the grid of τ: that and the scatter of log-odds."""
    asked = np.isfinite(answers).sum(axis=1)
    share = (np.nansum(answers, axis=1) + 0.5) / (asked + 1)
    share = np.clip((share - chance) / (1 - chance), 0.5 / (asked + 1), None)
    log_odds = np.log(share / (1 - share))
    noise = float(np.median(1 / np.sqrt(asked * share * (1 - share))))
    on_line = np.column_stack([np.ones(len(x)), x])
    residual = log_odds - on_line @ np.linalg.lstsq(on_line, log_odds, rcond=None)[0]
    return noise, float(np.hypot(noise, np.sqrt((residual**2).sum() / max(len(x) - on_line.shape[1], 1))))
