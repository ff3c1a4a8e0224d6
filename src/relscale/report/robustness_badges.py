"""The robustness of a verdict as badges: leave-one-out, sign over specifications, and power."""

from collections.abc import Sequence

from relscale.fitting.analyses.statistical_power import ENOUGH
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import DIRECTIONS
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.checks import SAME_SIGN
from relscale.report.markup import Markup, element

MEANING = {
    "leave-one-out": "with each budget, or training run, left out in turn, how often the direction remains significant "
    "after the same adjustment",
    "sign": "how many alternative specifications give Δβ the same sign",
    "power": "the probability that an experiment like this one detects a change of {change} per 10× compute",
}


def robustness_legend(rows: Sequence[VerdictRow]) -> str:
    """The meaning of the badges that these rows have; empty without any."""
    sizes = {
        row.power_delta_beta for row in rows if row.power is not None and row.power_delta_beta is not None
    }
    changes = [words.signed_percent(10**size - 1) for size in sizes]
    change = changes[0] if len(changes) == 1 else "the given size"
    present = {
        "leave-one-out": any(row.left_out and row.verdict in DIRECTIONS for row in rows),
        "sign": any(row.specifications for row in rows),
        "power": any(row.power is not None for row in rows),
    }
    sentences = [
        f"{name}: {MEANING[name].format(change=change)}" for name, is_present in present.items() if is_present
    ]
    return f"Robustness: {'; '.join(sentences)}." if sentences else ""


def robustness_badges(row: VerdictRow) -> list[Markup]:
    """The badges of a gap, as far as it was analysed."""
    badges = []
    if row.left_out and row.verdict in DIRECTIONS:
        significant = row.left_out - row.left_out_carry
        text = f"{significant}/{row.left_out} leave-one-out"
        badges.append(_badge(text, row.left_out_carry == 0, MEANING["leave-one-out"]))
    if row.specifications:
        text = f"sign {row.specifications_same_sign}/{row.specifications}"
        is_robust = row.specifications_same_sign >= SAME_SIGN * row.specifications
        badges.append(_badge(text, is_robust, MEANING["sign"]))
    if row.power is not None and row.power_delta_beta is not None:
        change = words.signed_percent(10**row.power_delta_beta - 1)
        meaning = MEANING["power"].format(change=change) + _power_limits(row)
        text = f"power {words.percent(round(row.power, 2))}"
        badges.append(_badge(text, row.power >= ENOUGH, meaning))
    return badges


def _power_limits(row: VerdictRow) -> str:
    if row.power_low is None or row.power_high is None:
        return ""
    low, high = (words.percent(round(limit, 2)) for limit in (row.power_low, row.power_high))
    return f"; {low} to {high} under the confidence limits of the noise, which is estimated from few points"


def _badge(text: str, is_robust: bool, title: str) -> Markup:
    mark, class_ = ("✓ ", "sure-yes") if is_robust else ("! ", "sure-no")
    return element("span", mark, text, title=title, class_=class_)
