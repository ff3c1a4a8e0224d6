"""Preparation of an estimate: data, weights, bounds and starting points in the form that searches need."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.objective import Objective
from relscale.laws.law import Array, Law

LOSSES, RESIDUALS = ("squares", "huber"), ("log", "linear")


def prepared(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    loss: str = "squares",
    delta: float = 1e-3,
    residual: str = "log",
    starts: ArrayLike | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
) -> tuple[Objective, Array, NDArray[np.bool_]]:
    """The objective, starting points (q, s, B), and which data sets (B,) contain a value without a logarithm.

    Raises
    ------
    RelscaleError
        As ``estimate``.
    """
    if loss not in LOSSES:
        raise RelscaleError(f"law {law.name}: no loss {loss!r}; there are {', '.join(LOSSES)}")
    if residual not in RESIDUALS:
        raise RelscaleError(f"law {law.name}: no residual {residual!r}; there are {', '.join(RESIDUALS)}")
    if not delta > 0:
        raise RelscaleError(f"law {law.name}: delta {delta!r} of Huber's loss is not positive")
    values = {name: np.asarray(value, dtype=float) for name, value in (fixed or {}).items()}
    for name in values:
        if name not in law.names:
            raise RelscaleError(f"law {law.name}: no parameter {name!r}; it has {', '.join(law.names)}")

    x, y, weights, problems = _shaped(law, x, y, weights)
    known = np.isfinite(x).all(axis=0) & np.isfinite(y)
    weights = np.where(known & (weights > 0), weights, 0.0)
    has_no_log = (
        ((weights > 0) & (y <= 0)).any(axis=0) if residual == "log" else np.zeros(y.shape[1], dtype=bool)
    )
    has_no_log = np.broadcast_to(has_no_log, problems)
    weights = np.where(has_no_log, 0.0, weights) if has_no_log.any() else weights
    x, y = np.where(np.isfinite(x), x, 1.0), np.where(known & ((y > 0) | (residual == "linear")), y, 1.0)

    begin = _starts(law, x, y, weights) if starts is None else np.asarray(starts, dtype=float)
    if begin.shape[1] != len(law.names) or (begin.ndim == 3 and begin.shape[2] not in (1, problems)):
        raise RelscaleError(f"law {law.name}: starts have shape {begin.shape}, not (s, {len(law.names)}, B)")
    begin = begin if begin.ndim == 3 else begin[:, :, None]
    begin = np.broadcast_to(begin, (*begin.shape[:2], problems)).transpose(1, 0, 2).copy()  # (q, s, B)
    for name, value in values.items():
        begin[law.names.index(name)] = value
    low, high = _bounds(law, x, y, weights)
    unit = _unit(y, weights) if residual == "linear" else 1.0
    objective = Objective(
        law=law,
        x=x,
        y=np.log(y) if residual == "log" else y,
        weights=weights,
        delta=delta / unit if loss == "huber" else np.inf,
        log_residual=residual == "log",
        free=np.array([name not in values for name in law.names]),
        low=low,
        high=high,
        unit=unit,
    )
    for name in values:  # fixed parameters have no bounds
        i = law.names.index(name)
        objective.low[i], objective.high[i] = -np.inf, np.inf
    return objective, begin, has_no_log


def _shaped(
    law: Law, x: ArrayLike, y: ArrayLike, weights: ArrayLike | None
) -> tuple[Array, Array, Array, int]:
    """x (p, n, B or 1), y and weights (n, B or 1), and B."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    w = np.ones(y.shape[:1]) if weights is None else np.asarray(weights, dtype=float)
    x, y, w = (
        (x if x.ndim == 3 else x[..., None]),
        (y if y.ndim == 2 else y[:, None]),
        (w if w.ndim == 2 else w[:, None]),
    )
    problems = max(x.shape[2], y.shape[1], w.shape[1])
    fitting = all(size in (1, problems) for size in (x.shape[2], y.shape[1], w.shape[1]))
    if x.shape[:2] != (len(law.predictors), len(y)) or len(w) != len(y) or not fitting:
        raise RelscaleError(
            f"law {law.name}: x {x.shape}, y {y.shape} and weights {w.shape} do not fit together; "
            f"x needs {len(law.predictors)} rows ({', '.join(law.predictors)})"
        )
    return x, y, w, problems


def _starts(law: Law, x: Array, y: Array, weights: Array) -> Array:
    """(s, q, B), or (s, q, 1) if all data sets share x and y."""
    data = max(x.shape[2], y.shape[1])
    used = np.asarray(weights > 0)
    if data == 1:
        used = np.asarray(used.any(axis=1, keepdims=True))
    starts = []
    for j in range(data):
        rows = used[:, min(j, used.shape[1] - 1)]
        data_of_start = x[:, rows, min(j, x.shape[2] - 1)], y[rows, min(j, y.shape[1] - 1)]
        starts.append(
            law.starting_points(*data_of_start) if rows.any() else np.full((1, len(law.names)), np.nan)
        )
    most = max(len(start) for start in starts)
    padded = [np.pad(start, ((0, most - len(start)), (0, 0)), mode="edge") for start in starts]
    return np.stack(padded, axis=-1)


def _unit(y: Array, weights: Array) -> float:
    """The root mean square of y, without squares that overflow; 1 if all are 0."""
    size = np.abs(np.where(weights > 0, y, 0.0))
    largest = float(size.max(initial=0.0))
    return largest * float(np.sqrt(np.mean((size / largest) ** 2))) if largest > 0 else 1.0


def _bounds(law: Law, x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Bounds of u, (q, 1); bounds in units of the data are common to all data sets."""
    low = np.array([parameter.low for parameter in law.parameters])
    high = np.array([parameter.high for parameter in law.parameters])
    used = np.broadcast_to(weights > 0, (x.shape[1], max(x.shape[2], y.shape[1], weights.shape[1])))
    if law.limits is not None and used.any():
        points = np.stack([np.broadcast_to(row, used.shape)[used] for row in x])
        least, most = law.limits(points, np.broadcast_to(y, used.shape)[used])
        low, high = np.maximum(low, least), np.minimum(high, most)
    logs = np.array([parameter.log for parameter in law.parameters])
    with np.errstate(divide="ignore"):
        low = np.where(logs, np.log(np.where(logs, np.maximum(low, 0), 1)), low)
        high = np.where(logs, np.log(np.where(logs, high, 1)), high)
    return low[:, None], high[:, None]
