"""Contrasts between corpora, or optimizers: validation losses along compute, and Δβ of every suite's groups."""

from collections.abc import Sequence
from typing import NamedTuple

from relscale.figures.chart.numbers import known
from relscale.figures.curves import Curve
from relscale.figures.data import CurvePoint, FigureData, FittedParameter, Series
from relscale.figures.law_lines import law_line
from relscale.figures.row_filter import LOSS, LossCurveFilter
from relscale.figures.select import most_general, series_present, series_rows
from relscale.figures.suite import Suite
from relscale.fitting.curves.point_rows import GapRow


class ContrastForest(NamedTuple):
    """Δβ of a suite's groups between two corpora, one row per group."""

    suite: Suite
    series: Series
    rows: list[FittedParameter]

    @property
    def names(self) -> list[str]:
        """Labels of the groups."""
        return [self.suite.labels[str(row.group)] for row in self.rows]


def contrast_forests(data: FigureData, contrast: str) -> list[ContrastForest]:
    """One forest per suite and series, without suites of many groups."""
    gaps = data.rows(GapRow, contrast=contrast, status="ok")
    names = [name for name in data.suite_names() if any(row.suite == name for row in gaps)]
    forests = []
    for suite in map(data.suite, names):
        slopes = data.law_rows(contrast, **suite.key, law="relative", parameter="delta_beta")
        slopes = [row for row in slopes if row.contrast == contrast and known(row.value)]
        for series in series_present(data, gaps) if not suite.is_crowded else ():
            by_group = {row.group: row for row in most_general(series_rows(series, slopes))}
            rows = [by_group[group] for group in suite.labels if group in by_group]
            forests += [ContrastForest(suite, series, rows)] if rows else []
    return forests


class ContrastLosses(NamedTuple):
    """Validation losses of a contrast, and their ratios to that of the baseline.

    Attributes
    ----------
    names
        Names of all curves, that of the baseline first.
    """

    names: list[str]
    losses: list[Curve]
    ratios: list[Curve]


def contrast_losses(data: FigureData, contrast: str, baseline: str) -> ContrastLosses:
    """The curves of a contrast with this baseline, a corpus or optimizer."""
    rows = data.rows(GapRow, contrast=contrast, status="ok", **LOSS)
    compared = {(row.corpus, row.optimizer) for row in rows} | {
        (row.baseline, row.optimizer) if contrast == "corpus" else (row.corpus, row.baseline) for row in rows
    }
    all_series = [series for series in data.series if (series.corpus, series.optimizer) in compared]
    all_series.sort(key=lambda series: getattr(series, contrast) != baseline)
    names = {
        f"{series.label} (baseline)" if getattr(series, contrast) == baseline else series.label: series
        for series in all_series
    }
    losses, ratios = [], []
    for name, series in names.items():
        keys: LossCurveFilter = {**series.key, **LOSS}
        fits = data.law_rows(contrast, **keys)
        losses += _curve(name, data.points("error", **keys), fits, "power", None)
        ratios += _curve(name, data.points("ratio", **keys, contrast=contrast), fits, "relative", contrast)
    return ContrastLosses(list(names), losses, ratios)


def _curve(
    name: str,
    points: Sequence[CurvePoint],
    fits: Sequence[FittedParameter],
    law: str,
    contrast: str | None,
) -> list[Curve]:
    if not points:
        return []
    flops = [point.flops for point in points]
    fits = [row for row in fits if row.law == law and contrast in (None, row.contrast)]
    return [Curve(name, name, flops, [point.value for point in points], law_line(fits, flops))]
