"""The ratios along compute, one small chart per group: what was measured, the fitted line, and the baseline at 1."""

from collections.abc import Mapping, Sequence

from relscale.fitting.curves.point_rows import GapRow
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report import svg_chart
from relscale.report.data_table import data_table
from relscale.report.markup import Markup, element
from relscale.report.report_data import ReportData
from relscale.report.row_words import SYMBOLS, chip, row_id, verdict_class

LETTER = 6.9  # width of a letter beside a line
LONGEST = 13  # letters of a name beside a line
MOST = 24  # charts that are shown at once


def curves(data: ReportData, rows: Sequence[VerdictRow]) -> Markup | None:
    """The charts of one suite, in the order of its groups' verdicts; None where nothing was measured."""
    points = _points(data, rows)
    rows = [row for row in rows if points.get(_key(row))]
    if not rows:
        return None
    series = list(dict.fromkeys(data.series_name(row) for row in rows))
    groups: dict[str, list[VerdictRow]] = {}
    for row in rows:
        groups.setdefault(data.names.group(row), []).append(row)
    all_points = [point for row in rows for point in points[_key(row)]]
    longest = max(len(_short(name)) for name in series) if len(series) > 1 else 0
    right = svg_chart.RIGHT + LETTER * (longest + 2) if longest else svg_chart.RIGHT
    axes = svg_chart.Axes.around([x for x, _ in all_points], [1.0, *(y for _, y in all_points)], right)
    charts = [_chart(data, group, of_group, points, axes, series) for group, of_group in groups.items()]
    shown, others = charts[:MOST], charts[MOST:]
    more = (
        element(
            "details",
            element("summary", f"{len(others)} more groups"),
            element("div", *others, class_="multiples"),
        )
        if others
        else None
    )
    baseline = data.names.baseline(rows[0])
    key = [
        f"{name}: {svg_chart.SHAPES_IN_WORDS[i % len(svg_chart.SHAPES)]}, {_dash_words(i)} line"
        for i, name in enumerate(series)
    ]
    key_text = f" {'; '.join(key)}." if 1 < len(series) <= len(svg_chart.SHAPES) else ""
    return element(
        "figure",
        element(
            "figcaption",
            f"The error of each group over that of {baseline}, along training compute ({data.x}); all charts have the "
            f"same axes, and the line at 1 is {baseline}. Points are measured, lines fitted.{key_text}",
        ),
        element("div", *shown, class_="multiples"),
        more,
        data_table(
            "Data of these charts",
            ("group", "trained on", f"compute ({data.x})", "ratio"),
            [
                (data.names.group(row), data.series_name(row), words.flops(x), f"{y:.4g}")
                for row in rows
                for x, y in points[_key(row)]
            ],
        ),
    )


def _chart(
    data: ReportData,
    group: str,
    rows: Sequence[VerdictRow],
    points: Mapping[tuple[str | None, ...], list[tuple[float, float]]],
    axes: svg_chart.Axes,
    series: Sequence[str],
) -> Markup:
    parts = [axes.frame(svg_chart.ticks(axes.y))]
    left, right = axes.at(axes.x[0], 1.0), axes.at(axes.x[1], 1.0)
    parts.append(svg_chart.line([left, right], "baseline"))
    labels = []
    for row in rows:
        place = series.index(data.series_name(row))
        of_row = points[_key(row)]
        shape = svg_chart.SHAPES[place % len(svg_chart.SHAPES)]
        drawn = svg_chart.marks([axes.at(x, y) for x, y in of_row], shape)
        if row.flops_low and row.flops_high and row.ratio_low and row.ratio_high:
            ends = [axes.at(row.flops_low, row.ratio_low), axes.at(row.flops_high, row.ratio_high)]
            drawn.append(svg_chart.line(ends, "fit", svg_chart.DASHES[place % len(svg_chart.DASHES)]))
            label = f"{SYMBOLS[row.verdict]} {_short(data.series_name(row))}"
            labels.append((ends[1], label, verdict_class(row)))
        parts.append(
            element(
                "g",
                element("title", words.sentence(row, data.names, len(series) > 1)),
                *drawn,
                class_=f"line {verdict_class(row)}",
                data_line=row_id(row),
            )
        )
    if len(series) > 1:
        parts += _end_labels(labels)
    description = "; ".join(words.sentence(row, data.names, len(series) > 1) for row in rows)
    chips = [chip(row) for row in rows]
    return element(
        "div",
        element("h4", group, " ", *(chips if len(series) < 2 else ())),
        svg_chart.chart(description, *parts),
        class_="multiple",
        data_lines=" ".join(row_id(row) for row in rows),
    )


def _end_labels(labels: Sequence[tuple[svg_chart.Point, str, str]]) -> list[Markup]:
    """The name of each line near its end, moved apart where they would overlap."""
    positions, last = [], -100.0
    for (x, y), name, class_ in sorted(labels, key=lambda label: label[0][1]):
        last = max(y + 4, last + 12)
        positions.append(svg_chart.text(x + 6, last, name, f"name {class_}"))
    return positions


def _points(
    data: ReportData, rows: Sequence[VerdictRow]
) -> dict[tuple[str | None, ...], list[tuple[float, float]]]:
    keys = {_key(row) for row in rows}
    by_key: dict[tuple[str | None, ...], list[tuple[float, float]]] = {}
    for gap in data.rows("gaps", GapRow, suite=rows[0].suite or "", status="ok"):
        key = _key(gap)
        if key in keys and gap.ratio and gap.training_flops:
            by_key.setdefault(key, []).append((gap.training_flops, gap.ratio))
    return by_key


def _key(row: VerdictRow | GapRow) -> tuple[str | None, ...]:
    return (row.corpus, row.optimizer, row.suite, row.prompt, row.metric, row.group, row.contrast, row.arm)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _dash_words(place: int) -> str:
    return ("solid", "dashed", "dotted", "dash-dotted", "short-dashed")[place % 5]
