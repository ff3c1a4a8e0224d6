"""The table ``verdicts``: one row per gap, with verdict, effect size and robustness.

Nothing is fitted here. The rows combine other tables of the fit: Δβ, G and the crossing (``fits``), and robustness
(``influence``, ``specifications``, ``power``). The estimand is the population of items if items were resampled, else
these items.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.specification import SpecificationRow
from relscale.fitting.analyses.statistical_power import PowerRow
from relscale.fitting.curves.point_rows import ErrorRow
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CURVE, CurveKey, key_of
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.fitting.verdicts.after_selection import limits_after_selection
from relscale.fitting.verdicts.evidence import Evidence, carries
from relscale.fitting.verdicts.gap import Gap, gaps
from relscale.fitting.verdicts.metric_remarks import MetricRemarks
from relscale.fitting.verdicts.verdict import Options, Verdict
from relscale.printable import escaped_repr
from relscale.storage.rows import column, fields_of

SIDE = "Δβ is significant, but it is unclear on which side of 1 the ratio {}"


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


# Gaps that share these have their p-values adjusted together.
FAMILY = ("experiment", "suite", "prompt", "metric", "contrast", "estimand")
OF_SLOPE = (*CURVE, "estimand", "low", "high", "level", "p_value", "n", "flops_low", "flops_high")


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
    errors, influence, specifications, powers
        Rows of the tables of these names (``power`` for the last), if computed.
    """
    found = gaps(parameters)
    slopes = [gap.slope for gap in found.values()]
    families = [key_of(slope, FAMILY) for slope in slopes]
    tests = Counter(families)
    bh, by = (adjusted_p.tolist() for adjusted_p in adjusted([slope.p_value for slope in slopes], families))
    selected = limits_after_selection(slopes, bh, families, settings.level)
    evidence = Evidence.of(influence, specifications, powers)
    remarks = MetricRemarks.of(parameters, errors, settings.chance)
    margin = settings.of(Options).equivalence_margin
    rows = []
    for gap, family, p_bh, p_by, limits in zip(found.values(), families, bh, by, selected, strict=True):
        slope, (change, change_low, change_high) = gap.slope, gap.change
        given = gap.verdict(p_bh, settings.level, margin)
        remark = together(
            Remark(slope.status, slope.note) if slope.status != Status.OK else OK,
            *remarks.on(slope),
            _unclear_side(gap, given, p_bh),
        )
        rows.append(
            VerdictRow(
                **{name: getattr(slope, name) for name in OF_SLOPE},
                primary=_is_primary(slope, settings),
                verdict=given,
                delta_beta=slope.value,
                selected_low=limits[0],
                selected_high=limits[1],
                change=change,
                change_low=change_low,
                change_high=change_high,
                margin=margin,
                ratio_low=gap.ends[0],
                ratio_high=gap.ends[1],
                halving=gap.halving_factor if given == Verdict.CLOSES else None,
                crossing_flops=gap.crossing.value if gap.crossing else None,
                crossing_low=gap.crossing.low if gap.crossing else None,
                crossing_high=gap.crossing.high if gap.crossing else None,
                p_bh=p_bh,
                p_by=p_by,
                tests=tests[family],
                **fields_of(evidence.on(slope, gap.delta_beta, given)),
                **fields_of(remark),
            )
        )
    return rows


def _is_primary(row: ParameterRow, settings: Settings) -> bool:
    suite = row.suite or ""
    metric, prompt = settings.shown_metric.get(suite), settings.shown_prompt.get(suite)
    return metric in (None, row.metric) and (prompt in (None, row.prompt) or row.prompt is None)


def with_carriers(rows: Iterable[InfluenceRow], verdicts: Iterable[VerdictRow]) -> list[InfluenceRow]:
    """The rows with ``carries``: whether the verdict has a direction only with these points."""
    verdict_of = {key_of(row): row.verdict for row in verdicts}
    return [
        replace(row, carries=carries(row, verdict_of.get(key_of(row)))) if row.baseline is not None else row
        for row in rows
    ]


def _unclear_side(gap: Gap, verdict: Verdict | None, p_bh: float) -> Remark:
    """The reason that a significant slope has no verdict with a direction."""
    level, (first, last) = gap.slope.level, gap.ends
    if verdict not in (Verdict.NOT_RESOLVED, Verdict.FLAT) or level is None:
        return OK
    if not p_bh < 1 - level or not first or not last:
        return OK
    near_start = abs(math.log(first)) < abs(math.log(last))
    return Remark(Status.OPEN_INTERVAL, SIDE.format("starts" if near_start else "ends"))
