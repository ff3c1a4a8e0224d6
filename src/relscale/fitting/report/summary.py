"""The results for a terminal: verdicts, exponents, each group's law and gap, forecasts, published answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from relscale.fitting.analyses.joint_test import JointTestRow
from relscale.fitting.analyses.slope_components import SlopeComponentRow, sentences
from relscale.fitting.curves.curves import RATIO
from relscale.fitting.fits import Fits
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import WITHIN_BUDGETS, Method, described
from relscale.fitting.report.frontier_advice import NO_WIDTHS, Widths
from relscale.fitting.report.headline import nothing_fitted
from relscale.fitting.report.joint_lines import as_sentence, joint_summary, joint_tests
from relscale.fitting.report.untrusted_runs import left_out
from relscale.fitting.status import Status
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.laws import compute_optimal, power, relative
from relscale.measurements.metric import VALIDATION
from relscale.rows import cells_of, rows_of

Row = dict[str, Any]

SUITE = ("corpus", "optimizer", "suite", "prompt", "metric")
CURVE = (*SUITE, "group")

SHOWN_IF_DIFFERENT = (
    "optimizer",
    "prompt",
    "metric",
)  # columns that are shown where a suite's lines differ in them

MANY = 12  # groups of a suite; of more the extremes stand for the others
EXTREMES = 3  # at either end
CROSSING = "crossing_flops"
YES = {None: "", True: "yes", False: "no"}
WITH_INTERVALS = ("exponent", "β", "Δβ", "value")  # columns of an estimate and its limits
STRONGEST = 5  # gaps that a sentence is written about


@dataclass(frozen=True)
class Cell:
    """One group of a suite: its fitted parameters by name, and the verdict on its gap."""

    parameters: Mapping[str, Row]
    verdict: VerdictRow | None


def summary(
    fits: Fits,
    shown: Mapping[str, tuple[str, str]],
    without: Sequence[str] = (),
    measurements: pa.Table | None = None,
    x: str = "FLOPs",
    widths: Widths = NO_WIDTHS,
) -> str:
    """Text tables, each only where it has something to say.

    How many gaps close, widen, cross, are flat and are not resolved, and the clearest of them in words; how many depend
    on more than compute; the exponents
    of the frontier; β, E and G at the reference compute, Δβ, the verdict on the gap and where the curves cross;
    optimizers over equal runs; forecasts; further laws and their predictions; published answers. Intervals are for the
    population of items where items were resampled, else for these items; the column ``estimand`` says which. p are raw,
    Benjamini–Hochberg's (by which the verdict is given) and Benjamini–Yekutieli's; limits are those of the one gap, and
    in the column ``selected`` those of the gaps that stand out, which allow for their selection; where items come in
    clusters, such as those of one file, the p-value that items taken to be independent would give stands beside them.

    Parameters
    ----------
    fits
        What to show.
    shown
        The metric and the prompt form of each suite; a suite that is not named is shown with all that it has.
    without
        Columns to leave out, such as a corpus that is the only one.
    measurements
        What was fitted, to say which of it was left out because of its status.
    x
        What the column of training compute is called.
    widths
        Of the runs that were planned at each budget, to say which to add where no minimum lies between them.
    """
    rows = [row for row in fits.fits.to_pylist() if _is_shown(row, shown)]
    forecasts = [row for row in fits.forecasts.to_pylist() if _is_shown(row, shown)]
    of_lines = [row for row in rows if row["fit"] is None]
    verdicts = rows_of(VerdictRow, fits.verdicts)
    few, many = _laws(of_lines, {_key_of_verdict(row): row for row in verdicts})
    tables = {
        "exponents": _frontier(of_lines),
        "laws": few,
        "pairs of equal runs": _equal_runs(row for row in fits.sizes.to_pylist() if _is_shown(row, shown)),
        "forecasts": _forecasts(forecasts, x),
        "parameters": _further(row for row in rows if row["fit"] is not None),
        "predictions": _predictions(fits.predictions.to_pylist()),
        "published numbers": _reproduction(fits.reproduction.to_pylist()),
    }
    parts = [_all_without(what, lines) or _table(lines, without) for what, lines in tables.items()]
    parts[2:2] = [f"{text}\n{_table(lines, without)}" for text, lines in many]
    alone = sum(row["published"] is None for row in fits.reproduction.to_pylist())
    if alone:
        parts.append(f"numbers for which none was published, in the table 'reproduction': {alone}")
    lines = left_out(measurements) if measurements is not None else []
    more = [f"and {len(lines) - MANY} more such lines"] if len(lines) > MANY else []
    parts.append("\n".join([*lines[:MANY], *more]))
    counted = words.counted_rows(verdicts)
    nothing = nothing_fitted(counted, fits, widths) if verdicts else []
    components = rows_of(SlopeComponentRow, fits.slope_components)
    parts.insert(0, "\n".join(sentences([row for row in components if _is_shown(cells_of(row), shown)])))
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
    """The headline and a sentence on each of the clearest gaps; empty where there is no gap."""
    counted = words.counted_rows(verdicts)
    if not counted:
        return ""
    first = words.headline(counted)
    lines = [f"  {words.sentence(row, names, corpus)}" for row in words.strongest(counted, STRONGEST)]
    return "\n".join([words.sentence_case(first), *lines])


def _key_of_verdict(row: VerdictRow) -> tuple[Any, ...]:
    between = row.contrast if row.contrast != "group" else None
    return (row.corpus, row.optimizer, row.suite, row.prompt, row.metric, between, row.arm, row.group)


def _is_shown(row: Row, shown: Mapping[str, tuple[str, str]]) -> bool:
    if row["suite"] == VALIDATION.suite:
        return bool(row["metric"] == VALIDATION.metric)  # bits per byte is the same number in another unit
    return row["suite"] not in shown or (row["metric"], row["prompt"]) == shown[row["suite"]]


def _suite_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in SUITE)


def _curve_of(row: Row) -> Row:
    """The columns of a line that say which curve it is of."""
    return {name: row[name] for name in CURVE}


def _frontier(rows: Iterable[Row]) -> list[Row]:
    slopes = {compute_optimal.TOKENS.slope, power.LINE.slope}
    return [
        {
            "corpus": row["corpus"],
            "optimizer": row["optimizer"],
            "law": row["law"],
            "exponent": _interval(row),
            "method": described(row["method"], row["method_note"]),
            "status": _reason(row),
        }
        for row in rows
        if (row["suite"], row["group"], row["metric"]) == VALIDATION and row["parameter"] in slopes
    ]


def _laws(
    rows: Iterable[Row], verdicts: Mapping[tuple[Any, ...], VerdictRow]
) -> tuple[list[Row], list[tuple[str, list[Row]]]]:
    """A line for each group of small suites and each contrast of corpora; a text and some lines for a large suite."""
    cells: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        between = row["contrast"] if row["contrast"] != "group" else None
        if row["suite"] == VALIDATION.suite and between is None:
            continue
        parameters = cells.setdefault((*_suite_of(row), between, row["arm"], row["group"]), {})
        if row["method"] in WITHIN_BUDGETS:
            continue
        name = row["parameter"]
        if row["method"] == Method.PARTIAL_POOLING:
            name = Method.PARTIAL_POOLING
        elif row["estimand"] == Estimand.INDEPENDENT_ITEMS:
            name = f"{name}, {Estimand.INDEPENDENT_ITEMS}"
        # The rows of the population follow those of these items; they count where they have a value.
        if name not in parameters or row["value"] is not None:
            parameters[name] = row
    suites: dict[tuple[Any, ...], list[Cell]] = {}
    for key, parameters in cells.items():
        if {power.LINE.slope, relative.LINE.slope} & parameters.keys():
            suites.setdefault(key[:-1], []).append(Cell(parameters, verdicts.get(key)))
    few = [_line(cell) for suite in suites.values() if len(suite) <= MANY for cell in suite]
    return few, [_many(suite) for suite in suites.values() if len(suite) > MANY]


def _line(cell: Cell) -> Row:
    gap = cell.parameters.get(relative.LINE.slope, {})
    law = cell.parameters.get(power.LINE.slope, {})
    curve, verdict = law or gap, cell.verdict
    return {
        **_curve_of(curve),
        "β": _interval(law) if law else "",
        "E": words.number(cell.parameters.get(power.LINE.level, {}).get("value"), 3),
        "against": _against(gap) if gap else "",
        "G": words.number(cell.parameters.get(relative.LINE.level, {}).get("value"), 3),
        "Δβ": _interval(gap) if gap else "",
        "per 10×": words.change(verdict) if verdict and verdict.change is not None else "",
        "selected": words.change_after_selection(verdict) if verdict else "",
        "p": _p(verdict.p_value if verdict else None),
        "p BH": _p(verdict.p_bh if verdict else None),
        "p BY": _p(verdict.p_by if verdict else None),
        "p, items independent": _p(
            cell.parameters.get(f"{relative.LINE.slope}, {Estimand.INDEPENDENT_ITEMS}", {}).get("p_value")
        ),
        "verdict": (verdict.verdict or "") if verdict else "",
        "G = 1 at": _crossing(cell.parameters.get(CROSSING)),
        "estimand": curve["estimand"],
        "status": _reason(cells_of(verdict) if verdict else curve),
    }


def _against(gap: Row) -> str:
    """The baseline; of runs that differ in a column with both values of it."""
    baseline = gap["baseline"] or ""
    return f"{baseline} ({gap['contrast']} of these: {gap['arm']})" if gap["arm"] is not None else baseline


def _many(suite: Sequence[Cell]) -> tuple[str, list[Row]]:
    """The verdicts on the groups of a suite, and the extremes: of Δβ, or of β where there is no baseline."""
    gaps = [cell for cell in suite if relative.LINE.slope in cell.parameters]
    slope = relative.LINE.slope if gaps else power.LINE.slope
    known = _by_slope(suite, slope)
    first = next(iter(suite[0].parameters.values()))
    names = dict.fromkeys(first[name] for name in ("suite", "metric", "corpus"))
    text = f"{', '.join(names)}: {len(suite)} groups"
    ends = known[:EXTREMES] + known[EXTREMES:][-EXTREMES:]
    if not gaps:
        return f"{text}, without a baseline; the extremes of β:", [_line(cell) for cell in ends]
    if not known:
        return f"{text}, none of which has a gap", []
    text += f" against {known[0].parameters[relative.LINE.slope]['baseline']}: "
    text += words.headline([cell.verdict for cell in gaps if cell.verdict])
    pooled = [
        cell.parameters[Method.PARTIAL_POOLING] for cell in gaps if Method.PARTIAL_POOLING in cell.parameters
    ]
    if pooled:
        below = sum(row["high"] is not None and row["high"] < 0 for row in pooled)
        above = sum(row["low"] is not None and row["low"] > 0 for row in pooled)
        text += f"; pooled partially, Δβ is below 0 in {below} and above 0 in {above}"
    return f"{text}; the extremes:", [_line(cell) for cell in ends]


def _by_slope(suite: Sequence[Cell], name: str) -> list[Cell]:
    """The groups that have the exponent ``name``, from the least to the largest."""
    known = [(cell.parameters[name]["value"], cell) for cell in suite if name in cell.parameters]
    return [cell for value, cell in sorted(known, key=lambda pair: pair[0] or 0.0) if value is not None]


def _equal_runs(rows: Iterable[Row]) -> list[Row]:
    """Pairs of runs that differ in nothing but the optimizer: how many, and their ratio's geometric mean."""
    pairs: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row["ratio"] is not None:
            pairs.setdefault((*_suite_of(row), row["group"], row["baseline"]), []).append(row)
    return [
        {
            "equal runs": len(pair),
            **_curve_of(pair[0]),
            "against": pair[0]["baseline"],
            "ratio, mean": words.number(geometric_mean(row["ratio"] for row in pair), 3),
            "lower in": sum(row["ratio"] < 1 for row in pair),
        }
        for pair in pairs.values()
    ]


