"""The table ``verdicts``: one row per gap, with verdict, effect size and robustness.

Nothing is fitted here. The rows combine other tables of the fit: Δβ, G and the crossing (``fits``), and robustness
(``influence``, ``specifications``, ``power``). The estimand is the population of items if items were resampled, else
these items.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict

from relscale.fitting.analyses.crossing import PARAMETER as CROSSING
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.specification import SpecificationRow
from relscale.fitting.analyses.statistical_power import PowerRow
from relscale.fitting.curves.point_rows import ErrorRow
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import WITHIN_BUDGETS, Method
from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import ERROR_KEY, CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.fitting.verdicts.after_selection import limits_after_selection
from relscale.fitting.verdicts.verdict import DIRECTIONS, Options, Verdict, change_per_tenfold, verdict
from relscale.laws import power, relative
from relscale.measurements.metric import Metric
from relscale.printable import escaped_repr
from relscale.storage.rows import column, fields_of


@escaped_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow(CurveKey):
    """One row per gap: its verdict, effect sizes in plain units, and its robustness."""

    primary: bool = column(
        "Whether this is the suite's headline metric and prompt; headlines count these rows."
    )
    verdict: Verdict | None = column(
        "closes, widens, crosses, flat or not resolved, by the adjusted p-value; null without an interval."
    )
    estimand: Estimand | None = column("What the intervals and p-values generalise over.")
    delta_beta: float | None = column("Δβ, the slope of ln G on ln F.")
    low: float | None = column("Lower limit of Δβ, not adjusted.")
    high: float | None = column("Upper limit of Δβ, not adjusted.")
    level: float | None = column("Confidence level of the limits; the false discovery rate is 1 − level.")
    selected_low: float | None = column(
        "Lower limit of Δβ adjusted for selection: among the gaps selected by p_bh, at most a share of 1 − level of "
        "the intervals miss the true value (false coverage rate); null if the gap is not selected.",
        default=None,
    )
    selected_high: float | None = column("Upper limit.", default=None)
    change: float | None = column("Change of the ratio per tenfold of compute, 10^Δβ − 1 (−0.06: 6% less).")
    change_low: float | None = column("Its lower limit.")
    change_high: float | None = column("Upper limit.")
    margin: float = column("Equivalence margin: a change within ± this share counts as flat.")
    ratio_low: float | None = column("G on the fitted line at the smallest compute.")
    ratio_high: float | None = column("G on the fitted line at the largest compute.")
    halving: float | None = column(
        "Factor of compute beyond the largest that would halve the gap |ln G|, by extrapolating the line; null "
        "unless the gap closes."
    )
    crossing_flops: float | None = column("Compute at which G = 1.", "FLOPs")
    crossing_low: float | None = column(
        "Its lower limit; null if there is none within the search range.", "FLOPs"
    )
    crossing_high: float | None = column(
        "Its upper limit; null if there is none within the search range.", "FLOPs"
    )
    p_value: float | None = column("Two-sided p-value of Δβ = 0.")
    p_bh: float | None = column(
        "p-value adjusted by Benjamini–Hochberg over the family; the verdict is based on it."
    )
    p_by: float | None = column(
        "p-value adjusted by Benjamini–Yekutieli, valid under any dependence of the tests."
    )
    tests: int = column(
        "Number of tests in the family: the groups of a suite on all corpora and optimizers, under one metric and "
        "prompt."
    )
    n: int | None = column("Number of points that the line is fitted to.")
    flops_low: float | None = column("Smallest compute of the data.", "FLOPs")
    flops_high: float | None = column("Largest compute of the data.", "FLOPs")
    left_out: int = column("Number of budgets, training runs or runs left out in turn (table influence).")
    left_out_same_sign: int = column("Number of these leave-one-out fits in which Δβ has the same sign.")
    left_out_carry: int = column(
        "Number of these leave-one-out fits in which the verdict no longer has a direction."
    )
    specifications: int = column(
        "Number of alternative specifications with an estimate (table specifications)."
    )
    specifications_same_sign: int = column("Number of these in which Δβ has the same sign.")
    power: float | None = column(
        "Power of an experiment like this one to detect a Δβ of power_delta_beta (table power)."
    )
    power_low: float | None = column("Power at the upper confidence limit of the noise.")
    power_high: float | None = column("Power at the lower confidence limit of the noise.")
    power_delta_beta: float | None = column("The Δβ that the power refers to.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Caveats of the row.")

    def __str__(self) -> str:
        from relscale.fitting.verdicts.words import sentence

        return sentence(self, corpus=False)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


CURVE = tuple(field.name for field in fields(CurveKey))
ACROSS = tuple(name for name in CURVE if name not in ("prompt", "metric"))  # what all specifications share
FAMILY = (
    "experiment",
    "suite",
    "prompt",
    "metric",
    "contrast",
    "estimand",
)  # whose p-values are adjusted together
Key = tuple[Any, ...]
RISES = "errors rise with compute; if higher is better, fit an error such as 1 − accuracy"
AT_CHANCE = "at chance level ({:.3g}) at the largest compute; the ratio does not reflect ability"
SIDE = "Δβ is significant, but it is unclear on which side of 1 the ratio {}"


def verdict_rows(
    parameters: Sequence[ParameterRow],
    errors: Sequence[ErrorRow],
    influence: Iterable[InfluenceRow],
    specifications: Iterable[SpecificationRow],
    powers: Iterable[PowerRow],
    settings: Settings,
) -> list[VerdictRow]:
    """One verdict per ratio with a relative law.

    Parameters
    ----------
    parameters
        Rows of the table ``fits``.
    errors, influence, specifications, powers
        Rows of the tables of these names (``power`` for the last), if computed.
    settings
        Settings of the fit.
    """
    slopes = _of_curves(parameters, relative.LINE.slope)
    levels = _of_curves(parameters, relative.LINE.level)
    crossings = _of_curves(parameters, CROSSING)
    families = [_key(row, FAMILY) for row in slopes.values()]
    sizes = Counter(families)
    bh, by = adjusted([row.p_value for row in slopes.values()], families)
    influence_rows, power_of = _by_curve(influence), _by_curve(powers)
    other_ways = _by_curve(specifications, ACROSS)
    notes = _Notes(parameters, errors, settings)
    margin = settings.of(Options).equivalence_margin
    rows = []
    selected = limits_after_selection(list(slopes.values()), bh.tolist(), families, settings.level)
    for (key, slope), family, p_bh, p_by, limits in zip(
        slopes.items(), families, bh, by, selected, strict=True
    ):
        level, crossing = levels.get(key), crossings.get(key)
        known = slope.value is not None and math.isfinite(slope.value)
        value = slope.value if known and slope.value is not None else math.nan
        change = (
            change_per_tenfold(slope.value),
            change_per_tenfold(slope.low),
            change_per_tenfold(slope.high),
        )
        ends = _ratio(level, value, slope.flops_low), _ratio(level, value, slope.flops_high)
        crosses_at = (crossing.low, crossing.high) if crossing else (None, None)
        verdict_of_gap = verdict(
            None if math.isnan(p_bh) else float(p_bh),
            slope.level or settings.level,
            slope.interval_direction,
            crosses_at if crossing and crossing.value is not None else (None, None),
            (slope.flops_low, slope.flops_high),
            change[1:],
            margin,
        )
        of_design = _power(power_of.get(key, ()))
        remark = together(
            Remark(slope.status, slope.note) if slope.status != Status.OK else OK,
            *notes.of(slope),
            *_side(verdict_of_gap, slope, p_bh, ends),
        )
        rows.append(
            VerdictRow(
                **{name: getattr(slope, name) for name in CURVE},
                primary=_is_primary(slope, settings),
                verdict=verdict_of_gap,
                estimand=slope.estimand,
                delta_beta=slope.value,
                low=slope.low,
                high=slope.high,
                level=slope.level,
                selected_low=limits[0],
                selected_high=limits[1],
                change=change[0],
                change_low=change[1],
                change_high=change[2],
                margin=margin,
                ratio_low=ends[0],
                ratio_high=ends[1],
                halving=_halving_factor(value, ends) if verdict_of_gap == Verdict.CLOSES else None,
                crossing_flops=crossing.value if crossing else None,
                crossing_low=crossing.low if crossing else None,
                crossing_high=crossing.high if crossing else None,
                p_value=slope.p_value,
                p_bh=float(p_bh),
                p_by=float(p_by),
                tests=sizes[family],
                n=slope.n,
                flops_low=slope.flops_low,
                flops_high=slope.flops_high,
                **_leave_one_out(influence_rows.get(key, ()), value, verdict_of_gap),
                **_other_ways(other_ways.get(_key(slope, ACROSS), ()), value),
                power=of_design.power if of_design else None,
                power_low=of_design.power_low if of_design else None,
                power_high=of_design.power_high if of_design else None,
                power_delta_beta=of_design.delta_beta if of_design else None,
                **fields_of(remark),
            )
        )
    return rows


def _key(row: Any, names: Sequence[str] = CURVE) -> Key:
    """The curve of a row."""
    return tuple(getattr(row, name) for name in names)


def _by_curve(rows: Iterable[Any], names: Sequence[str] = CURVE) -> dict[Key, list[Any]]:
    """The rows of each ratio."""
    by_curve: dict[Key, list[Any]] = defaultdict(list)
    for row in rows:
        if row.baseline is not None:
            by_curve[_key(row, names)].append(row)
    return by_curve


def _of_curves(parameters: Iterable[ParameterRow], parameter: str) -> dict[Key, ParameterRow]:
    """One row per ratio: that for the population of the items if it has an interval, else that for these items."""
    by_curve: dict[Key, ParameterRow] = {}
    for row in parameters:
        if row.parameter != parameter or row.fit is not None or row.baseline is None:
            continue
        if row.method == Method.PARTIAL_POOLING or row.method in WITHIN_BUDGETS:
            continue
        if row.estimand == Estimand.INDEPENDENT_ITEMS:
            continue
        key = _key(row)
        before = by_curve.get(key)
        better = row.estimand == Estimand.ITEM_POPULATION and _known(row)
        if before is None or better or (not _known(before) and _known(row)):
            by_curve[key] = row
    return by_curve


def _known(row: ParameterRow) -> bool:
    return any(limit is not None and math.isfinite(limit) for limit in (row.low, row.high))


def _is_primary(row: ParameterRow, settings: Settings) -> bool:
    suite = row.suite or ""
    metric, prompt = settings.shown_metric.get(suite), settings.shown_prompt.get(suite)
    return metric in (None, row.metric) and (prompt in (None, row.prompt) or row.prompt is None)


def _ratio(level: ParameterRow | None, slope: float, flops: float | None) -> float | None:
    """G on the fitted line at a compute."""
    if level is None or not level.value or level.reference_flops is None or flops is None:
        return None
    log_ratio = math.log(level.value) + slope * math.log(flops / level.reference_flops)
    return math.exp(log_ratio) if abs(log_ratio) < 700 else None


def _halving_factor(slope: float, ends: tuple[float | None, float | None]) -> float | None:
    """``ln G / 2 = ln G + slope · ln factor``, if slope and ln G differ in sign."""
    if not ends[1] or not math.isfinite(slope) or slope == 0:
        return None
    exponent = -math.log(ends[1]) / (2 * slope)
    return math.exp(exponent) if 0 < exponent < 700 else None


def with_carriers(rows: Iterable[InfluenceRow], verdicts: Iterable[VerdictRow]) -> list[InfluenceRow]:
    """The rows with ``carries``: whether the verdict has a direction only with these points."""
    verdict_of = {_key(row): row.verdict for row in verdicts}
    return [
        replace(row, carries=_carries(row, verdict_of.get(_key(row)))) if row.baseline is not None else row
        for row in rows
    ]


class _LeaveOneOut(TypedDict):
    left_out: int
    left_out_same_sign: int
    left_out_carry: int


class _OtherWays(TypedDict):
    specifications: int
    specifications_same_sign: int


def _carries(row: InfluenceRow, verdict: Verdict | None) -> bool | None:
    return (
        None
        if verdict is None or row.verdict is None
        else verdict in DIRECTIONS and row.verdict not in DIRECTIONS
    )


def _leave_one_out(rows: Iterable[InfluenceRow], slope: float, verdict: Verdict | None) -> _LeaveOneOut:
    known = [row for row in rows if row.value is not None and math.isfinite(row.value)]
    return {
        "left_out": len(known),
        "left_out_same_sign": sum(row.value * slope > 0 for row in known if row.value is not None),
        "left_out_carry": sum(bool(_carries(row, verdict)) for row in known),
    }


def _other_ways(rows: Iterable[SpecificationRow], slope: float) -> _OtherWays:
    known = [row.value for row in rows if row.value is not None and math.isfinite(row.value)]
    return {
        "specifications": len(known),
        "specifications_same_sign": sum(value * slope > 0 for value in known),
    }


def _power(rows: Iterable[PowerRow]) -> PowerRow | None:
    """The power with the current runs and items, for the first Δβ of the config."""
    rows = [row for row in rows if row.count == 1 and row.power is not None]
    for resource in ("items", "runs"):
        for row in rows:
            if row.resource == resource and row.power is not None and math.isfinite(row.power):
                return row
    return None


def _side(
    verdict: Verdict | None,
    slope: ParameterRow,
    p_bh: float,
    ends: tuple[float | None, float | None],
) -> list[Remark]:
    """The reason that a significant slope has no verdict with a direction."""
    if verdict is None or verdict not in (Verdict.NOT_RESOLVED, Verdict.FLAT) or slope.level is None:
        return []
    if not p_bh < 1 - slope.level or not ends[0] or not ends[1]:
        return []
    near_start = abs(math.log(ends[0])) < abs(math.log(ends[1]))
    return [Remark(Status.OPEN_INTERVAL, SIDE.format("starts" if near_start else "ends"))]


class _Notes:
    """Notes on the metric: an accuracy that is fitted as an error, a metric at chance."""

    def __init__(
        self, parameters: Iterable[ParameterRow], errors: Iterable[ErrorRow], settings: Settings
    ) -> None:
        self.settings = settings
        self.exponents: dict[Key, ParameterRow] = {}
        for row in parameters:
            if row.parameter == power.LINE.slope and row.baseline is None and row.fit is None:
                self.exponents.setdefault(_key(row, ERROR_KEY), row)
        self.last: dict[Key, ErrorRow] = {}
        for error in errors:
            if error.value is None or error.training_flops is None or not math.isfinite(error.value):
                continue
            key = _key(error, ERROR_KEY)
            before = self.last.get(key)
            if before is None or (before.training_flops or 0) < error.training_flops:
                self.last[key] = error

    def of(self, ratio: ParameterRow) -> list[Remark]:
        """Remarks on a ratio."""
        target = _key(ratio, ERROR_KEY)
        both = [target]
        if ratio.contrast == "group":
            both.append((*target[:-1], ratio.baseline))
        remarks = []
        exponents = [self.exponents.get(key) for key in both]
        if all(row is not None and row.high is not None and row.high < 0 for row in exponents):
            remarks.append(Remark(Status.NOT_APPLICABLE, RISES))
        chance = self.settings.chance.get(ratio.suite or "")
        quantity = Metric.parse(ratio.metric or "").quantity
        if chance is not None and quantity.startswith(("error_rate", "brier")):
            last = [self.last[key] for key in both if key in self.last]
            worst = max(
                (row for row in last if row.value is not None), key=lambda row: row.value or 0, default=None
            )
            if worst is not None and worst.value is not None:
                stderr = worst.stderr_items or 0.0
                far = 2 * stderr if math.isfinite(stderr) else 0.0
                if worst.value >= 1 - chance - far:
                    name = "" if worst.group == ratio.group else f"baseline {worst.group} "
                    remarks.append(Remark(Status.NOT_ABOVE_CHANCE, name + AT_CHANCE.format(1 - chance)))
        return remarks
