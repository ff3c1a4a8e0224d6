"""Which performance do the losses of several domains predict? A small network and a plane, as in FLP-M.

    P = w · tanh(W ℓ + b) + c,    ℓ the losses by their mean and spread; ridge on w and W; the median over seeds

Rows with a performance are the training set, those without are predicted. With few rows a network overfits: the first
output row is the cross-validated mean error of the network and of a plane; prefer the plane unless the network is
better. Predictions outside the convex hull of the training losses are marked.

Source: the second stage of Chen et al., *Scaling Laws for Predicting Downstream Performance in LLMs*, arXiv 2410.08527.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.levenberg_marquardt import minimise
from relscale.fitting.estimation.objective import Expansion, squared
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

FOLDS = 10
TOLERANCE = 1e-5
MAX_WEIGHT = 20.0  # bound of the weights' absolute values
CROSS_VALIDATION = "(held out)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossNetworkRow:
    """One row per predicted row, preceded by one for the cross-validation error."""

    row: str = column("Name of the row, or (held out) for the cross-validation error.")
    network: float = column("Prediction of the network; for cross-validation, its mean error.")
    plane: float = column("Prediction of the plane; for cross-validation, its mean error.")
    note: str | None = column(
        "Preferred model, or a note that the prediction is an extrapolation.", default=None
    )


ROW = LossNetworkRow


def rows(
    table: Columns,
    *,
    x: tuple[str, ...],
    y: str,
    label: str = "",
    hidden: int = 3,
    ridge: float = 1e-3,
    seeds: int = 20,
    seed: int = 0,
) -> Iterator[LossNetworkRow]:
    """Cross-validation errors, and predictions of all rows without a performance.

    Parameters
    ----------
    x
        Columns of the domains' losses.
    y
        Column of the performance; empty in rows to predict.
    label
        Column that names a row; by default its number.
    hidden
        Units of the network.
    ridge
        Ridge penalty on the weights, for standardised performance.
    seeds
        Number of networks; their median is used.
    seed
        Seed of the initial weights and of the cross-validation folds.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, there are too few rows, or an option is out of range.
    """
    if hidden < 1 or seeds < 1 or not ridge > 0:
        raise RelscaleError("hidden and seeds are at least 1, and ridge is positive")
    losses, performance = np.stack([table.numbers(name) for name in x]), table.numbers(y)
    complete = np.isfinite(losses).all(axis=0)
    known, ahead = complete & np.isfinite(performance), complete & ~np.isfinite(performance)
    if known.sum() < len(x) + 3:
        raise RelscaleError(
            f"{int(known.sum())} rows have {', '.join(x)} and {y}; at least {len(x) + 3} are needed"
        )
    train_losses, values = losses[:, known], performance[known]
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(values)) % min(FOLDS, len(values))
    training_folds = (fold != np.arange(fold.max() + 1)[:, None]).astype(float).T  # (n, folds)
    by_network = _network(train_losses, values, training_folds, train_losses, hidden, ridge, seeds, rng)
    by_plane = np.stack(
        [_plane(train_losses[:, w > 0], values[w > 0], train_losses) for w in training_folds.T]
    )
    position = np.arange(len(values))
    errors = [
        float(np.abs(prediction[fold, position] - values).mean()) for prediction in (by_network, by_plane)
    ]
    better = errors[0] < errors[1]
    yield LossNetworkRow(
        row=CROSS_VALIDATION,
        network=errors[0],
        plane=errors[1],
        note=None if better else "the network is not better than the plane: prefer the plane",
    )
    if not ahead.any():
        return
    names = table.where(ahead).labels(label) if label else np.flatnonzero(ahead) + 1
    at = losses[:, ahead]
    network = _network(train_losses, values, np.ones((len(values), 1)), at, hidden, ridge, seeds, rng)[0]
    plane = _plane(train_losses, values, at)
    for i, name in enumerate(names):
        inside = _in_hull(train_losses, at[:, i])
        yield LossNetworkRow(
            row=str(name),
            network=float(network[i]),
            plane=float(plane[i]),
            note=None if inside else "beyond the data",
        )


@dataclass(frozen=True)
class Network:
    """The network's sum of squares with ridge penalty, to be minimised; u consists of W (h, d), b, w (h,) and c."""

    z: Array  # (d, n)
    y: Array  # (n,)
    weights: Array  # (n, sets)
    hidden: int
    ridge: float

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.hidden * (len(self.z) + 2) + 1

    @property
    def numbers(self) -> int:
        """Number of elements in the derivatives of one data set."""
        return self.size * len(self.y)

    @property
    def low(self) -> Array:
        """Bounds, (q, 1)."""
        return np.full((self.size, 1), -MAX_WEIGHT)

    @property
    def high(self) -> Array:
        """Bounds, (q, 1)."""
        return np.full((self.size, 1), MAX_WEIGHT)

    @property
    def free(self) -> NDArray[np.bool_]:
        """All parameters are free."""
        return np.ones(self.size, dtype=bool)

    def scale(self, columns: NDArray[np.int64]) -> Array:
        """The scale of the residuals."""
        return np.ones(len(columns))

    def units(self, u: Array, z: Array) -> Array:
        """The hidden units at z (d, n), (h, n, m)."""
        matrix = u[: self.hidden * len(z)].reshape(self.hidden, len(z), -1)
        bias = u[self.hidden * len(z) :][: self.hidden]
        return np.asarray(np.tanh(np.einsum("hdm,dn->hnm", matrix, z) + bias[:, None]))

    def value(self, u: Array, z: Array) -> Array:
        """P at z, (n, m)."""
        out = u[-1 - self.hidden : -1]
        return np.asarray(np.einsum("hm,hnm->nm", out, self.units(u, z)) + u[-1])

    def expansion(self, u: Array, columns: NDArray[np.int64], below: Array | None = None) -> Expansion:
        """The objective around u, to second order, with P linearised."""
        units, out = self.units(u, self.z), u[-1 - self.hidden : -1]
        by_bias = out[:, None] * (1 - units**2)
        by_matrix = (by_bias[:, None] * self.z[:, :, None]).reshape(-1, *units.shape[1:])
        jacobian = np.concatenate([by_matrix, by_bias, units, np.ones_like(units[:1])])
        weights = self.weights[:, columns]
        residual = self.value(u, self.z) - self.y[:, None]
        penalty = np.full((self.size, 1), self.ridge)
        penalty[-1] = 0
        curvature = squared(jacobian, weights) + np.diag(penalty[:, 0])
        total = (weights * residual**2).sum(axis=0) + (penalty * u**2).sum(axis=0)
        gradient = np.einsum("qnm,nm->qm", jacobian, weights * residual) + penalty * u
        return Expansion(total / 2, gradient, curvature, curvature.diagonal(axis1=1, axis2=2).T, total)