def _forecasts(rows: Iterable[Row], x: str) -> list[Row]:
    """Of the gaps in suites of few groups, or of the errors where there is no gap; the others are in the table."""
    rows = [row for row in rows if row["candidate"] == ENSEMBLE]
    rows = [row for row in rows if row["quantity"] == RATIO] or rows
    groups: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        groups.setdefault(_suite_of(row), set()).add(row["group"])
    return [
        {
            "forecast": row["quantity"],
            **_curve_of(row),
            "against": _against(row),
            x: words.number(row["training_flops"], 3),
            "value": _interval(row),
            "candidates": _bounds(row["spread_low"], row["spread_high"]),
            "status": _reason(row),
        }
        for row in rows
        if len(groups[_suite_of(row)]) <= MANY
    ]


def _further(rows: Iterable[Row]) -> list[Row]:
    return [
        {
            "fit": row["fit"],
            "law": row["law"],
            "corpus": row["corpus"] or "",
            "group": row["group"] or "",
            "parameter": row["parameter"],
            "value": _interval(row, 5),
            "method": described(row["method"], row["method_note"]),
            "status": _reason(row),
        }
        for row in rows
    ]


def _predictions(rows: Iterable[Row]) -> list[Row]:
    return [
        {
            "fit": row["fit"],
            "run": row["run"],
            "observed": words.number(row["observed"], 5),
            "predicted": words.number(row["predicted"], 5) + _bounds(row["low"], row["high"]),
            "error": "" if row["relative_error"] is None else f"{row['relative_error']:.2%}",
            "status": _reason(row),
        }
        for row in rows
    ]


