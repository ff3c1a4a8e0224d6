"""Verdicts in plain English: the headline of an experiment, and one sentence per gap."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.verdicts.verdict import DIRECTIONS, Verdict, change_per_tenfold
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.measurements.metric import VALIDATION

COUNTED = {  # singular and plural, in the order of a headline
    Verdict.CLOSES: ("closes", "close"),
    Verdict.WIDENS: ("widens", "widen"),
    Verdict.CROSSES: ("crosses", "cross"),
    Verdict.FLAT: ("is flat", "are flat"),
    Verdict.NOT_RESOLVED: ("is not resolved", "are not resolved"),
}
UNKNOWN = ("has no interval", "have no interval")
SMALL = 0.01  # ratios below have significant digits instead of decimals
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Names:
    """Display names of suites, groups and the unit of compute; others are shown as they are.

    Attributes
    ----------
    suites
        Suite to title.
    groups
        Suite and group to label.
    x
        Unit of compute, or the column used as compute.
    """

    suites: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[tuple[str, str], str] = field(default_factory=dict)
    x: str = "FLOPs"

    def group(self, row: VerdictRow) -> str:
        """The group of the gap, or the validation loss, which has none."""
        if (row.suite, row.group) == (VALIDATION.suite, VALIDATION.group):
            return "validation loss"
        return self.groups.get((row.suite or "", row.group or ""), row.group or "")

    def baseline(self, row: VerdictRow) -> str:
        """The baseline in words."""
        if row.arm is not None:
            return f"{row.contrast} {row.baseline}"
        if row.contrast != "group":
            return row.baseline or ""
        name = THE_OTHERS if row.baseline == MEAN else row.baseline or ""
        return self.groups.get((row.suite or "", row.baseline or ""), name)

    def suite(self, row: VerdictRow) -> str:
        """The suite."""
        return self.suites.get(row.suite or "", row.suite or "")


THE_OTHERS = "the mean of the other groups"
UNNAMED = Names()


def number_of(count: int, noun: str) -> str:
    """A number and its noun in the singular or plural.

    Examples
    --------
    >>> number_of(1, "gap"), number_of(2, "gap")
    ('1 gap', '2 gaps')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted_rows(rows: Sequence[VerdictRow]) -> list[VerdictRow]:
    """The gaps counted in a headline: those between groups by each suite's headline metric, else all."""
    shown = [row for row in rows if row.primary]
    return [row for row in shown if row.contrast == "group"] or shown


