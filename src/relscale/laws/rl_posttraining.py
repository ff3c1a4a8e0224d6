"""Reinforcement-learning post-training: the failure rate is a power of compute, whose exponent saturates with size.

    ln L = E(N) − k(N) · ln X,    k(N) = K_max / (1 + N_0 / N),    E(N) = e_0 + e_1 · ν + e_2 · ν²,    ν = ln(N / 10⁹)

L is 1 − pass@1 on test problems, N parameters, X post-training compute in units of 10¹⁸ FLOPs, or data in as many
samples. Larger models learn faster, up to K_max.

Source: *Scaling Behaviors of LLM Reinforcement Learning Post-Training*, arXiv 2509.25300; there E is a parameter per
size, here a parabola, so that untrained sizes can be forecast.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Law, Parameter
from relscale.laws.linear_terms import least_squares
from relscale.laws.optimum import Optimum

SIZE, COMPUTE = 1e9, 1e18
TURNS = np.geomspace(1e-2, 1e2, 13)  # N_0, in units of the geometric mean of the sizes


def _columns(n_0: Array, x: Array) -> list[Array]:
    """The terms of e_0, e_1, e_2 and K_max in ln L."""
    size, compute = np.log(x[0] / SIZE), np.log(x[1] / COMPUTE)
    share = 1 / (1 + n_0 / x[0])
    return list(np.broadcast_arrays(np.ones_like(size), size, size**2, -share * compute))


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of e_0, e_1, e_2, K_max, N_0 (5, ...) at N, X (2, n, ...)."""
    products = zip(theta[:4], _columns(theta[4], x), strict=True)
    return np.asarray(np.exp(sum(c * column for c, column in products)))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by e_0, e_1, e_2, K_max, N_0, (5, n, ...)."""
    y, columns = value(theta, x), _columns(theta[4], x)
    by_turn = -theta[3] * columns[3] / (x[0] + theta[4])
    return np.stack(np.broadcast_arrays(*(y * column for column in (*columns, by_turn))))


def starts(x: Array, y: Array) -> Array:
    """A grid of N_0, each with the least-squares solution in ln L."""
    points, misfits = [], []
    log_y = np.log(np.where(y > 0, y, np.abs(y).max() + 1e-300))
    for turn in np.exp(np.log(x[0]).mean()) * TURNS:
        columns = np.stack(_columns(np.array(turn), x), axis=1)
        c = least_squares(columns, log_y)
        misfits.append(float(((columns @ c - log_y) ** 2).sum()))
        points.append([*c[:3], float(np.clip(c[3], 1e-4, 10)), turn])
    return np.array(points)[np.argsort(misfits)[:5]]


LAW = Law(
    name="rl_posttraining",
    predictors=("params", "training_flops"),
    parameters=(
        Parameter("e_0", "nats", "ln L of a model of 10⁹ parameters at X = 1"),
        Parameter("e_1", "nats per factor e of the size", "the change of ln L with size"),
        Parameter("e_2", "nats per squared factor e of the size", "the curvature of ln L in size"),
        Parameter("K_max", "none", "the exponent of compute for unlimited model size", low=0, high=10),
        Parameter(
            "N_0", "parameters", "the parameters at which the exponent is half of K_max", low=0, log=True
        ),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    source="arXiv 2509.25300",
    formula="ln L = e_0 + e_1 · ν + e_2 · ν² − K_max / (1 + N_0 / N) · ln(X / 10¹⁸), ν = ln(N / 10⁹)",
    traps="At least four sizes are needed, on both sides of N_0. The points of one training run are "
    "dependent: use --block. The paper's forecasts of its largest model refit that model's level, so they "
    "are not true forecasts.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    """The size with the lowest failure rate: the lowest of a grid, refined; none unless E(N) is convex."""
    from scipy.optimize import minimize_scalar

    def log_failure(log_params: Array) -> Array:
        params = np.exp(np.atleast_1d(log_params))
        return np.log(
            value(theta[:, None], np.stack([params, np.full_like(params, known["training_flops"])]))
        )

    grid = np.linspace(np.log(1e5), np.log(1e16), 500)
    lowest = int(log_failure(grid).argmin())
    if not (theta[2] > 0 and 0 < lowest < len(grid) - 1):
        return {"params": np.nan, "failure_rate": np.nan}
    found = minimize_scalar(
        lambda log_params: log_failure(log_params)[0],
        bounds=(grid[lowest - 1], grid[lowest + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return {"params": float(np.exp(found.x)), "failure_rate": float(np.exp(found.fun))}


OPTIMUM = Optimum({"training_flops": "post-training compute"}, _optimum)
