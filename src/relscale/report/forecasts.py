"""Forecasts of ratios as fan charts: measured points, the forecast, and its prediction interval."""

import math
from collections.abc import Sequence

from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import BacktestRow, ForecastRow
from relscale.fitting.keys import Key, key_of
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report import svg_chart
from relscale.report.data_table import folded_table
from relscale.report.markup import Markup, element
from relscale.report.report_data import ReportData
from relscale.report.row_words import factor_words

MOST_DECIMALS = 6  # of a ratio; narrower intervals have significant digits
MOST_CHARTS = 8  # charts that are not folded away


def forecasts(data: ReportData, rows: Sequence[VerdictRow]) -> Markup | None:
    """The fan charts of one suite's groups; None without forecasts."""
    by_key = {key_of(row): row for row in rows}
    targets_by_key: dict[Key, list[ForecastRow]] = {}
    for row in data.rows("forecasts", ForecastRow, candidate=ENSEMBLE, quantity="ratio"):
        if row.value is not None and row.training_flops is not None and key_of(row) in by_key:
            targets_by_key.setdefault(key_of(row), []).append(row)
    if not targets_by_key:
        return None
    points = data.ratios(rows[0].suite)
    shown = [
        (by_key[key], sorted(targets, key=_flops), points.get(key, []))
        for key, targets in targets_by_key.items()
    ]
    rank = {id(row): i for i, row in enumerate(words.ordered(list(by_key.values())))}
    shown.sort(key=lambda entry: rank[id(entry[0])])
    numbers = [y for _, targets, observed in shown for y in _numbers(targets, observed)]
    flops = [
        x
        for _, targets, observed in shown
        for x in [*(point[0] for point in observed), *map(_flops, targets)]
    ]
    axes = svg_chart.Axes.around(flops, numbers)
    charts = [_fan(data, row, targets, observed, axes) for row, targets, observed in shown]
    level = next((words.percent(t.level) for _, targets, _ in shown for t in targets if t.level), "")
    baseline = data.names.baseline(shown[0][0])
    backtested = _farthest_backtest(data, set(targets_by_key))
    farthest = max(
        (t.log_distance for _, targets, _ in shown for t in targets if t.log_distance is not None),
        default=0.0,
    )
    sentence = (
        f"Each group's error divided by that of {baseline}: measured (points), forecast (line), and the {level} "
        f"interval for one new model on these items (shaded)."
    )
    if backtested:
        sentence += (
            f" Backtests inside the data extend to {factor_words(math.exp(backtested))} the fitted compute"
        )
        sentence += (
            "; the widths of intervals beyond are extrapolated." if farthest > backtested + 1e-6 else "."
        )
    return element(
        "figure",
        element("figcaption", sentence),
        *svg_chart.multiples(charts, MOST_CHARTS, "more"),
        folded_table(
            "Data of these forecasts",
            ("group", "trained on", f"compute ({data.x})", "beyond the data", "ratio", "interval", "note"),
            [
                (
                    data.names.group(row),
                    data.series_name(row),
                    words.flops(_flops(target)),
                    _distance(target),
                    _value(target),
                    _limits(target),
                    target.note or "",
                )
                for row, targets, _ in shown
                for target in targets
            ],
        ),
    )


def _fan(
    data: ReportData,
    row: VerdictRow,
    targets: Sequence[ForecastRow],
    points: Sequence[tuple[float, float]],
    axes: svg_chart.Axes,
) -> Markup:
    parts = [axes.frame()]
    if axes.y[0] <= 1 <= axes.y[1]:
        ends = [axes.position(axes.x[0], 1.0), axes.position(axes.x[1], 1.0)]
        parts.append(svg_chart.line(ends, "baseline"))
    last = max(points, default=None)
    ahead = [t for t in targets if last is None or _flops(t) > last[0]]
    start = [axes.position(*last)] if last else []
    upper = [axes.position(_flops(t), t.high) for t in ahead if t.high]
    lower = [axes.position(_flops(t), t.low) for t in ahead if t.low]
    if upper and lower:
        parts.append(svg_chart.band([*start, *upper, *reversed(lower)], "fan"))
    line = [*start, *(axes.position(_flops(t), t.value or 1.0) for t in ahead)]
    parts.append(svg_chart.line(line, "fit", "4 2"))
    parts += svg_chart.marks([axes.position(x, y) for x, y in points], "circle")
    parts += [
        svg_chart.mark(axes.position(_flops(t), t.value), "diamond", "mark open", 3)
        for t in targets
        if t.value is not None
    ]
    estimates = [
        f"{words.flops(_flops(t))} {data.x} ({_distance(t)}): {_value(t)} {_limits(t)}" for t in targets
    ]
    name = data.names.group(row)
    series = data.series_name(row)
    return element(
        "div",
        element("h4", name, " ", element("small", series) if series != "all" else None),
        svg_chart.chart(f"{name}: {'; '.join(estimates)}", element("g", *parts, class_="line forecast")),
        *(element("p", text, class_="quiet") for text in estimates[:2]),
        class_="multiple",
    )


def _numbers(targets: Sequence[ForecastRow], points: Sequence[tuple[float, float]]) -> list[float]:
    limits = [limit for t in targets for limit in (t.value, t.low, t.high) if limit is not None and limit > 0]
    return [*(y for _, y in points), *limits]


def _farthest_backtest(data: ReportData, keys: set[Key]) -> float:
    """The logarithm of the largest extrapolation factor of a backtest; 0 without backtests."""
    backtests = data.rows("backtests", BacktestRow, candidate=ENSEMBLE, quantity="ratio")
    return max((row.log_distance for row in backtests if key_of(row) in keys), default=0.0)


def _distance(row: ForecastRow) -> str:
    if row.log_distance is None:
        return "–"
    if row.log_distance < -1e-6:
        return "inside or below the data"
    return (
        f"{factor_words(math.exp(row.log_distance))} the data"
        if row.log_distance > 1e-6
        else "at the end of the data"
    )


def _value(row: ForecastRow) -> str:
    return "–" if row.value is None else _digits(row.value, row.low, row.high)


def _limits(row: ForecastRow) -> str:
    if row.low is None or row.high is None:
        return "no interval"
    return f"[{', '.join(_digits(limit, row.low, row.high) for limit in (row.low, row.high))}]"


def _digits(value: float, low: float | None, high: float | None) -> str:
    """A ratio with two digits of its interval's half-width; with three decimals, or digits, without an interval."""
    if low is None or high is None or not 0 < high - low < math.inf:
        return f"{value:.3f}" if value >= words.SMALL else f"{value:.3g}"
    decimals = max(1 - math.floor(math.log10((high - low) / 2)), 0)
    if decimals <= MOST_DECIMALS:
        return f"{value:.{decimals}f}"
    return f"{value:.{max(decimals + 1 + math.floor(math.log10(high)), 2)}g}"


def _flops(row: ForecastRow) -> float:
    return row.training_flops or 1.0
