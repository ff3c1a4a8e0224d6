"""Signal-to-noise ratio of metrics: spread over models relative to noise between checkpoints.

    noise = SD of a metric over a run's last checkpoints / their mean,    signal = (max − min over runs) / mean
    decision accuracy = share of pairs of recipes that have the same order at the small and the large scale

The standard deviation is that of the sample, without Bessel's correction. Limits of signal / noise are for the signal
of these runs: Student's t of the noise's mean over runs, in logarithms. (The range of resampled runs is never larger
than that of the runs; their percentiles would contain the ratio that is expected of such runs in 55% to 62% of cases.)
Limits of the decision accuracy are from resampled recipes: a resample with k_i of recipe i has k_i·k_j pairs of recipes
i and j. With one recipe per size, the signal is that of size and does not measure how well recipes are distinguished.

Sources: Heineman et al., *Signal and Noise*, arXiv 2508.13144; Magnusson et al., *DataDecide*, arXiv 2504.11393.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import LEVEL, t_quantile
from relscale.errors import RelscaleError
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.laws.law import Array
from relscale.questions.limits import MAX_LOG, Percentiles, joined_notes, percentiles
from relscale.storage.column_arrays import Columns, rows_by_name
from relscale.storage.rows import column

RESAMPLES = 1000
EQUAL = 1e-12  # of the mean noise; noises that differ by less are equal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalNoiseRow:
    """One row per metric."""

    metric: str = column("The column.")
    runs: int = column("Runs with at least two checkpoints.")
    noise: float | None = column(
        "Standard deviation over the last checkpoints relative to their mean, averaged over runs.",
        default=None,
    )
    signal: float | None = column("Range over runs relative to their mean.", default=None)
    snr: float | None = column("Signal-to-noise ratio.", default=None)
    low: float | None = column("Lower limit of its 95% interval, for the signal of these runs.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    decision_accuracy: float | None = column(
        "Share of pairs of recipes with the same order at both scales.", default=None
    )
    decision_low: float | None = column("Lower limit of its 95% interval.", default=None)
    decision_high: float | None = column("Upper limit of its 95% interval.", default=None)
    note: str | None = column(
        "Rows and runs that are left out, and the number of undefined resamples.", default=None
    )


ROW = SignalNoiseRow


def rows(
    table: Columns,
    *,
    metrics: tuple[str, ...],
    run: str,
    step: str,
    last: int = 10,
    recipe: str = "",
    scale: str = "",
    seed: int = 0,
) -> Iterator[SignalNoiseRow]:
    """Noise, signal and their ratio of each metric.

    Parameters
    ----------
    metrics
        Columns of the metrics to compare.
    run, step
        Columns of the training run of a checkpoint, and of its step or tokens.
    last
        Number of final checkpoints per run.
    recipe, scale
        Columns of the recipe and of its scale; the smallest and the largest scale are compared.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, ``last`` is below 2, only one of ``recipe`` and ``scale`` is given, or a run
        has two values of a metric at one step, two recipes, or two scales, in rows with the metric; empty cells do not
        count.
    """
    if last < 2:
        raise RelscaleError(f"last: {last} checkpoint(s) have no standard deviation; give at least 2")
    labels, steps = table.labels(run, may_be_empty=True), table.numbers(step)
    if bool(recipe) != bool(scale):
        raise RelscaleError("recipe and scale: give both columns, or neither")
    recipes, scales = (table.labels(name, may_be_empty=True) for name in (recipe, scale))
    sizes = table.numbers(scale) if scale else np.zeros(len(table))
    has_run, has_recipe, has_scale = table.filled(run), table.filled(recipe), table.filled(scale)
    rng = np.random.default_rng(seed)
    for metric in metrics:
        values = table.numbers(metric)
        measured = np.isfinite(values) & np.isfinite(steps) & has_run
        if len(set(zip(labels[measured], steps[measured], strict=True))) < measured.sum():
            raise RelscaleError(
                f"{run}: a run has several values of {metric} at one {step}; select rows with --where, or name a "
                "column that identifies a run"
            )
        recipe_row = _row_of_each(labels, recipes, measured & has_recipe, run, recipe)
        scale_row = _row_of_each(labels, scales, measured & has_scale, run, scale)
        of_runs = _last_values(labels, steps, values, measured, last)
        if not of_runs:
            yield SignalNoiseRow(metric=metric, runs=0, note="no run has two checkpoints with it")
            continue
        means = np.array([run_values.mean() for run_values in of_runs.values()])
        if (means == 0).any() or means.mean() == 0:
            yield SignalNoiseRow(metric=metric, runs=len(means), note="a mean of 0")
            continue
        decided_by = [
            (float(mean), str(recipes[recipe_row[name]]), float(sizes[scale_row[name]]))
            for name, mean in zip(of_runs, means, strict=True)
            if name in recipe_row and name in scale_row
        ]
        relative = np.array([noise(run_values) for run_values in of_runs.values()]) / np.abs(means)
        signal = _signal(means) if len(means) > 1 else None
        snr, low, high = _ratio(signal, relative)
        decided, decided_limits = _decisions(decided_by, rng) if recipe else (None, percentiles([], 0))
        undecided, without_run = len(means) - len(decided_by), int((~has_run).sum())
        yield SignalNoiseRow(
            metric=metric,
            runs=len(means),
            noise=float(relative.mean()),
            signal=signal,
            snr=snr,
            low=low,
            high=high,
            decision_accuracy=decided,
            decision_low=decided_limits.low,
            decision_high=decided_limits.high,
            note=joined_notes(
                "" if len(means) > 1 else "a signal needs at least two runs",
                "no interval: the noise of all runs is equal" if snr and low is None else "",
                f"{without_run} of {len(table)} rows excluded: no {run}" if without_run else "",
                f"decision accuracy: {undecided} of {len(means)} runs excluded: no {recipe} or no {scale}"
                if undecided
                else "",
                decided_limits.note and f"decision accuracy: {decided_limits.note}",
            ),
        )


def _last_values(
    runs: NDArray[np.object_], steps: Array, values: Array, measured: NDArray[np.bool_], last: int
) -> dict[str, Array]:
    """The values of each run at its ``last`` measured steps, of runs with at least two."""
    of_runs = {}
    known = np.flatnonzero(measured)
    for name, rows in rows_by_name(runs[known]).items():
        selected = known[rows]
        selected = selected[np.argsort(steps[selected], kind="stable")][-last:]
        if len(selected) > 1:
            of_runs[name] = values[selected]
    return of_runs


def _ratio(signal: float | None, relative: Array) -> tuple[float | None, float | None, float | None]:
    """The ratio of a signal to the mean relative noise of runs, with limits; None without either.

    The limits are a factor of exp(t · stderr / mean) away, with the mean of the noise and its standard error.
    """
    mean = float(relative.mean())
    if signal is None or not mean > 0:
        return None, None, None
    ratio = signal / mean
    if not np.ptp(relative) > EQUAL * mean:
        return ratio, None, None
    stderr = relative.std(ddof=1) / np.sqrt(len(relative))
    factor = float(np.exp(min(t_quantile(len(relative) - 1, LEVEL) * stderr / mean, MAX_LOG)))
    return ratio, ratio / factor, ratio * factor


def _row_of_each(
    runs: NDArray[np.object_], values: NDArray[np.object_], known: NDArray[np.bool_], run: str, column: str
) -> dict[str, int]:
    """The first row of each run that has a known value; runs that are several, by another column, are refused."""
    first: dict[str, int] = {}
    for row in np.flatnonzero(known).tolist():
        before = values[first.setdefault(runs[row], row)]
        if values[row] != before:
            raise RelscaleError(
                f"{run}: {runs[row]} has several values of {column}, such as {before} and {values[row]}; name a column "
                "that identifies a run"
            )
    return first


def noise(last: Array) -> float:
    """Standard deviation of the values, in their unit."""
    return float(np.std(last))


def _signal(means: Array) -> float:
    return float(np.ptp(means) / abs(means.mean()))


def decision_accuracy(small: Array, large: Array) -> float:
    """Share of pairs in the same order in both; ties count as wrong. nan without pairs."""
    return float(_decided(small, large, np.ones((len(small), 1)))[0])


def decision_limits(small: Array, large: Array, rng: np.random.Generator) -> Percentiles:
    """Limits of the decision accuracy by resampling the recipes; none if all resamples agree."""
    drawn = _decided(small, large, resampled_counts(len(small), RESAMPLES, rng))
    known = drawn[np.isfinite(drawn)]
    if len(known) and np.ptp(known) == 0:
        return percentiles([], 0)._replace(remark=f"no interval: it is {known[0]:g} in all resamples")
    return percentiles(drawn, RESAMPLES)


def _decided(small: Array, large: Array, counts: Array) -> Array:
    """(draws,) the share of pairs in the same order where recipe i occurs ``counts`` (recipes, draws) times."""
    i, j = np.triu_indices(len(small), 1)
    same = np.sign(small[i] - small[j]) * np.sign(large[i] - large[j]) > 0
    pairs = counts[i] * counts[j]
    with np.errstate(invalid="ignore"):
        return np.asarray(same @ pairs / pairs.sum(axis=0))


def _decisions(
    runs: Sequence[tuple[float, str, float]], rng: np.random.Generator
) -> tuple[float | None, Percentiles]:
    """The decision accuracy of runs by their mean, recipe and scale, with limits; None with less than two recipes."""
    scales = sorted({scale for _, _, scale in runs})
    if len(scales) < 2:
        return None, percentiles([], 0)
    first, second = (
        {
            name: float(np.mean([mean for mean, recipe, at in runs if (recipe, at) == (name, scale)]))
            for name in dict.fromkeys(recipe for _, recipe, _ in runs)
            if any((recipe, at) == (name, scale) for _, recipe, at in runs)
        }
        for scale in (scales[0], scales[-1])
    )
    both = [name for name in first if name in second]
    if len(both) < 2:
        return None, percentiles([], 0)
    small, large = (np.array([side[name] for name in both]) for side in (first, second))
    return decision_accuracy(small, large), decision_limits(small, large, rng)
