"""The table of a suite's verdicts, sorted by clarity, with intervals drawn in the rows."""

import math
from collections.abc import Sequence

from relscale.fitting.analyses.statistical_power import ENOUGH
from relscale.fitting.keys import key_of
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict import DIRECTIONS, Verdict
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report.markup import Markup, element
from relscale.report.needed_resources import needed_resources
from relscale.report.report_data import ReportData
from relscale.report.robustness_badges import robustness_badges
from relscale.report.row_words import chip, factor_words, row_id, verdict_class
from relscale.report.sortable_table import sortable_table

WIDTH, HEIGHT = 170, 18


def verdict_table(data: ReportData, rows: Sequence[VerdictRow], suite: str) -> Markup:
    """One row per gap of a suite, sorted by verdict and adjusted p-value."""
    several = len({data.series_name(row) for row in rows}) > 1
    scale = _scale(rows)
    level = next((words.percent(row.level) for row in rows if row.level), "")
    columns = [
        ("verdict", "", "text"),
        ("group", "", "text"),
        *([("trained on", "", "text")] if several else []),
        ("ratio", "first → last compute", "number"),
        (
            "change per 10× compute",
            f"{level} interval, −{words.percent(scale)} … +{words.percent(scale)}",
            "number",
        ),
        ("Δβ", "", "number"),
        ("p, adjusted", "BH", "number"),
        ("p, adjusted", "BY", "number"),
        ("robustness", "", "text"),
    ]
    body = [_row(data, row, scale, several) for row in words.ordered(rows)]
    caption = f"Verdicts of {suite}; choose a row to highlight its line in the charts below."
    return sortable_table(caption, columns, body)


def _row(data: ReportData, row: VerdictRow, scale: float, several: bool) -> Markup:
    order = [*Verdict, None].index(row.verdict)
    p_values = [
        element("td", words.p_value(p), data_value=p if p is not None else 2.0, data_label=f"p {name}")
        for name, p in (("BH", row.p_bh), ("BY", row.p_by))
    ]
    cells = [
        element("td", chip(row), data_value=order, class_="verdict"),
        element("th", data.names.group(row), scope="row", class_="group"),
        element("td", data.series_name(row), data_label="trained on") if several else None,
        element(
            "td",
            words.ratios(row),
            data_value=row.ratio_high if row.ratio_high is not None else -1.0,
            data_label="ratio",
            class_="nowrap",
        ),
        element(
            "td",
            _interval(row, scale),
            element("span", words.change(row), class_="nowrap"),
            data_value=row.change if row.change is not None else -9.0,
            data_label="per 10×",
            class_="change",
        ),
        element(
            "td",
            f"{row.delta_beta:+.4f}".replace("-", "−") if row.delta_beta is not None else "–",
            data_value=row.delta_beta if row.delta_beta is not None else -9.0,
            data_label="Δβ",
        ),
        *p_values,
        element("td", *robustness_badges(row), _details(data, row), data_label="robustness", class_="sure"),
    ]
    return element(
        "tr",
        *cells,
        id=row_id(row),
        tabindex="0",
        class_=verdict_class(row),
        data_verdict=verdict_class(row),
        aria_label=words.sentence(row, data.names, several),
    )


def _interval(row: VerdictRow, scale: float) -> Markup:
    """The estimate and its interval around 0, with an arrow for a limit beyond the column's scale."""
    if row.change is None or row.change_low is None or row.change_high is None:
        return element("span", "")

    def x(value: float) -> float:
        return round((min(max(value / scale, -1.0), 1.0) + 1) / 2 * (WIDTH - 8) + 4, 1)

    low, estimate, high = x(row.change_low), x(row.change), x(row.change_high)
    margin = x(-row.margin), x(row.margin)
    y = HEIGHT / 2
    parts = [
        element(
            "rect",
            x=margin[0],
            y=2,
            width=round(margin[1] - margin[0], 1),
            height=HEIGHT - 4,
            class_="margin",
        ),
        element("line", x1=x(0), x2=x(0), y1=1, y2=HEIGHT - 1, class_="zero"),
        element("line", x1=low, x2=high, y1=y, y2=y, class_="limits"),
    ]
    if row.change_low < -scale:
        parts.append(element("path", d=f"M{low + 5} {y - 4}L{low - 2} {y}L{low + 5} {y + 4}Z", class_="dot"))
    if row.change_high > scale:
        parts.append(
            element("path", d=f"M{high - 5} {y - 4}L{high + 2} {y}L{high - 5} {y + 4}Z", class_="dot")
        )
    if -scale <= row.change <= scale:
        parts.append(element("circle", cx=estimate, cy=y, r=3.5, class_="dot"))
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="interval", aria_hidden="true")


def _scale(rows: Sequence[VerdictRow]) -> float:
    """The largest change on the column's scale: the 90% quantile of the limits' sizes, rounded up."""
    limits = sorted(
        abs(limit)
        for row in rows
        for limit in (row.change_low, row.change_high, row.change)
        if limit is not None
    )
    if not limits:
        return 0.1
    most = max(limits[math.ceil(0.9 * len(limits)) - 1], 1e-6) * 1.1
    power = 10 ** math.floor(math.log10(most))
    return float(next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= most * 0.999))


def _details(data: ReportData, row: VerdictRow) -> Markup | None:
    """Further sentences on a gap: its crossing, the compute that would halve it, what would resolve it, and notes."""
    sentences = []
    crossing = words.crossing(row)
    if crossing and row.verdict == Verdict.CROSSES:
        sentences.append(f"the ratio is 1 at {crossing} {data.x}")
    elif crossing and row.verdict == Verdict.NOT_RESOLVED and _crosses_inside(row):
        sentences.append(f"the fitted line crosses 1 at {crossing} {data.x}, which is not resolved")
    selected = words.change_after_selection(row)
    if selected:
        sentences.append(f"adjusted for selection: {selected} per 10×")
    if row.halving is not None:
        sentences.append(f"{factor_words(row.halving)} more compute would halve the gap")
    if row.verdict in DIRECTIONS and _is_small(row):
        sentences.append(f"small: within ±{words.percent(row.margin)} per 10×")
    if row.verdict == Verdict.NOT_RESOLVED and row.power is not None and row.power < ENOUGH:
        powers = data.powers.get(key_of(row), ())
        sentences.append(
            needed_resources([power for power in powers if power.delta_beta == row.power_delta_beta])
        )
    if row.note:
        sentences.append(row.note)
    return (
        element("span", *(f"{words.sentence_case(part)}. " for part in sentences if part), class_="note")
        if sentences
        else None
    )


def _crosses_inside(row: VerdictRow) -> bool:
    """Whether the fitted line crosses 1 inside the measured compute."""
    crossing, low, high = row.crossing_flops, row.flops_low, row.flops_high
    return crossing is not None and low is not None and high is not None and low <= crossing <= high


def _is_small(row: VerdictRow) -> bool:
    limits = (row.change_low, row.change_high)
    return all(limit is not None and abs(limit) < row.margin for limit in limits)
