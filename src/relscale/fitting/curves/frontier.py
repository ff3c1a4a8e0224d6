"""Compute-optimal frontier of a run matrix: at each budget, the tokens that minimise the validation loss.

At each budget, a parabola of validation loss in log tokens is fitted to all runs, with every seed as a point
(``relscale.laws.parabola``). If a table has no such structure (one run per budget, or no validation loss), each run is
a point of the frontier.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.status import OK, Remark, Status, of_measurement
from relscale.laws import parabola

METHODS = ("auto", "parabola", "all")

NO_MINIMUM = Remark(Status.NO_MINIMUM)
NOT_CONVEX = Remark(Status.NOT_CONVEX)
TOO_FEW = Remark(Status.TOO_FEW_RUNS)

nan = float("nan")
NO_PARABOLA = np.full(3, nan)
NO_PARABOLA.setflags(write=False)


@dataclass(frozen=True)
class Point:
    """One budget of a matrix, or one run if each run is a point.

    Attributes
    ----------
    budget, training_flops
        The nominal budget; the geometric mean of its runs' compute.
    rows
        The runs used, as rows of the matrix.
    excluded
        Number of excluded runs of the budget (diverged, or without a validation loss).
    log_tokens, tokens, params, loss
        Values at the minimum; params by log-log interpolation between the runs; loss in nats per token.
    curvature
        Second derivative of the loss by log tokens at the minimum, 2·c2.
    c, x_mean
        Coefficients of the parabola (3,) in ``ln tokens − x_mean``.
    residual_sd
        Scatter of the runs around the parabola, nats per token (n − 3 degrees of freedom).
    log_tokens_stderr, log_params_stderr
        Standard errors of the minimum's ln tokens and ln params, from that scatter (delta method, n − 3 df).
    run_sd, run_sd_df
        Scatter between seeds of one design, nats per token, pooled over the budget's designs; nan without repeated
        seeds.
    run
        The run's name if each run is a point, else None.
    row
        Its row in the matrix.
    """

    budget: float
    training_flops: float
    rows: NDArray[np.int64]
    excluded: int
    status: Remark
    log_tokens: float = nan
    tokens: float = nan
    params: float = nan
    params_least: float = nan
    params_most: float = nan
    loss: float = nan
    curvature: float = nan
    c: Floats = field(default_factory=lambda: NO_PARABOLA)
    x_mean: float = nan
    residual_sd: float = nan
    log_tokens_stderr: float = nan
    log_params_stderr: float = nan
    run_sd: float = nan
    run_sd_df: int = 0
    run: str | None = None
    row: int = -1

    @property
    def is_parabola(self) -> bool:
        """Whether errors are read at a parabola's minimum rather than taken from a run."""
        return self.run is None


def frontier(matrix: RunMatrix, method: str = "auto") -> list[Point]:
    """The points of a matrix's frontier, by budget.

    Parameters
    ----------
    method
        "parabola", "all" (each run is a point) or "auto": parabolas if some budget has validation losses at three or
        more token counts.

    Raises
    ------
    RelscaleError
        Parabolas were requested, but there is no validation loss or no budget.
    """
    if method not in METHODS:
        raise RelscaleError(f"fit.frontier: {method!r} is not one of {', '.join(METHODS)}")
    if method == "parabola":
        for name, column in (
            ("budget", matrix.budget),
            ("tokens", matrix.tokens),
            ("validation loss", matrix.loss),
        ):
            if not np.isfinite(column).any():
                raise RelscaleError(
                    f"fit.frontier: parabola: corpus {matrix.corpus!r} has no {name}; use 'all', which treats each "
                    f"run as a point"
                )
    points = parabolas(matrix)
    shaped = any(point.status != TOO_FEW for point in points)
    if method == "parabola" or (method == "auto" and shaped):
        return points
    return [_at_run(matrix, row) for row in range(len(matrix.run))]


def parabolas(matrix: RunMatrix) -> list[Point]:
    """One parabola per budget, flagged if it has no minimum within the range of the runs."""
    budgets = np.unique(matrix.budget[np.isfinite(matrix.budget)])
    return [_at_budget(matrix, float(budget)) for budget in budgets]


