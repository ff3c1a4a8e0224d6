"""Forecasts of error series, each computed once: the ratios of a suite are of the same series as its errors."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales

AlongScales = Callable[[Scales, Floats, Scales], Floats]


class _Series(NamedTuple):
    """What a forecast of one series is a function of, arrays as their bytes."""

    law: str
    known: tuple[bytes, ...]
    at: tuple[bytes, ...]
    log_error: bytes


class ErrorForecasts:
    """Forecasts (Q, K) of K series by laws that are fitted to each series separately."""

    def __init__(self) -> None:
        self._forecasts: dict[_Series, Floats] = {}
        self._from_answers: dict[tuple[bytes, ...], Floats] = {}

    def from_answers(self, forecast: Callable[..., Floats], *data: Floats) -> Floats:
        """``forecast(*data)`` (Q,) of one series; only new data are computed."""
        key = tuple(np.asarray(array).tobytes() for array in data)
        if key not in self._from_answers:
            self._from_answers[key] = forecast(*data)
        return self._from_answers[key]

    def of(self, law: str, forecast: AlongScales, known: Scales, log_errors: Floats, at: Scales) -> Floats:
        """``forecast(known, log_errors, at)`` of the law of that name; only new series (P,) are computed."""
        of_known, of_at = _bytes(known), _bytes(at)
        series = [_Series(law, of_known, of_at, column.tobytes()) for column in log_errors.T]
        column_of = {one: k for k, one in enumerate(series) if one not in self._forecasts}
        if column_of:
            new = forecast(known, log_errors[:, list(column_of.values())], at)
            self._forecasts |= {one: new[:, i] for i, one in enumerate(column_of)}
        return np.stack([self._forecasts[one] for one in series], axis=1)


def _bytes(scales: Scales) -> tuple[bytes, ...]:
    return tuple(axis.tobytes() for axis in (scales.log_flops, scales.log_params, scales.log_tokens))
