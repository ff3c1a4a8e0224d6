"""Expected standard errors of a law's parameters under a design, before training.

With errors of ``noise`` in ln y, the covariance of the estimates at parameters θ is

    V = noise² · (J Jᵀ)⁻¹        J: derivatives of ln y by θ, or by ln θ for log parameters, (q, n)

The standard errors of the parameters, of the allocation exponent β/(α + β), and of ln y at a target follow from V. If
all runs have the same ratio of tokens to parameters, D = k·N, A and B of the loss surface E + A·N^(−α) + B·D^(−β)
cannot be distinguished: the condition number of J Jᵀ, with columns of length 1, grows as 1/(α − β)² (arXiv 2605.08541).
Two well separated ratios suffice.

A D-optimal design has the largest determinant of J Jᵀ, here among designs with the same number of runs, at most the
same total cost, and predictors inside the planned ranges. The efficiency is the q-th root of the ratio of the two
determinants: a design of efficiency ½ needs twice as many runs. The D-optimal design is computed by exchange (Fedorov,
*Theory of Optimal Experiments*, 1972): each run in turn is replaced by the candidate that increases the determinant
most, from the planned design and from random ones; exchange from one design may end in a local maximum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from relscale.errors import RelscaleError
from relscale.laws.law import Array, Law
from relscale.suggestions import suggestion

NOISE = 0.01  # standard deviation of ln y
ILL_CONDITIONED = 1e6  # condition number from which a design is called ill-conditioned
GRID = 12  # candidates per predictor
MAX_RUNS = 400  # for which a D-optimal design is computed
PASSES = 20  # maximum number of passes over the runs
FEW_RUNS = 50  # up to which exchange also starts from random designs: with more runs, all end alike
OTHER_STARTS = 4

# The fit of ``parametric`` to the 245 runs of Chinchilla (reference/chinchilla_figure4.csv).
CHINCHILLA = {"E": 1.8172, "A": 477.8, "B": 2143.5, "alpha": 0.3473, "beta": 0.3672}


@dataclass(frozen=True)
class Target:
    """Expected standard error of the law at a point.

    Attributes
    ----------
    stderr
        Standard error of the logarithm of the value; inf if the design does not determine it.
    """

    x: dict[str, float]
    value: float
    stderr: float


@dataclass(frozen=True)
class Information:
    """Information of a design about a law.

    Attributes
    ----------
    law, theta, noise
        The law, its assumed parameters by name, and the standard deviation of ln y.
    condition
        Condition number of J Jᵀ with columns of length 1.
    stderr
        Standard error of each parameter, by name; for a log parameter, of its logarithm.
    allocation
        Standard error of β/(α + β), the exponent of the optimal parameters in compute; None for laws without it.
    targets
        Standard errors at the target points.
    efficiency
        Efficiency relative to a D-optimal design of the same cost; None for laws of other predictors than N and D, and
        for more than ``MAX_RUNS`` runs.
    ratios
        Minimum and maximum tokens per parameter; None for laws of other predictors than N and D.
    logs
        Names of the log parameters.
    """

    law: str
    theta: dict[str, float]
    noise: float
    runs: int
    condition: float
    stderr: dict[str, float]
    allocation: float | None
    targets: tuple[Target, ...]
    efficiency: float | None
    ratios: tuple[float, float] | None
    logs: tuple[str, ...] = ()

    @property
    def is_ill_conditioned(self) -> bool:
        """Whether the design cannot distinguish the parameters."""
        return not self.condition < ILL_CONDITIONED

    def __str__(self) -> str:
        """A table for a terminal."""
        rows = [
            [
                name,
                f"{self.theta[name]:.6g}",
                _rounded(error) + (" of its logarithm" if name in self.logs else ""),
            ]
            for name, error in self.stderr.items()
        ]
        if self.allocation is not None:
            share = self.theta["beta"] / (self.theta["alpha"] + self.theta["beta"])
            rows.append(["beta / (alpha + beta)", f"{share:.4g}", _rounded(self.allocation)])
        table = tabulate(rows, headers=["parameter", "guess", "standard error"], disable_numparse=True)
        return "\n".join([table, *self.lines()])

    def lines(self) -> list[str]:
        """The results as sentences."""
        lines = [
            f"{self.law} from these {self.runs} runs, with {100 * self.noise:g}% noise: "
            + ", ".join(
                f"{name} ± {_rounded(self.stderr[name])}" for name in self.stderr if name not in self.logs
            )
            + f"; condition number {self.condition:.3g}"
        ]
        for target in self.targets:
            location = ", ".join(f"{name} {number:.3g}" for name, number in target.x.items())
            lines.append(f"at {location}: {target.value:.4g} ± {_percent(target.stderr)}")
        if self.efficiency is not None:
            lines.append(
                f"efficiency {100 * self.efficiency:.0f}% relative to a D-optimal design with the same runs and cost"
            )
        if self.ratios is not None:
            lines.append(f"tokens per parameter {self.ratios[0]:.3g} to {self.ratios[1]:.3g}")
        if self.is_ill_conditioned:
            lines.append(
                "ill-conditioned: these runs cannot distinguish the parameters"
                + (
                    ", because all have about the same ratio of tokens to parameters; add runs with another ratio"
                    if self.ratios
                    else ""
                )
            )
        return lines


def information(
    law: Law,
    x: Array,
    theta: Mapping[str, float],
    noise: float = NOISE,
    targets: Sequence[Mapping[str, float]] = (),
) -> Information:
    """Information of runs at x about a law.

    Parameters
    ----------
    x
        Predictors of the law, (p, n).
    theta
        Assumed parameters, by name.
    noise
        Standard deviation of ln y around the law.
    targets
        Points at which the standard error of the law is computed: predictors by name.

    Returns
    -------
    Information

    Raises
    ------
    RelscaleError
        A parameter or predictor is missing or unknown, or the law is not positive at a run.
    """
    guess = np.array(
        [theta[name] for name in _check_names(law.names, theta, f"law {law.name}: the parameter")]
    )
    derivatives = _derivatives(law, guess, x)
    norms = np.linalg.norm(derivatives, axis=1)
    if not (norms > 0).all():
        raise RelscaleError(f"law {law.name}: {law.names[int(norms.argmin())]} has no effect at these runs")
    left_vectors, singular, _ = np.linalg.svd(derivatives / norms[:, None], full_matrices=False)
    identified = len(singular) == len(norms) and singular[-1] > 0
    covariance = np.full((len(norms),) * 2, np.inf)
    if identified:
        covariance = noise**2 * (left_vectors / singular**2) @ left_vectors.T / np.outer(norms, norms)
    points = []
    for target in targets:
        point = np.array(
            [[target[name]] for name in _check_names(law.predictors, target, "target: the predictor")]
        )
        slope = _derivatives(law, guess, point)[:, 0]
        error = float(np.sqrt(slope @ covariance @ slope)) if identified else np.inf
        points.append(Target(dict(target), float(law.value(guess, point)[0]), error))
    is_surface = law.predictors == ("params", "tokens")
    return Information(
        law=law.name,
        theta=dict(zip(law.names, map(float, guess), strict=True)),
        noise=noise,
        runs=x.shape[1],
        condition=float((singular[0] / singular[-1]) ** 2) if identified else np.inf,
        stderr=dict(zip(law.names, map(float, np.sqrt(np.diag(covariance))), strict=True)),
        allocation=_allocation(law, guess, covariance) if identified else None,
        targets=tuple(points),
        efficiency=_efficiency(law, guess, x)
        if identified and is_surface and x.shape[1] <= MAX_RUNS
        else None,
        logs=tuple(parameter.name for parameter in law.parameters if parameter.log),
        ratios=(float((x[1] / x[0]).min()), float((x[1] / x[0]).max())) if is_surface else None,
    )


def chinchilla_optimum(flops: float) -> dict[str, float]:
    """Compute-optimal parameters and tokens by Chinchilla's loss surface, for ``6·N·D`` FLOPs.

    Examples
    --------
    >>> best = chinchilla_optimum(5.76e23)
    >>> round(6 * best["params"] * best["tokens"] / 5.76e23, 12)
    1.0
    """
    a, b, alpha, beta = (CHINCHILLA[name] for name in ("A", "B", "alpha", "beta"))
    ratio = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    params = ratio * (flops / 6) ** (beta / (alpha + beta))
    return {"params": params, "tokens": flops / 6 / params}


def _derivatives(law: Law, theta: Array, x: Array) -> Array:
    """Derivatives of ln y by theta, or by ln theta for log parameters, (q, n)."""
    value = law.value(theta, x)
    if not (np.isfinite(value) & (value > 0)).all():
        raise RelscaleError(
            f"law {law.name}: it is not positive at all runs with these parameters; assume others"
        )
    scale = np.where([parameter.log for parameter in law.parameters], theta, 1.0)
    return np.asarray(law.jacobian(theta, x) / value * scale[:, None])


def _allocation(law: Law, theta: Array, covariance: Array) -> float | None:
    """Standard error of β/(α + β), by its derivatives."""
    if not {"alpha", "beta"} <= set(law.names):
        return None
    i, j = law.names.index("alpha"), law.names.index("beta")
    alpha, beta = theta[[i, j]]
    slope = np.array([-beta, alpha]) / (alpha + beta) ** 2
    return float(np.sqrt(slope @ covariance[np.ix_([i, j], [i, j])] @ slope))


def _efficiency(law: Law, theta: Array, x: Array) -> float:
    """Efficiency of the design relative to the D-optimal design; a run costs N·D."""
    axes = [np.geomspace(row.min(), row.max(), GRID) for row in x]
    candidates = np.concatenate([x, np.stack([axis.ravel() for axis in np.meshgrid(*axes)])], axis=1)
    costs, runs = candidates.prod(axis=0), x.shape[1]
    derivatives = _derivatives(law, theta, candidates)
    derivatives /= np.linalg.norm(derivatives[:, :runs], axis=1)[:, None]
    planned, most = np.arange(runs), float(costs[:runs].sum()) * (1 + 1e-12)
    affordable = np.flatnonzero(costs <= most / runs)
    drawn = np.random.default_rng(0).choice(affordable, (OTHER_STARTS if runs <= FEW_RUNS else 0, runs))
    others = (start for start in drawn if np.linalg.matrix_rank(derivatives[:, start]) == len(theta))
    log_determinants = [
        _log_determinant(derivatives[:, _exchanged(start, derivatives, costs, most)])
        for start in (planned, *others)
    ]
    return float(np.exp((_log_determinant(derivatives[:, planned]) - max(log_determinants)) / len(theta)))


def _exchanged(start: NDArray[np.int64], derivatives: Array, costs: Array, most: float) -> NDArray[np.int64]:
    """The candidates (n,) of the design after exchanges of single runs until none increases the determinant.

    Run i for candidate c changes the determinant by the factor (1 − v_ii)·(1 + v_cc) + v_ic², v = Dᵀ (J Jᵀ)⁻¹ D.
    """
    selected, white, leverage = start.copy(), np.empty(0), np.empty(0)
    is_new = True  # since the last factorisation
    for _ in range(PASSES):
        exchanged = False
        for i in range(len(selected)):
            if is_new:
                left, singular, _ = np.linalg.svd(derivatives[:, selected], full_matrices=False)
                white = left.T @ derivatives / singular[:, None]  # white.T @ white is v
                leverage = (white**2).sum(axis=0)
            of_run = white[:, selected[i]]
            factor = (1 - of_run @ of_run) * (1 + leverage) + (of_run @ white) ** 2
            spent = costs[selected].sum() - costs[selected[i]]
            factor[spent + costs > most] = -np.inf
            best = int(factor.argmax())
            is_new = bool(factor[best] > 1 + 1e-9)
            if is_new:
                selected[i], exchanged = best, True
        if not exchanged:
            break
    return selected


def _log_determinant(derivatives: Array) -> float:
    return float(2 * np.log(np.linalg.svd(derivatives, compute_uv=False)).sum())


def _check_names(names: Sequence[str], values: Mapping[str, float], subject: str) -> Sequence[str]:
    """The names, if exactly these have values."""
    for name in values:
        if name not in names:
            raise RelscaleError(f"{subject} {name!r} is unknown; {suggestion(name, names)}")
    missing = [name for name in names if name not in values]
    if missing:
        raise RelscaleError(f"{subject} {missing[0]} is missing; give {', '.join(names)}")
    return names


def _rounded(number: float) -> str:
    return f"{number:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if np.isfinite(share) else "anything"
