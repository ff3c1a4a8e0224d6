"""What the form of the prompt does to a suite (the paper's Figure 3).

Left: the share of a metric's variance along the frontier that compute explains, by form: of the suite's error, and of
accuracy. Right: accuracy under each other form less that under the reference form, over compute. A row is a corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import estimate, known
from relscale.figures.curves import MOST_LARGE, MOST_STYLED
from relscale.figures.data import FigureData, Row, Suite, distinct
from relscale.figures.select import ABOUT, ESTIMANDS, ends, listed, of, series_in, widest
from relscale.measurements.metric import Metric

PER_SUITE = True
SHARE = "explained by compute (share)"
LEAST, GROUP = 270, 13  # pixels of a panel, and of a group under a form
SPREAD = 0.72  # of a form's height that its groups take
ASIDE, STEP = (
    28,
    8,
)  # pixels from the last compute to what is of all computes together, and between the groups there
ONE_OF_MANY = chart.Style("#9a9a9a", width=1, opacity=0.6)
TICK = chart.Style("#9a9a9a", "line-ns", size=16, width=1.4)
MEDIAN = chart.Style(chart.INK, "diamond")


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names; ``metric`` may be chosen too.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("prompt-forms", options)
    title = f"Prompt forms: {suite.title}"
    rows = data.rows("prompt_forms", suite=suite.name)
    if not rows:
        return chart.empty(title, f"The suite {suite.name!r} was measured under one prompt form only.")
    metrics = _metrics(rows, suite)
    shares = [row for row in rows if row.quantity == "r_squared" and row.metric in metrics]
    gains = [row for row in rows if row.quantity == "difference" and row.metric in metrics]
    reference = next((row.reference for row in gains), None)
    forms = sorted({row.prompt for row in rows}, key=lambda form: (form != reference, str(form)))
    others = [form for form in forms if form != reference] if gains else []
    every = series_in(data, rows)
    many = len(suite.labels) > MOST_STYLED
    panels = chart.grid(
        title,
        len(every),
        len(metrics) + len(others),
        width=250,
        height=max(LEAST, GROUP * len(forms) * min(len(suite.labels), MOST_STYLED)),
        gap_x=84,
        gap_y=chart.HEADING + chart.LINE + 70,
        left=int(max(chart.text_width(_words(form)) for form in forms)) + 30,
        top=chart.HEADING + chart.LINE,
    )
    style = chart.styles(suite.labels, suite.baseline)
    for row, series in enumerate(every):
        for column, metric in enumerate(metrics):
            own = of(series, (one for one in shares if one.metric == metric))
            panel = panels.panel(row, column)
            x = chart.linear_axis(ends(own) if not many else [one.value for one in own], SHARE, most=5)
            panel.axes(x, chart.names_axis([_words(form) for form in forms]))
            panel.heading(series.label, Metric.parse(metric).title)
            _draw_shares(panel, own, forms, suite, style)
        y = chart.linear_axis(
            [*ends(of(series, gains)), 0.0], f"accuracy − that under {_words(reference)} (share)", most=7
        )
        for column, form in enumerate(others, start=len(metrics)):
            panel = panels.panel(row, column)
            panel.heading(f"{_words(form)} − {_words(reference)}", series.label)
            own = of(series, (one for one in gains if one.prompt == form and known(one.value)))
            _draw_gains(panel, own, suite, style, y)
    keys = [chart.Key(label, style[group], group=group) for group, label in suite.labels.items()]
    of_many = [
        chart.Key(f"one of {len(keys)} groups", ONE_OF_MANY, "lines"),
        chart.Key("median over groups", MEDIAN),
    ]
    panels.share_names()
    panels.key(of_many if many else keys)
    panels.notes(*_notes(shares, gains), *data.left_out(suite, metric=suite.metric))
    return panels.figure


def _metrics(rows: Sequence[Row], suite: Suite) -> list[str]:
    """The suite's metric and its accuracy, subjects weighed alike."""
    present = {row.metric: Metric.parse(row.metric) for row in rows}
    subjects = Metric.parse(suite.metric).subjects
    accuracies = [
        name
        for name, metric in present.items()
        if metric.quantity == "accuracy" and metric.subjects in (subjects, None)
    ]
    return [name for name in (suite.metric, *accuracies[:1]) if name in present]


def _words(form: str | None) -> str:
    return str(form or "default").replace("_", " ")