def _reproduction(rows: Iterable[Row]) -> list[Row]:
    """Those that were published, each with its digits as far as ours are known."""
    return [
        {
            "quantity": row["quantity"],
            "data": row["data"],
            "published": words.number(row["published"], 7),
            "reproduced": words.number(row["reproduced"], 7) + _bounds(row["low"], row["high"]),
            "unit": row["unit"],
            "difference": words.number(row["difference"], 2),
            "same digits": YES[row["agrees"]],
            "in interval": YES[row["within"]],
            "status": _reason(row),
        }
        for row in rows
        if row["published"] is not None
    ]


def _crossing(row: Row | None) -> str:
    if row is None:
        return ""
    return _reason(row) if row["value"] is None else _interval(row, 3)


def _reason(row: Row) -> str:
    """Notes on a row."""
    return str(row["note"] or row["status"])


def _interval(row: Mapping[str, Any], digits: int = 0) -> str:
    """Value and limits, to so many significant digits, or to four decimals."""
    if row["value"] is None:
        return "none"
    return words.number(row["value"], digits) + _bounds(row["low"], row["high"], digits)


def _bounds(low: float | None, high: float | None, digits: int = 4) -> str:
    limits = words.limits(low, high, digits)
    return f" {limits}" if limits else ""


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value >= 0.001 else "<0.001"


def _all_without(what: str, lines: Sequence[Row]) -> str:
    """One line for a long table in which nothing has an interval, always for the same reason; else empty."""
    reasons = {line.get("status") for line in lines}
    if len(lines) <= MANY or len(reasons) > 1 or reasons & {None, str(Status.OK)}:
        return ""
    if any("[" in str(line.get(column)) for line in lines for column in WITH_INTERVALS):
        return ""
    return f"{len(lines)} {what} are not shown, as all have one status: {reasons.pop()}"


def _table(lines: Sequence[Row], without: Sequence[str]) -> str:
    """With headings; columns in which nothing stands, or which tell no line of a suite from another, are left out."""
    if not lines:
        return ""
    suites = {line.get("suite") for line in lines}
    alike = {
        name
        for name in SHOWN_IF_DIFFERENT
        if len({(line.get("suite"), line.get(name)) for line in lines}) == len(suites)
    }
    hidden = {*without, *alike}
    names = [
        name
        for name in lines[0]
        if name not in hidden and any(line[name] not in (None, "") for line in lines)
    ]
    cells = [[line[name] for name in names] for line in lines]
    return str(tabulate(cells, headers=names, disable_numparse=True))
