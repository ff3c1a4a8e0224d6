"""Fitted laws of parameters and tokens, with their runs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relscale.figures.chart.numbers import estimate, known, number, significant
from relscale.figures.data import FigureData, MeasuredRun, runs_of_series
from relscale.figures.select import fit_reason, interval
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.laws.catalogue import law

Array = NDArray[np.float64]
LABELS = {"alpha": "α", "beta": "β"}
COMPUTES = 25  # computes for the compute-optimal line


class Surface(NamedTuple):
    """A fit and its runs: parameters, tokens, FLOPs, loss, and fitted loss."""

    rows: list[ParameterRow]
    names: list[str]
    params: Array
    tokens: Array
    flops: Array
    loss: Array

    def fitted_loss(self, params: Array, tokens: Array) -> Array:
        """The law's loss, in the shape of ``params``."""
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
        texts = [
            f"{LABELS.get(str(row.parameter), row.parameter)} = {estimate(number(row.value), row.low, row.high)}"
            for row in estimates
        ]
        half = len(texts) // 2 + 1
        return [", ".join(texts[:half]), ", ".join(texts[half:])]

    @property
    def note(self) -> str:
        """A note on the runs of the fit, the method of its intervals and the status of the fit and its parameters."""
        first, count = self.rows[0], len(self.names)
        runs = f"{count} runs" if first.n in (None, count) else f"{first.n} of {count} runs"
        row = next((row for row in self.rows if known(row.low)), None)
        method = f"; brackets: {number(row.level):.0%}, {interval(row)}" if row else ""
        status = fit_reason(self.rows)
        return f"{self.name} ({first.law}): fitted to {runs}{method}{f'; {status}' if status else ''}."

    @property
    def residual(self) -> Array:
        """``ln loss − ln law``, in percent."""
        return np.asarray(100 * np.log(self.loss / self.fitted_loss(self.params, self.tokens)))

    @property
    def hover_texts(self) -> list[str]:
        """The name of each run, its loss, its fitted loss and its residual."""
        fitted = self.fitted_loss(self.params, self.tokens)
        return [
            f"{name}<br>{significant(loss, 4)}, law {significant(value, 4)} ({significant(residual, 2)}%)"
            for name, loss, value, residual in zip(self.names, self.loss, fitted, self.residual, strict=True)
        ]


def fitted_surface(data: FigureData, rows: list[ParameterRow]) -> Surface | None:
    """A fit with its runs; None if a parameter is unknown or there are no runs."""
    first = rows[0]
    fitted = {row.parameter for row in rows if known(row.value)}
    if not {parameter.name for parameter in law(first.law).parameters} <= fitted:
        return None
    runs = runs_of_series(first, data.rows(MeasuredRun, status="ok"))
    runs = [run for run in runs if known(run.params, run.tokens, run.value) and number(run.value) > 0]
    if not runs:
        return None
    numbers = [(run.params, run.tokens, run.training_flops, run.value) for run in runs]
    return Surface(rows, [run.run for run in runs], *np.array(numbers, dtype=float).T)


def compute_optimal_line(
    surface: Surface, log_tokens: Sequence[float], log_params: Sequence[float]
) -> tuple[Array, Array]:
    """Parameters N and tokens D, each (n,), with the lowest loss at constant 6ND, in these ranges of log10 D and N."""
    (d_low, d_high), (n_low, n_high) = log_tokens, log_params
    params, tokens = [], []
    for log_product in np.linspace(d_low + n_low, d_high + n_high, COMPUTES)[1:-1]:
        log_n = np.linspace(max(n_low, log_product - d_high), min(n_high, log_product - d_low), 400)
        loss = surface.fitted_loss(10**log_n, 10 ** (log_product - log_n))
        least = int(np.argmin(loss))
        if 0 < least < len(log_n) - 1:
            params.append(10 ** log_n[least])
            tokens.append(10 ** (log_product - log_n[least]))
    return np.array(params), np.array(tokens)