def counted(rows: Sequence[VerdictRow]) -> dict[Verdict | None, int]:
    """Number of gaps with each of the five verdicts; None is for gaps without an interval."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in (*COUNTED, None)}


def headline(rows: Sequence[VerdictRow]) -> str:
    """Numbers of gaps that close, widen, cross, are flat and are not resolved, and the false discovery rate.

    Parameters
    ----------
    rows
        The counted gaps: the ``primary`` ones of an experiment, or of a suite.

    Examples
    --------
    >>> headline([])
    'no gap was fitted'
    """
    if not rows:
        return "no gap was fitted"
    parts: list[str] = []
    for verdict, count in counted(rows).items():
        words = UNKNOWN if verdict is None else COUNTED[verdict]
        if count or verdict is not None:
            noun = " gap" if not parts else ""
            noun += "s" if noun and count != 1 else ""
            parts.append(f"{count}{noun} {words[count != 1]}")
    levels = {row.level for row in rows if row.level is not None}
    rate = f" (FDR {percent(1 - levels.pop())})" if len(levels) == 1 else ""
    return ", ".join(parts) + rate


def strongest(rows: Sequence[VerdictRow], count: int = 3) -> list[VerdictRow]:
    """The gaps whose verdict has a direction, by adjusted and then by raw p-value."""
    directions = [row for row in rows if row.verdict in DIRECTIONS]
    return sorted(directions, key=_p_values)[:count]


def ordered(rows: Sequence[VerdictRow]) -> list[VerdictRow]:
    """The rows sorted by verdict, those with a direction first, then by adjusted and raw p-value."""
    place = {verdict: i for i, verdict in enumerate((*Verdict, None))}
    return sorted(rows, key=lambda row: (place[row.verdict], *_p_values(row)))


def sentence(row: VerdictRow, names: Names = UNNAMED, corpus: bool = True) -> str:
    """The change of one gap, in ratios and per cent."""
    subject = names.group(row)
    arm = f"{row.contrast} {row.arm}" if row.arm is not None else None
    if details := [name for name in (row.corpus if corpus else None, arm) if name]:
        subject += f" ({', '.join(details)})"
    baseline = names.baseline(row)
    if row.verdict is None:
        return f"{subject}: no interval ({row.note or row.status})"
    words = {
        Verdict.CROSSES: f"crosses at {_with_unit(crossing(row), names.x)}",
        Verdict.FLAT: f"is flat (within ±{percent(row.margin)} per 10×)",
        Verdict.NOT_RESOLVED: "is not resolved",
    }.get(row.verdict, str(row.verdict))
    return f"{subject} {words}: {ratios(row)} × {baseline}, {change(row)} per 10×"


def ratios(row: VerdictRow) -> str:
    """The ratio at the smallest and at the largest compute: ``1.029 → 1.044``, ``7.1e-05 → 8.25e-05``."""
    if row.ratio_low is None or row.ratio_high is None:
        return "–"
    if min(row.ratio_low, row.ratio_high) < SMALL:
        return f"{row.ratio_low:.3g} → {row.ratio_high:.3g}"
    decimals = 3 if abs(row.ratio_low - row.ratio_high) < 0.095 else 2
    return f"{row.ratio_low:.{decimals}f} → {row.ratio_high:.{decimals}f}"


def change(row: VerdictRow) -> str:
    """The change per tenfold of compute with its limits: ``+1.1% [+0.6%, +1.6%]``."""
    if row.change is None:
        return "–"
    limits = (row.change_low, row.change_high)
    if None in limits:
        return signed_percent(row.change)
    low, high = (signed_percent(limit) for limit in limits if limit is not None)
    return f"{signed_percent(row.change)} [{low}, {high}]"


def change_after_selection(row: VerdictRow) -> str:
    """The limits of the change per tenfold of compute adjusted for selection; empty if there are none."""
    limits = change_per_tenfold(row.selected_low), change_per_tenfold(row.selected_high)
    if limits[0] is None or limits[1] is None:
        return ""
    return f"[{signed_percent(limits[0])}, {signed_percent(limits[1])}]"


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def flops(value: float, digits: int = 2) -> str:
    """A compute to at most so many digits: ``2.7×10²¹``."""
    if not value > 0 or not math.isfinite(value):
        return "–"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def p_value(p: float | None) -> str:
    """A p-value to three decimals: ``0.048``, ``< 0.001``."""
    return "–" if p is None or math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """A share in per cent, without needless digits: ``5%``, ``2.5%``."""
    return f"{100 * share:.3g}%"


def signed_percent(share: float) -> str:
    """A change in per cent with its sign: ``−6.2%``, ``+0.12%``."""
    size = 100 * abs(share)
    decimals = 2 if size < 0.095 else 1 if size < 99.5 else 0
    text = f"{size:,.{decimals}f}%" if size < 1e6 else f"{size:.1e}%"
    sign = "" if not float(f"{size:.{decimals}f}") else "−" if share < 0 else "+"
    return sign + text


def crossing(row: VerdictRow) -> str:
    """Compute at which the curves cross, with limits: ``2.7×10²¹ [1.6×10²¹, 5.4×10²¹]``; empty if unknown."""
    if row.crossing_flops is None:
        return ""
    limits = [flops(limit) for limit in (row.crossing_low, row.crossing_high) if limit is not None]
    return flops(row.crossing_flops) + (f" [{', '.join(limits)}]" if len(limits) == 2 else "")


def _with_unit(amount: str, x: str) -> str:
    return f"{amount} FLOPs" if x == "FLOPs" else f"{x} = {amount}"


def _p_values(row: VerdictRow) -> tuple[float, float, str, str]:
    known = [math.inf if p is None or math.isnan(p) else p for p in (row.p_bh, row.p_value)]
    return known[0], known[1], row.group or "", row.corpus or ""


def number(value: float | None, digits: int) -> str:
    """A number with this many significant digits, or four decimals for 0 ``digits``; empty if there is none."""
    if value is None:
        return ""
    return f"{value:.{digits}g}" if digits else f"{value:.4f}"


def limits(low: float | None, high: float | None, digits: int = 4) -> str:
    """Limits in brackets, ``[0.1, …]`` if one is open; empty if there are none."""
    if low is None and high is None:
        return ""
    return f"[{number(low, digits) or '…'}, {number(high, digits) or '…'}]"
