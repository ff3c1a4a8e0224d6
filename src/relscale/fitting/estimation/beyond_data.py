"""Extrapolation of a law: distance from the data, and backtest error of such predictions.

The interval of a fit assumes that the law is correct. Model error is estimated with rolling origins: the law is fitted
to the points up to some compute and predicts those beyond. With e the error of a prediction, v the variance that the
fit itself gives it and d = ln (F / F_origin) its distance,

    E e² = v + b · d,    b = max(0, Σ w (e² − v) d / Σ w d²)

with equal weight per origin, as in ``relscale.fitting.forecasts.width``. Beyond the data, b · d is added to the
variance of a prediction, with as many degrees of freedom as there are origins. Inside the data, nothing is added.

In 100 simulated tables of 12 points over two decades, 95% intervals of a power law cover 96% at twice and 98% at ten
times the largest compute if it is true (94% and 97% without b). If the truth has a floor, they cover 89% and 70% (53%
and none without b): a backtest cannot show a bend beyond its last origin. The status of such a row therefore states
that it is beyond the data (``python benchmarks/beyond_data.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import t_quantile

Floats = NDArray[np.float64]
Predict = Callable[[NDArray[np.bool_]], tuple[Floats, Floats] | None]

SHARES = (0.4, 0.55, 0.7, 0.85)  # of the points, known at each origin
FEWEST = 2  # minimum number of origins for an estimate of the model error
SAME = 1.0 + 1e-6  # factor by which a predictor may exceed the data's largest without being beyond it


@dataclass(frozen=True)
class ModelError:
    """Model error: squared errors of predictions from earlier origins in excess of the fits' own variance.

    Attributes
    ----------
    growth
        b, the variance per factor e of compute; nan if there are too few origins.
    """

    growth: float
    origins: int

    def half_width(self, distance: float, level: float) -> float:
        """Half width to be added in quadrature; 0 inside the data."""
        if self.origins < FEWEST or not distance > 0:
            return 0.0
        return float(t_quantile(self.origins, level) * np.sqrt(self.growth * distance))


def model_error(log_size: Floats, y: Floats, predict: Predict) -> ModelError:
    """Model error of a law, from rolling origins.

    Parameters
    ----------
    log_size
        (n,) ln of the compute, or of another size, by which points are ordered; −∞ for points known at every origin.
    y
        (n,) observed values, in the scale of the residuals.
    predict
        Maps a mask (n,) of known points to predictions (n,) of all points and their variances; None if the fit fails.
    """
    numerator = denominator = 0.0
    origins = 0
    sizes = np.unique(log_size[np.isfinite(log_size)])
    for cut in dict.fromkeys(
        sizes[:-1][int(share * len(sizes)) - 1] for share in SHARES if share * len(sizes) >= 1
    ):
        known = log_size <= cut
        predicted = predict(known)
        if predicted is None:
            continue
        value, variance = predicted
        distance = np.where(known, np.nan, log_size - cut)
        excess = ((y - value) ** 2 - variance) * distance
        usable = np.isfinite(excess)
        if usable.any():
            numerator += float(excess[usable].mean())
            denominator += float((distance[usable] ** 2).mean())
            origins += 1
    return ModelError(max(0.0, numerator / denominator) if denominator else np.nan, origins)


def beyond(names: Sequence[str], fitted: Floats, at: Floats) -> str:
    """Describe how far a point's predictors (p,) are outside the range of the fitted ones (p, n); empty if inside.

    Examples
    --------
    >>> beyond(["params", "tokens"], np.array([[1e8, 1e9], [2e9, 2e10]]), np.array([5e8, 1e11]))
    'tokens 5× beyond the largest fitted'
    """
    sentences = []
    for name, data, value in zip(names, fitted, at, strict=True):
        if not (data > 0).all() or not value > 0:
            continue
        if value > SAME * data.max():
            sentences.append(f"{name} {value / data.max():.3g}× beyond the largest fitted")
        elif value * SAME < data.min():
            sentences.append(f"{name} {data.min() / value:.3g}× below the smallest fitted")
    return ", ".join(sentences)
