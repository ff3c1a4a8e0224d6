"""The ratios along compute, in one small chart per group: measured points, the fitted line, and the baseline at 1."""

from collections.abc import Mapping, Sequence

from relscale.fitting.keys import Key, key_of
from relscale.fitting.verdicts import words
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.report import svg_chart
from relscale.report.data_table import folded_table
from relscale.report.markup import Markup, element
from relscale.report.report_data import ReportData
from relscale.report.row_words import SYMBOLS, chip, row_id, verdict_class

LETTER = 6.9  # pixels: width of a letter of a line's label
LONGEST_LABEL = 13  # letters of a line's label
MOST_CHARTS = 24  # charts that are not folded away


def curves(data: ReportData, rows: Sequence[VerdictRow]) -> Markup | None:
    """The charts of one suite, in the order of its groups' verdicts; None without measured ratios."""
    points = data.ratios(rows[0].suite)
    rows = [row for row in rows if key_of(row) in points]
    if not rows:
        return None
    series = list(dict.fromkeys(data.series_name(row) for row in rows))
    groups: dict[str, list[VerdictRow]] = {}
    for row in rows:
        groups.setdefault(data.names.group(row), []).append(row)
    all_points = [point for row in rows for point in points[key_of(row)]]
    longest = max(len(_short(name)) for name in series) if len(series) > 1 else 0
    right = svg_chart.RIGHT + LETTER * (longest + 2) if longest else svg_chart.RIGHT
    axes = svg_chart.Axes.around([x for x, _ in all_points], [1.0, *(y for _, y in all_points)], right)
    charts = [_chart(data, group, group_rows, points, axes, series) for group, group_rows in groups.items()]
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
            f"Each group's error divided by that of {baseline}, along training compute ({data.x}). All charts have "
            f"the same axes; the line at 1 is {baseline}. Points are measured, lines are fitted.{key_text}",
        ),
        *svg_chart.multiples(charts, MOST_CHARTS, "more groups"),
        folded_table(
            "Data of these charts",
            ("group", "trained on", f"compute ({data.x})", "ratio"),
            [
                (data.names.group(row), data.series_name(row), words.flops(x), f"{y:.4g}")
                for row in rows
                for x, y in points[key_of(row)]
            ],
        ),
    )


def _chart(
    data: ReportData,
    group: str,
    rows: Sequence[VerdictRow],
    points: Mapping[Key, list[tuple[float, float]]],
    axes: svg_chart.Axes,
    series: Sequence[str],
) -> Markup:
    parts = [axes.frame()]
    left, right = axes.position(axes.x[0], 1.0), axes.position(axes.x[1], 1.0)
    parts.append(svg_chart.line([left, right], "baseline"))
    labels = []
    for row in rows:
        number = series.index(data.series_name(row))
        shape = svg_chart.SHAPES[number % len(svg_chart.SHAPES)]
        drawn = svg_chart.marks([axes.position(x, y) for x, y in points[key_of(row)]], shape)
        if row.flops_low and row.flops_high and row.ratio_low and row.ratio_high:
            ends = [
                axes.position(row.flops_low, row.ratio_low),
                axes.position(row.flops_high, row.ratio_high),
            ]
            drawn.append(svg_chart.line(ends, "fit", svg_chart.DASHES[number % len(svg_chart.DASHES)]))
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
    """The label of each line near its end, moved down if it would overlap the one above."""
    positions, last = [], -100.0
    for (x, y), name, class_ in sorted(labels, key=lambda label: label[0][1]):
        last = max(y + 4, last + 12)
        positions.append(svg_chart.text(x + 6, last, name, f"name {class_}"))
    return positions


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"


def _dash_words(number: int) -> str:
    return ("solid", "dashed", "dotted", "dash-dotted", "short-dashed")[number % 5]
