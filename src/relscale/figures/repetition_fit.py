"""Fits of data-constrained scaling with the runs behind them, for the figure ``repetition``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FigureData, MeasuredRun, runs_of_series
from relscale.figures.select import fit_reason, named_fits
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.laws import data_constrained, repetition
from relscale.storage.rows import column

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRun(MeasuredRun):
    """A run with the number of its distinct training tokens."""

    unique_tokens: float | None = column("Distinct training tokens.", "tokens")


class RepetitionFit(NamedTuple):
    """A fit and the runs behind it: parameters N, tokens D, unique tokens U and losses, each (n,)."""

    rows: list[ParameterRow]
    names: list[str]
    params: Array
    tokens: Array
    unique: Array
    loss: Array

    @property
    def theta(self) -> Array:
        """The law's parameters, (q,)."""
        values = {row.parameter: row.value for row in self.rows}
        return np.array([values[parameter.name] for parameter in data_constrained.LAW.parameters])

    def fitted_loss(self, params: float, tokens: float, unique: Array) -> Array:
        """The law's loss, (n,)."""
        x = np.stack([np.full_like(unique, params), np.full_like(unique, tokens), unique])
        return repetition.value(self.theta[:, None], x)

    def effective(self, tokens: Array, unique: float) -> Array:
        """Effective tokens D', the number of unique tokens with the same loss, (n,)."""
        x = np.stack([np.ones_like(tokens), tokens, np.full_like(tokens, unique)])
        return repetition.effective(self.theta[:, None], x)[1].clip(max=tokens)

    @property
    def name(self) -> str:
        """The fit's name in words."""
        return str(self.rows[0].fit).replace("_", " ")

    @property
    def note(self) -> str:
        """A note on the number of runs and on the status of the fit and its parameters."""
        status = fit_reason(self.rows)
        return f"{self.name}: fitted to {self.rows[0].n} runs{f'; {status}' if status else ''}."

    def estimate(self, parameter: str) -> str:
        """The estimate of a parameter with its interval, as text."""
        row = next(row for row in self.rows if row.parameter == parameter)
        return estimate(number(row.value), row.low, row.high)

    @property
    def repeated(self) -> dict[float, float]:
        """The most training tokens for each number of unique tokens that was repeated, in ascending order."""
        numbers = sorted({float(unique) for unique in self.unique[self.tokens > self.unique]})
        return {unique: float(self.tokens[self.unique == unique].max()) for unique in numbers}

    @property
    def designs(self) -> list[tuple[float, float]]:
        """The distinct pairs of parameters and training tokens, in ascending order."""
        return sorted(set(zip(self.params.tolist(), self.tokens.tolist(), strict=True)))


def repetition_fits(data: FigureData, names: Sequence[str]) -> list[RepetitionFit]:
    """The fits of these names, or all fits if no names are given, without failed ones."""
    fits = named_fits(data, names, law=data_constrained.LAW.name)
    return [fit for rows in fits if (fit := _with_runs(data, rows))]


def _with_runs(data: FigureData, rows: list[ParameterRow]) -> RepetitionFit | None:
    """A fit with its runs; None if a parameter is unknown or there are no runs."""
    estimated = {row.parameter for row in rows if known(row.value)}
    if not set(data_constrained.LAW.names) <= estimated:
        return None
    runs = [
        run
        for run in runs_of_series(rows[0], data.rows(RepeatedRun, status="ok"))
        if known(run.params, run.tokens, run.unique_tokens, run.value)
    ]
    if not runs:
        return None
    numbers = [(run.params, run.tokens, run.unique_tokens, run.value) for run in runs]
    return RepetitionFit(rows, [run.run for run in runs], *np.array(numbers, dtype=float).T)
