"""Fitted laws of parameters and tokens, with their runs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relscale.figures.chart.numbers import estimate, known, number, significant
from relscale.figures.data import FigureData, MeasuredRun, of_same_series
from relscale.figures.select import interval, reason
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.laws.catalogue import law

Array = NDArray[np.float64]
LABELS = {"alpha": "α", "beta": "β"}
RAYS = 25  # computes at which the least loss is sought


class Surface(NamedTuple):
    """A fit and its runs: parameters, tokens, FLOPs, loss, and fitted loss."""

    rows: list[ParameterRow]
    names: list[str]
    params: Array
    tokens: Array
    flops: Array
    loss: Array

    def at(self, params: Array, tokens: Array) -> Array:
        """The law's loss."""
        values = {row.parameter: row.value for row in self.rows}
        fitted = law(self.rows[0].law)
        theta = np.array([values[parameter.name] for parameter in fitted.parameters])
        x = np.stack([np.ravel(params), np.ravel(tokens)])
        return np.asarray(fitted.value(theta[:, None], x[:, :, None])[:, 0]).reshape(np.shape(params))

    @property
    def name(self) -> str:
        """The name of the fit in the config."""
        return str(self.rows[0].fit).replace("_", " ")

    @property
    def parameters(self) -> list[str]:
        """Every parameter with its interval, in two lines."""
        by_name = {row.parameter: row for row in self.rows}
        estimates = [by_name[parameter.name] for parameter in law(self.rows[0].law).parameters]
        words = [
            f"{LABELS.get(str(row.parameter), row.parameter)} = {estimate(number(row.value), row.low, row.high)}"
            for row in estimates
        ]
        half = len(words) // 2 + 1
        return [", ".join(words[:half]), ", ".join(words[half:])]

    @property
    def note(self) -> str:
        """The data of the fit and the method of its intervals, in words."""
        first, count = self.rows[0], len(self.names)
        runs = f"{count} runs" if first.n in (None, count) else f"{first.n} of {count} runs"
        bounds = next((row for row in self.rows if known(row.low)), None)
        how = f"; brackets: {number(bounds.level):.0%}, {interval(bounds)}" if bounds else ""
        why = "" if first.status == "ok" else f"; {reason(first)}"
        return f"{self.name} ({first.law}): fitted to {runs}{how}{why}."

    @property
    def residual(self) -> Array:
        """``ln loss − ln law``, in percent."""
        return np.asarray(100 * np.log(self.loss / self.at(self.params, self.tokens)))

    @property
    def words(self) -> list[str]:
        """Each run's name, its loss and the law's."""
        fitted = self.at(self.params, self.tokens)
        return [
            f"{name}<br>{significant(loss, 4)}, law {significant(value, 4)} ({significant(residual, 2)}%)"
            for name, loss, value, residual in zip(self.names, self.loss, fitted, self.residual, strict=True)
        ]


def fitted_surface(data: FigureData, rows: list[ParameterRow]) -> Surface | None:
    """The runs behind a fit; None where a parameter is not known."""
    first = rows[0]
    fitted = {row.parameter for row in rows if known(row.value)}
    if not {parameter.name for parameter in law(first.law).parameters} <= fitted:
        return None
    runs = of_same_series(first, data.rows(MeasuredRun, status="ok"))
    runs = [run for run in runs if known(run.params, run.tokens, run.value) and number(run.value) > 0]
    if not runs:
        return None
    numbers = [(run.params, run.tokens, run.training_flops, run.value) for run in runs]
    return Surface(rows, [run.run for run in runs], *np.array(numbers, dtype=float).T)


def least_loss(surface: Surface, ranges: Sequence[Sequence[float]]) -> Array:
    """Parameters and tokens of least loss along lines of one compute, 6ND, across the panel: (2, n)."""
    (d_low, d_high), (n_low, n_high) = ranges
    best = []
    for log_product in np.linspace(d_low + n_low, d_high + n_high, RAYS)[1:-1]:
        log_n = np.linspace(max(n_low, log_product - d_high), min(n_high, log_product - d_low), 400)
        loss = surface.at(10**log_n, 10 ** (log_product - log_n))
        place = int(np.argmin(loss))
        if 0 < place < len(log_n) - 1:
            best.append((10 ** log_n[place], 10 ** (log_product - log_n[place])))
    return np.array(best).T if best else np.empty((2, 0))
