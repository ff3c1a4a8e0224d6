"""Random features without ridge: exact losses in the scaling regimes of Bahri et al. (arXiv 2102.06701)."""

import numpy as np

from relscale.atlas.answers import known
from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.view import Series, View, curve_points
from relscale.laws.law import Array

DIRECTIONS, DECAY = 1000, 0.5
FEATURES = (10, 20, 40, 80)  # with unlimited examples
FEATURES_AND_EXAMPLES = ((20, 60), (20, 240), (40, 80))  # features and examples
EXAMPLES = (60, 120, 240, 480, 960)  # of 20 features


def spectrum(directions: int, decay: float) -> Array:
    """Eigenvalues i^−(1 + a) of the data's covariance."""
    return np.asarray(np.arange(1, directions + 1) ** -(1 + decay))


def kappa(count: float, eigenvalues: Array) -> float:
    """κ with Σ λ / (λ + κ) = count."""
    from scipy.optimize import brentq

    def gap(log_kappa: float) -> float:
        return float((eigenvalues / (eigenvalues + np.exp(log_kappa))).sum() - count)

    return float(np.exp(brentq(gap, np.log(eigenvalues[-1]) - 30, np.log(eigenvalues[0]) + 30, xtol=1e-14)))


def loss(features: float, examples: float, eigenvalues: Array) -> float:
    """The expected test loss: κ(m) · m / (1 − m / M), m the smaller of features and examples and M the larger."""
    smaller, larger = min(features, examples), max(features, examples)
    return kappa(smaller, eigenvalues) * smaller / (1 - smaller / larger)


def relative_rise(features: float, examples: float) -> float:
    """The relative rise of the loss of P features with D examples over unlimited examples, P / (D − P − 1), exactly."""
    return features / (examples - features - 1)


def reproduce(tables: Tables) -> dict[str, Number]:
    """Losses in both regimes, without a table."""
    eigenvalues = spectrum(DIRECTIONS, DECAY)
    results = {f"L of {p} features, unlimited examples": loss(p, np.inf, eigenvalues) for p in FEATURES}
    results |= {f"L of {p} features, {d} examples": loss(p, d, eigenvalues) for p, d in FEATURES_AND_EXAMPLES}
    results |= {f"rise of 20 features' loss with {d} examples": relative_rise(20, d) for d in EXAMPLES}
    return {name: Number(value) for name, value in results.items()}


def view(tables: Tables) -> View:
    """The loss over features, with unlimited and with few examples; the points are the known numbers."""
    eigenvalues = spectrum(DIRECTIONS, DECAY)
    at = curve_points([5, 200])
    numbers, series = known("explaining_scaling"), []
    for examples, features in ((np.inf, FEATURES), (240.0, (20,))):
        resolved = at[at < 0.9 * examples]
        name = "unlimited examples" if np.isinf(examples) else f"{examples:g} examples"
        line = resolved, [loss(p, examples, eigenvalues) for p in resolved]
        series.append(Series(name, features, [numbers[f"L of {p} features, {name}"] for p in features], line))
    return View("features", "test loss", tuple(series))


ENTRY = Entry(
    title="Explaining neural scaling laws: the regimes",
    paper="Bahri et al., arXiv 2102.06701, in an exactly solved model",
    formula="L(P, D) = κ(m) · m / (1 − m/M), Σ λ_i / (λ_i + κ(m)) = m, m = min(P, D), M = max(P, D), λ_i = i^(−1.5)",
    tables=(),
    reproduce=reproduce,
    view=view,
    command="relscale ask regime losses.csv --x tokens --y loss --by params",
    remark="1,000 directions. The variance-limited rise is proportional to 1/D. The finite number of directions makes "
    "the resolution-limited slope steeper than that of the spectrum, and near P = D the loss diverges.",
)
