"""Specification curve: Δβ under every defensible combination of analysis choices.

=========== ============================== ========================================================================
choice      values                         meaning
=========== ============================== ========================================================================
frontier    parabola, all                  errors at each budget's compute-optimal tokens, or at every run
flops       training_flops, 6ND            exact training FLOPs, or 6 × parameters × tokens
degree      2, 3                           of the polynomial in log tokens for loss and errors
window      all, inner                     runs of a budget that it is fitted to: all, or the four token counts nearest
                                           the minimum (with degree 2: a cubic through four leaves no scatter)
bytes       answer, scored, document       denominator of bits per byte
pooling     mean, pooled                   mean over items of each one's ratio, or ratio of sums
subjects    macro, micro                   mean over subjects, or over their questions
prompt      names in the suite             form of the questions
form        ratio, difference, reducible   of the gap; see ``relscale.fitting.gap_forms``
=========== ============================== ========================================================================

Bytes, pooling and subjects are in the metric's name. A choice that does not apply to a table is null. The value is
always the Δβ that the form implies at the reference compute, the geometric mean of the data.

Intervals and verdicts have the same estimand as those of the table ``verdicts``, and are computed in the same way: for
the population of the items if they were resampled, else for these items (column ``estimand``). If points share training
runs, they are from a block bootstrap or a jackknife over these; if budgets do, errors are estimated again without each
training run.

A constant factor between two counts of FLOPs does not change Δβ. That between 6ND and exact training FLOPs is not
constant, because attention, head and embedding have a larger share in small models. If it is constant, as in a table
whose FLOPs are 6ND, or if parameters or tokens are unknown, this choice does not apply.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from relscale.experiments.section import NULLABLE, Names, Section
from relscale.fitting.curves.error_variants import (
    ALL,
    PARABOLA,
    TRAINING,
    Flops,
    Frontier,
    Window,
    error_variants,
)
from relscale.fitting.curves.frontier_curves import FrontierCurves, fewest_clusters
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.run_matrix import RunMatrix, Series
from relscale.fitting.gap_forms import (
    RATIO,
    REDUCIBLE,
    Compared,
    Form,
    Slopes,
    reducible_slopes,
    slopes_by_form,
)
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.fitting.verdicts.verdict import Options as VerdictOptions
from relscale.fitting.verdicts.verdict import Verdict
from relscale.measurements.metric import Metric
from relscale.storage.rows import column, fields_of


class Options(Section):
    """Options of the specification curve."""

    specifications: Annotated[Names | None, NULLABLE] = Field(
        default=None, description="Suites whose specification curve is computed; null means all."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationRow(CurveKey):
    """One row per target and specification: Δβ and the analysis choices; null if a choice does not apply."""

    specification: int = column(
        "Rank of the specification by value within one target; 1 is the smallest.", default=0
    )
    frontier: Frontier = column("Where errors are read: at the minima of parabolas, or at every run.")
    flops: Flops = column("How compute is counted.")
    degree: int | None = column("Degree of the polynomial in ln tokens.")
    window: Window | None = column("Runs of a budget that the polynomial is fitted to.")
    bytes: str | None = column("Denominator of bits per byte.")
    pooling: str | None = column("Mean of per-item ratios, or ratio of sums.")
    subjects: str | None = column("Mean over subjects (macro), or over questions (micro).")
    form: Form = column("Functional form.")
    estimand: Estimand = column(
        "What the interval, p-value and verdict generalise over, as in the table verdicts."
    )
    value: float | None = column("Δβ at the reference compute.")
    low: float | None = column("Lower limit of the interval.")
    high: float | None = column("Upper limit of the interval.")
    level: float = column("Confidence level of the interval.")
    p_value: float | None = column("Two-sided p-value of Δβ = 0.")
    p_bh: float | None = column(
        "p-value adjusted by Benjamini–Hochberg over all gaps of the suite under this specification.",
        default=None,
    )
    verdict: Verdict | None = column("Verdict on the gap, by the adjusted p-value; null without an interval.")
    n: int = column("Number of points that the law is fitted to.")
    default: bool = column("Whether this is the default analysis.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


TABLE, ROW = "specifications", SpecificationRow
CHOICES = ("frontier", "flops", "degree", "window", "bytes", "pooling", "subjects", "prompt", "form")
FAMILY = ("experiment", "suite", "contrast", "estimand", *CHOICES)
AT_ONCE = 20_000_000  # draws of items in memory at a time


@dataclass(frozen=True)
class Pair:
    """Columns of a target and its baselines in a matrix, and the choices in the metric's name."""

    target: int
    baselines: list[int]
    key: CurveKey
    metric: Metric
    is_default: bool
    clusters: float


@dataclass(frozen=True)
class Choice:
    """How the errors are read off the runs, and their compute counted."""

    frontier: Frontier
    flops: Flops
    degree: int | None
    window: Window | None

    def is_default(self, frontier: Frontier) -> bool:
        """Whether it is that of the fits, whose points are of this frontier."""
        usual = self.degree in (None, 2) and self.window in (None, ALL)
        return self.frontier == frontier and self.flops == TRAINING and usual