def _draw_shares(
    panel: chart.Panel,
    rows: Sequence[Row],
    forms: Sequence[str],
    suite: Suite,
    style: Mapping[str, chart.Style],
) -> None:
    """R² of each group under each form; of many groups their median."""
    many = len(suite.labels) > MOST_STYLED
    if not any(known(row.value) for row in rows):
        panel.message("too few points for a line")
    for place, form in enumerate(forms):
        of_form = {row.group: row for row in rows if row.prompt == form and known(row.value)}
        groups = [group for group in suite.labels if group in of_form]
        for k, group in enumerate(groups):
            row = of_form[group]
            words = f"R² = {estimate(row.value, row.low, row.high)}, {row.n} points"
            hover = f"{suite.labels[group]}, {_words(form)}<br>{words}"
            if many:
                panel.points([row.value], [place], TICK, hover=hover)
            else:
                y = place + SPREAD * ((k + 0.5) / len(groups) - 0.5)
                panel.forest_mark(y, row.value, row.low, row.high, replace(style[group], dash="solid"), hover)
        if many and groups:
            middle = median(of_form[group].value for group in groups)
            panel.points([middle], [place], replace(MEDIAN, size=12))


def _draw_gains(
    panel: chart.Panel, rows: Sequence[Row], suite: Suite, style: Mapping[str, chart.Style], y: Axis
) -> None:
    """The difference of accuracy over compute and, right of a dotted line, over all computes together."""
    at_points = [row for row in rows if row.run or known(row.budget)]
    flops = sorted({row.training_flops for row in at_points})
    many = len(suite.labels) > MOST_STYLED
    beside = ASIDE + STEP * (0 if many else len(suite.labels))
    panel.axes(chart.compute_axis(flops, panel.width, aside=beside) | {"minor": {}}, y)
    if not flops:
        panel.message("no accuracy could be read under both forms")
        return
    panel.reference_line(0.0)
    border = panel.beside(flops[-1], ASIDE / 2)
    panel.vertical_band(border, border, chart.FAINT, "dot")
    overall = {row.group: row for row in widest(row for row in rows if row not in at_points)}
    for k, (group, label) in enumerate(suite.labels.items()):
        own = sorted((row for row in at_points if row.group == group), key=lambda row: row.training_flops)
        x, values = [row.training_flops for row in own], [row.value for row in own]
        hover = f"{label}<br>%{{x}} FLOPs<br>%{{y}}"
        if many:
            panel.line(x, values, ONE_OF_MANY, hover=hover, name=label, group=group)
            continue
        few = len(own) <= MOST_LARGE
        bounded = own and few and all(known(row.low, row.high) for row in own)
        low, high = ([getattr(row, end) for row in own] if bounded else None for end in ("low", "high"))
        if few:
            panel.line(
                x, values, style[group], low=low, high=high, pointed=len(suite.labels) > 4, group=group
            )
        panel.points(
            x, values, replace(style[group], size=7 if few else 4), hover=hover, name=label, group=group
        )
        if group in overall:
            whole = overall[group]
            limits = ([whole.low], [whole.high]) if known(whole.low, whole.high) else (None, None)
            panel.points(
                [panel.beside(flops[-1], ASIDE + STEP * k)],
                [whole.value],
                style[group],
                low=limits[0],
                high=limits[1],
                hover=f"{label}, all computes<br>%{{y}}<br>{whole.estimand}",
                name=label,
                group=group,
            )
    if many:
        middle = [median(row.value for row in at_points if row.training_flops == x) for x in flops]
        panel.line(flops, middle, MEDIAN)


def _notes(shares: Sequence[Row], gains: Sequence[Row]) -> list[str]:
    points = distinct(row.points for row in shares)
    level = next((row.level for row in (*shares, *gains)), 0.95)
    methods = ", ".join(distinct(row.interval for row in shares if row.interval))
    notes = [
        f"Left: R² of a line on log compute through {' or '.join(points)}, of bits per byte in logs; {level:.0%} "
        f"intervals for these items ({methods})."
    ]
    overall = {row.estimand for row in gains if not row.run and not known(row.budget)}
    about = next((ABOUT[name] for name in ESTIMANDS if name in overall), None)
    if about:
        bands = (
            "bands" if len({row.group for row in gains}) <= 4 else "bands, shown where a group is pointed at"
        )
        notes.append(
            f"Right: {bands}, {level:.0%} over the items of each point alone, the same draws under both forms. Right "
            f"of the dotted line, all computes together: {level:.0%} interval for {about}."
        )
    for status in distinct(row.reason for row in shares if row.status != "ok")[:4]:
        notes.append(f"{listed(distinct(row.group for row in shares if row.reason == status))}: {status}.")
    return notes
