"""Text summary of a fit: verdicts, exponents, each group's law and gap, forecasts, published numbers."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import geometric_mean

import pyarrow as pa

from relscale.fitting.analyses.joint_test import JointTestRow
from relscale.fitting.analyses.slope_components import SlopeComponentRow, sentences
from relscale.fitting.curves.by_size import SizeRow
from relscale.fitting.curves.curves import RATIO
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.inference.method import described
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CurveKey, SeriesKey
from relscale.fitting.report.frontier_advice import NO_WIDTHS, Widths
from relscale.fitting.report.group_lines import baseline_text, group_lines
from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.report.joint_lines import as_sentence, joint_summary, joint_tests
from relscale.fitting.report.reproduction_row import ReproductionRow
from relscale.fitting.report.text_table import (
    MANY,
    Line,
    common_status,
    curve_cells,
    interval_text,
    limits_text,
    reason_text,
    text_table,
)
from relscale.fitting.report.untrusted_runs import left_out
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.laws import compute_optimal, power
from relscale.measurements.metric import VALIDATION
from relscale.storage.rows import rows_of

YES = {None: "", True: "yes", False: "no"}
STRONGEST = 5  # number of gaps with a sentence


def summary(
    fits: Fits,
    shown: Mapping[str, tuple[str, str | None]],
    without: Sequence[str] = (),
    measurements: pa.Table | None = None,
    x: str = "FLOPs",
    widths: Widths = NO_WIDTHS,
) -> str:
    """Text tables; empty ones are omitted.

    The numbers of gaps that close, widen, cross, are flat and are not resolved, and the clearest in words; the number
    that depend on more than compute; the exponents of the frontier; β, E and G at the reference compute, Δβ, the
    verdict and the crossing; optimizers over equal runs; forecasts; further laws and their predictions; published
    answers. Intervals are for the population of items if items were resampled, else for these items (column
    ``estimand``). p-values are raw, Benjamini–Hochberg's (used for the verdict) and Benjamini–Yekutieli's. Limits are
    not adjusted; the column ``selected`` has limits of significant gaps that account for their selection. If items are
    in clusters, such as those of one file, the p-value for independent items is shown too.

    Parameters
    ----------
    shown
        The metric and the prompt form of each suite; all metrics and forms of a suite that is not named.
    without
        Columns to omit, such as that of the only corpus.
    measurements
        The fitted measurements, to list those excluded by their status.
    x
        Name of the column of training compute.
    widths
        Widths of the runs that were planned at each budget, for the advice on a budget without a minimum.
    """
    rows = [row for row in rows_of(ParameterRow, fits.fits) if _is_shown(row, shown)]
    forecasts = [row for row in rows_of(ForecastRow, fits.forecasts) if _is_shown(row, shown)]
    sizes = [row for row in rows_of(SizeRow, fits.sizes) if _is_shown(row, shown)]
    components = [row for row in rows_of(SlopeComponentRow, fits.slope_components) if _is_shown(row, shown)]
    answers = rows_of(ReproductionRow, fits.reproduction)
    verdicts = rows_of(VerdictRow, fits.verdicts)
    of_lines = [row for row in rows if row.fit is None]
    few, many = group_lines(of_lines, verdicts)
    tables = {
        "exponents": _frontier(of_lines),
        "laws": few,
        "pairs of equal runs": _equal_runs(sizes),
        "forecasts": _forecasts(forecasts, x),
        "parameters": _further_laws(row for row in rows if row.fit is not None),
        "predictions": _predictions(rows_of(PredictionRow, fits.predictions)),
        "published numbers": _published(answers),
    }
    parts = [common_status(title, lines) or text_table(lines, without) for title, lines in tables.items()]
    parts[2:2] = [f"{text}\n{text_table(lines, without)}" for text, lines in many]
    alone = sum(row.published is None for row in answers)
    if alone:
        parts.append(f"numbers without a published counterpart, in the table 'reproduction': {alone}")
    lines = left_out(measurements) if measurements is not None else []
    more = [f"and {len(lines) - MANY} more such lines"] if len(lines) > MANY else []
    parts.append("\n".join([*lines[:MANY], *more]))
    counted = words.counted_rows(verdicts)
    nothing = nothing_fitted(counted, fits, widths) if verdicts else []
    parts.insert(0, "\n".join(sentences(components)))
    if not nothing:
        parts.insert(0, verdict_text(verdicts, words.Names(x=x), corpus="corpus" not in without))
    joint = joint_tests(rows_of(JointTestRow, fits.joint_tests), counted)
    if joint:
        parts.insert(0, as_sentence(joint_summary(joint)))
    if len(joint) > 1:
        parts.append("\n".join(as_sentence(test.line) for test in joint))
    parts.insert(0, "\n  ".join(nothing))
    return "\n\n".join(part.strip() for part in parts if part)


def verdict_text(
    verdicts: Sequence[VerdictRow], names: words.Names = words.UNNAMED, corpus: bool = True
) -> str:
    """The headline and a sentence on each of the clearest gaps; empty if there is no gap."""
    counted = words.counted_rows(verdicts)
    if not counted:
        return ""
    first = words.headline(counted)
    lines = [f"  {words.sentence(row, names, corpus)}" for row in words.strongest(counted, STRONGEST)]
    return "\n".join([words.sentence_case(first), *lines])


def _is_shown(row: SeriesKey, shown: Mapping[str, tuple[str, str | None]]) -> bool:
    if row.suite == VALIDATION.suite:
        return row.metric == VALIDATION.metric  # bits per byte is the same quantity in another unit
    return row.suite is None or row.suite not in shown or (row.metric, row.prompt) == shown[row.suite]


def _suite_key(row: SeriesKey) -> tuple[str | None, ...]:
    return (row.corpus, row.optimizer, row.suite, row.prompt, row.metric)


def _frontier(rows: Iterable[ParameterRow]) -> list[Line]:
    slopes = {compute_optimal.TOKENS.slope, power.LINE.slope}
    return [
        {
            "corpus": row.corpus,
            "optimizer": row.optimizer,
            "law": row.law,
            "exponent": interval_text(row.value, row.low, row.high),
            "method": described(row.method, row.method_note),
            "status": reason_text(row.status, row.note),
        }
        for row in rows
        if (row.suite, row.group, row.metric) == VALIDATION and row.parameter in slopes
    ]


def _equal_runs(rows: Iterable[SizeRow]) -> list[Line]:
    """Pairs of runs that differ only in the optimizer: their number, and the geometric mean of their ratio."""
    pairs: dict[tuple[str | None, ...], tuple[CurveKey, list[float]]] = {}
    for row in rows:
        if row.ratio is not None:
            key = (*_suite_key(row), row.group, row.baseline)
            pairs.setdefault(key, (row, []))[1].append(row.ratio)
    return [
        {
            "equal runs": len(ratios),
            **curve_cells(first),
            "against": first.baseline,
            "ratio, mean": words.number(geometric_mean(ratios), 3),
            "lower in": sum(ratio < 1 for ratio in ratios),
        }
        for first, ratios in pairs.values()
    ]


def _forecasts(rows: Iterable[ForecastRow], x: str) -> list[Line]:
    """Forecasts of the gaps in suites of few groups, or of the errors without a gap; the others are in the table."""
    rows = [row for row in rows if row.candidate == ENSEMBLE]
    rows = [row for row in rows if row.quantity == RATIO] or rows
    groups: dict[tuple[str | None, ...], set[str | None]] = {}
    for row in rows:
        groups.setdefault(_suite_key(row), set()).add(row.group)
    return [
        {
            "forecast": row.quantity,
            **curve_cells(row),
            "against": baseline_text(row),
            x: words.number(row.training_flops, 3),
            "value": interval_text(
                row.value, row.low, row.high, 3 if abs(row.value or 1) < words.SMALL else 0
            ),
            "candidates": limits_text(row.spread_low, row.spread_high),
            "status": reason_text(row.status, row.note),
        }
        for row in rows
        if len(groups[_suite_key(row)]) <= MANY
    ]


def _further_laws(rows: Iterable[ParameterRow]) -> list[Line]:
    return [
        {
            "fit": row.fit,
            "law": row.law,
            "corpus": row.corpus or "",
            "group": row.group or "",
            "parameter": row.parameter,
            "value": interval_text(row.value, row.low, row.high, 5),
            "method": described(row.method, row.method_note),
            "status": reason_text(row.status, row.note),
        }
        for row in rows
    ]


def _predictions(rows: Iterable[PredictionRow]) -> list[Line]:
    return [
        {
            "fit": row.fit,
            "run": row.run,
            "observed": words.number(row.observed, 5),
            "predicted": words.number(row.predicted, 5) + limits_text(row.low, row.high),
            "error": "" if row.relative_error is None else f"{row.relative_error:.2%}",
            "status": reason_text(row.status, row.note),
        }
        for row in rows
    ]


def _published(rows: Iterable[ReproductionRow]) -> list[Line]:
    """The published and reproduced numbers."""
    return [
        {
            "quantity": row.quantity,
            "data": row.data,
            "published": words.number(row.published, 7),
            "reproduced": words.number(row.reproduced, 7) + limits_text(row.low, row.high),
            "unit": row.unit,
            "difference": words.number(row.difference, 2),
            "same digits": YES[row.agrees],
            "in interval": YES[row.within],
            "status": reason_text(row.status, row.note),
        }
        for row in rows
        if row.published is not None
    ]