def _network(
    inside: Array,
    values: Array,
    weights: Array,
    at: Array,
    hidden: int,
    ridge: float,
    seeds: int,
    rng: np.random.Generator,
) -> Array:
    """Predictions (sets, n) at losses (d, n), of the networks of each set of weights (n, sets)."""
    mean, sd = inside.mean(axis=1, keepdims=True), inside.std(axis=1, keepdims=True)
    sd = np.where(sd > 0, sd, 1.0)
    level, unit = values.mean(), values.std() or 1.0
    net = Network((inside - mean) / sd, (values - level) / unit, weights, hidden, ridge)
    sets = weights.shape[1]
    columns = np.tile(np.arange(sets), seeds)
    fitted = minimise(net, rng.normal(0, 0.5, (net.size, len(columns))), columns, TOLERANCE)
    outputs = net.value(fitted.u, (at - mean) / sd).reshape(-1, seeds, sets)
    return np.asarray(level + unit * np.median(outputs, axis=1).T)


def _plane(inside: Array, values: Array, at: Array) -> Array:
    """Predictions (n,) of a least-squares plane at losses (d, n)."""
    coefficients = np.linalg.lstsq(np.vstack([np.ones(len(values)), inside]).T, values, rcond=None)[0]
    return np.asarray(coefficients @ np.vstack([np.ones(at.shape[1]), at]))


def _in_hull(inside: Array, point: Array) -> bool:
    """Whether a point (d,) is in the convex hull of the points (d, n)."""
    from scipy.optimize import linprog

    size = np.abs(inside).max(axis=1, keepdims=True)
    sides = np.vstack([inside / np.where(size > 0, size, 1), np.ones(inside.shape[1])])
    right = np.append(point / np.where(size > 0, size, 1)[:, 0], 1.0)
    return bool(linprog(np.zeros(inside.shape[1]), A_eq=sides, b_eq=right).status == 0)
