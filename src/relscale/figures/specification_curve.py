"""Specification curve: Δβ of the same data under each combination of analysis choices.

Simonsohn, Simmons and Nelson, "Specification curve analysis" (*Nature Human Behaviour*, 2020). Top: Δβ under each
specification, sorted. Bottom: the choices of each specification. One column per group; for many groups, the curve is
their median, and a middle panel shows the share of gaps with each verdict.
"""

import itertools
from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData
from relscale.figures.options import OneSuite
from relscale.figures.select import (
    between_groups,
    estimands_in_words,
    levels,
    reason,
    series_present,
    series_rows,
)
from relscale.figures.specification_order import (
    choice_name,
    choice_words,
    largest_first,
    level_words,
    levels_of_choices,
    ordered_specifications,
)
from relscale.figures.specification_panels import (
    BARS,
    DEFAULT,
    NAME_SIZE,
    draw_curve,
    draw_matrix,
    draw_shares,
)
from relscale.fitting.analyses.specification import SpecificationRow

PER_SUITE = True
MOST_PANELS = 4  # groups with a panel each
LEVEL_HEIGHT, CURVE_HEIGHT, SHARES_HEIGHT = (
    17,
    230,
    110,
)  # pixels of a line of the matrix, and of the other panels


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of this name.
    """
    suite = data.required_suite("specification-curve", options)
    title = f"Specification curve: {suite.title}"
    all_rows = [
        row
        for row in between_groups(data.rows(SpecificationRow, suite=suite.name))
        if options.prompt in (None, row.prompt)
    ]
    rows = [row for row in all_rows if known(row.value)]
    if not rows:
        explanation = next((f"None yields a Δβ: {reason(row)}." for row in all_rows), "None was computed.")
        return chart.empty(title, f"The suite {suite.name!r} has no specifications. {explanation}")
    levels_of_choice, groups = levels_of_choices(rows), largest_first(rows)
    all_series = series_present(data, rows)
    choices = {choice: options for choice, options in levels_of_choice.items() if len(options) > 1}
    names = [[choice_name(choice), *map(level_words, options)] for choice, options in choices.items()]
    lines = sum(map(len, names))
    many = len(groups) > MOST_PANELS
    columns, blocks = (len(all_series), 1) if many else (len(groups), len(all_series))
    heights = [CURVE_HEIGHT, *[SHARES_HEIGHT] * many, LEVEL_HEIGHT * lines + 6]
    panels = chart.grid(
        title,
        len(heights) * blocks,
        columns,
        width=max(300, 620 // columns),
        height=heights * blocks,
        gap_x=90,
        gap_y=18,
        blocks=blocks,
        lines=2,
        names=itertools.chain.from_iterable(names),
        name_size=NAME_SIZE,
    )
    curves = [
        ordered_specifications(suite, series, series_rows(series, rows), group)
        for series in all_series
        for group in ([None] if many else groups)
    ]
    outside = 0
    for i, curve in enumerate(curves):
        row, column = (0, i) if many else (2 * (i // columns), i % columns)
        outside += draw_curve(panels.panel(row, column), curve)
        if many:
            draw_shares(panels.panel(1, column), curve)
        draw_matrix(panels.panel(row + len(heights) - 1, column), curve, choices)
    panels.share_names()
    keys = chart.verdict_keys(BARS if many else None)
    panels.key([*keys, chart.Key("default analysis", DEFAULT, "markers")])
    level = levels(rows)
    marks = f"Lines: {level} intervals." if level else ""
    if many:
        marks = "Point: median over groups; thick line: interquartile range; thin line: full range."
    constant = [
        choice_words(choice, options[0])
        for choice, options in levels_of_choice.items()
        if len(options) == 1 and options[0]
    ]
    panels.notes(
        marks,
        f"Intervals and verdicts are for {estimands_in_words(rows)}, as in the table of verdicts. Verdicts use "
        "p-values adjusted over all gaps of the suite under the same specification.",
        f"Constant: {'; '.join(constant)}." if constant else "",
        f"{outside} interval limits are outside the panels." if outside and not many else "",
        *_missing("an interval", [row for row in rows if not known(row.low, row.high)]),
        *_missing("a Δβ", [row for row in all_rows if not known(row.value)]),
    )
    return panels.figure


def _missing(what: str, rows: Sequence[SpecificationRow]) -> list[str]:
    """Notes on the number of gaps, over all specifications, without an estimate or interval, by the reason."""
    return [
        f"{count} gap{'s' * (count != 1)} without {what}: {why.removeprefix('no interval: ')}."
        for why, count in Counter(map(reason, rows)).most_common(4)
    ]