def _at_budget(matrix: RunMatrix, budget: float) -> Point:
    at_budget = matrix.budget == budget
    counted = at_budget & np.isfinite(matrix.loss) & (matrix.tokens > 0)
    rows = np.flatnonzero(counted)
    excluded = int(at_budget.sum() - len(rows))
    flops = float(np.exp(np.log(matrix.training_flops[rows if len(rows) else at_budget]).mean()))
    log_tokens, loss = np.log(matrix.tokens[rows]), matrix.loss[rows]
    run_sd, run_sd_df = _between_seeds(matrix, rows)
    point = Point(budget, flops, rows, excluded, TOO_FEW, run_sd=run_sd, run_sd_df=run_sd_df)
    if len(np.unique(log_tokens)) < parabola.SMALLEST:
        return point

    x_mean = log_tokens.mean()
    x = log_tokens - x_mean
    c = parabola.coefficients(x, loss)
    best, least = (float(number) for number in parabola.minimum(c))
    df = len(x) - 3
    residuals = loss - parabola.value(c, x)
    inside = x.min() < best < x.max()
    residual_sd = float(np.sqrt(residuals @ residuals / df)) if df else nan
    stderr = residual_sd * float(minimum_spread(x, c)) if inside else nan
    params = matrix.params[rows]
    status = NOT_CONVEX if not c[2] > 0 else OK if inside else NO_MINIMUM
    return Point(
        budget=budget,
        training_flops=flops,
        rows=rows,
        excluded=excluded,
        status=status,
        log_tokens=best + x_mean,
        tokens=_exp(best + x_mean),
        params=_interpolated(log_tokens, params, best + x_mean) if inside else nan,
        params_least=float(params.min()),
        params_most=float(params.max()),
        loss=least,
        curvature=2 * float(c[2]),
        c=c,
        x_mean=float(x_mean),
        residual_sd=residual_sd,
        log_tokens_stderr=stderr,
        log_params_stderr=stderr * _params_slope(log_tokens, params) if inside else nan,
        run_sd=run_sd,
        run_sd_df=run_sd_df,
    )


def _at_run(matrix: RunMatrix, row: int) -> Point:
    ok = matrix.status[row] == "ok"
    tokens = float(matrix.tokens[row])
    return Point(
        budget=float(matrix.budget[row]),
        training_flops=float(matrix.training_flops[row]),
        rows=np.array([row] if ok else [], dtype=np.int64),
        excluded=0 if ok else 1,
        status=of_measurement(matrix.status[row]),
        log_tokens=float(np.log(tokens)) if tokens > 0 else nan,
        tokens=tokens,
        params=float(matrix.params[row]),
        loss=float(matrix.loss[row]),
        run=matrix.run[row],
        row=row,
    )


def _exp(x: float) -> float:
    with np.errstate(
        over="ignore"
    ):  # a minimum far outside the runs is flagged, and its tokens may be infinite
        return float(np.exp(x))


def _interpolated(log_tokens: Floats, params: Floats, at: float) -> float:
    """Parameters at ``at``, by log-log interpolation between the runs; seeds of one design are counted once."""
    x, first = np.unique(log_tokens, return_index=True)
    return float(np.exp(np.interp(at, x, np.log(params[first]))))


def minimum_spread(x: Floats, c: Floats) -> Any:
    """Standard deviation of ``x* = −c1 / (2·c2)`` in units of the runs' noise, by its gradient.

    Shape (...) for parabolas c (3, ...) through runs at x (n,).
    """
    gradient = np.stack([np.zeros_like(c[2]), -1 / (2 * c[2]), c[1] / (2 * c[2] ** 2)])
    return np.linalg.norm(np.tensordot(np.linalg.pinv(parabola.powers(x)), gradient, axes=1), axis=0)


def _params_slope(log_tokens: Floats, params: Floats) -> float:
    """Magnitude of d ln params / d ln tokens between the runs of a budget, near 1."""
    return float(abs(np.polyfit(log_tokens, np.log(params), 1)[0]))


def _between_seeds(matrix: RunMatrix, rows: NDArray[np.int64]) -> tuple[float, int]:
    """Standard deviation of the loss between runs of one design (equal params and tokens), and its df."""
    designs = np.stack([matrix.params[rows], matrix.tokens[rows]], axis=1)
    design, count = np.unique(designs, axis=0, return_inverse=True, return_counts=True)[1:]
    loss = matrix.loss[rows]
    mean = np.bincount(design, weights=loss) / count
    df = int((count - 1).sum())
    return (float(np.sqrt(np.sum((loss - mean[design]) ** 2) / df)) if df else nan), df