def rows(curves: FrontierCurves, settings: Settings) -> list[SpecificationRow]:
    """One row per target and specification, by corpus and optimizer; specifications without an estimate come last.

    The metrics are all that differ from the default one only in bytes, pooling and subjects, under every prompt.
    """
    matrix = curves.matrix
    pairs = _pairs(matrix, settings)
    if not pairs:
        return []
    default = PARABOLA if all(point.is_parabola for point in curves.points) else ALL
    largest = max(len(matrix.run) * (matrix.replicates.shape[-1] + 1), 10 * settings.bootstrap)
    size = max(1, AT_ONCE // largest)
    by_target: dict[tuple[Any, ...], list[SpecificationRow]] = {}
    for first in range(0, len(pairs), size):
        for row in _rows(matrix, pairs[first : first + size], default, settings):
            by_target.setdefault((row.suite, row.group), []).append(row)
    return [row for of_target in by_target.values() for row in _numbered(of_target)]


def _rows(
    matrix: RunMatrix, pairs: Sequence[Pair], default: Frontier, settings: Settings
) -> Iterator[SpecificationRow]:
    """The rows of some pairs, not yet numbered."""
    columns = np.unique([column for pair in pairs for column in (pair.target, *pair.baselines)])
    targets = np.searchsorted(columns, [pair.target for pair in pairs])
    baselines = [np.searchsorted(columns, pair.baselines) for pair in pairs]
    clusters = np.array([pair.clusters for pair in pairs])
    margin = settings.of(VerdictOptions).equivalence_margin
    choices: list[Choice] = []
    by_form: list[dict[Form, Slopes]] = []
    compared: list[Compared] = []
    for variant in error_variants(matrix, columns):
        for flops, log_flops in variant.log_flops.items():
            choices.append(Choice(variant.frontier, flops, variant.degree, variant.window))
            pairs_there = Compared.of(variant, log_flops, targets, baselines, clusters)
            by_form.append(dict(slopes_by_form(pairs_there, settings, margin)))
            compared.append(pairs_there.without_draws())
    estimands = [slopes[RATIO].estimand for slopes in by_form]
    for choice, slopes_of, reducible in zip(
        choices, by_form, reducible_slopes(compared, estimands, settings.level), strict=True
    ):
        for form, slopes in (slopes_of | {REDUCIBLE: reducible}).items():
            for j, pair in enumerate(pairs):
                yield SpecificationRow(
                    **fields_of(pair.key),
                    **fields_of(choice),
                    bytes=pair.metric.bytes,
                    pooling=pair.metric.items,
                    subjects=pair.metric.subjects,
                    form=form,
                    estimand=slopes.estimand[j],
                    value=slopes.value[j],
                    low=slopes.low[j],
                    high=slopes.high[j],
                    level=settings.level,
                    p_value=slopes.p_value[j],
                    verdict=slopes.verdict[j],
                    n=int(slopes.n[j]),
                    default=choice.is_default(default) and form == RATIO and pair.is_default,
                    **fields_of(slopes.status[j]),
                )


def _numbered(rows: list[SpecificationRow]) -> list[SpecificationRow]:
    ordered = sorted(rows, key=lambda row: (np.isnan(row.value or 0.0), row.value))
    return [replace(row, specification=number) for number, row in enumerate(ordered, start=1)]


# The choices that are in the names of metrics


def _pairs(matrix: RunMatrix, settings: Settings) -> list[Pair]:
    """Targets with their baselines, for every alternative to the default metric and prompt."""
    column = {series: i for i, series in enumerate(matrix.series)}
    suites = settings.of(Options).specifications
    pairs = []
    for suite, baseline in sorted(settings.baselines.items()):
        if suites is not None and suite not in suites:
            continue
        of_suite = [series for series in matrix.series if series.suite == suite]
        default = _default(of_suite, suite, settings)
        for series in of_suite:
            alike = {other.group: i for other, i in column.items() if other[:3] == series[:3]}
            if default is None or series.group == baseline:
                continue
            others = [alike[baseline]] if baseline in alike else []
            if baseline == MEAN and not others:
                others = [i for group, i in alike.items() if group != series.group]
            if not others:
                continue
            metric = Metric.parse(series.metric)
            if metric.quantity == Metric.parse(default.metric).quantity:
                key = matrix.curve_key(series, baseline)
                clusters = fewest_clusters(matrix, column[series], others)
                is_default = series[:3] == default[:3]
                pairs.append(Pair(column[series], others, key, metric, is_default, clusters))
    return pairs


def _default(of_suite: list[Series], suite: str, settings: Settings) -> Series | None:
    """A series of the default metric and prompt of a suite."""
    fitted = [series for series in of_suite if settings.fits(suite, series.metric)]
    named = [*filter(None, [settings.shown_metric.get(suite)]), *settings.metrics.get(suite, ())]

    def order(series: Series) -> tuple[object, ...]:
        metric, prompt = series.metric, series.prompt
        place = named.index(metric) if metric in named else len(named)
        return place, Metric.parse(metric).preference, prompt != settings.shown_prompt.get(suite), str(prompt)

    return min(fitted, key=order, default=None)
