"""Specification curve: Δβ of the same data under each combination of analysis choices.

Simonsohn, Simmons and Nelson, "Specification curve analysis" (*Nature Human Behaviour*, 2020). Top: Δβ of each way to
analyse the same data, in order of size. Bottom: the choices that make up each. A column is a group; of many groups,
the curve is that of their median, and a panel between shows the share of their gaps that has each verdict.
"""

import itertools
from collections import Counter

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known
from relscale.figures.data import GROUP, FigureData
from relscale.figures.options import OneSuite
from relscale.figures.select import about_what, levels, of, reason, series_in
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
MOST_PANELS = 4  # groups that get a panel each
LEVEL, CURVE, SHARES = (
    17,
    230,
    110,
)  # pixels of a choice in the matrix, of a curve, and of the shares under it


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("specification-curve", options)
    title = f"Specification curve: {suite.title}"
    every_row = [
        row
        for row in data.rows(SpecificationRow, suite=suite.name)
        if row.contrast in (None, GROUP) and options.prompt in (None, row.prompt)
    ]
    rows = [row for row in every_row if known(row.value)]
    if not rows:
        why = next((f"None gives a Δβ: {reason(row)}." for row in every_row), "None was computed for it.")
        return chart.empty(title, f"There are no specifications of the suite {suite.name!r} to show. {why}")
    tried, groups, every = levels_of_choices(rows), largest_first(rows), series_in(data, rows)
    choices = {choice: options for choice, options in tried.items() if len(options) > 1}
    names = [[choice_name(choice), *map(level_words, options)] for choice, options in choices.items()]
    lines = sum(map(len, names))
    many = len(groups) > MOST_PANELS
    columns, blocks = (len(every), 1) if many else (len(groups), len(every))
    heights = [CURVE, *[SHARES] * many, LEVEL * lines + 6]
    panels = chart.grid(
        title,
        len(heights) * blocks,
        columns,
        width=max(300, 620 // columns),
        height=heights * blocks,
        gap_x=90,
        gap_y=18 if blocks == 1 else None,
        lines=2,
        names=itertools.chain.from_iterable(names),
        name_size=NAME_SIZE,
    )
    curves = [
        ordered_specifications(suite, series, of(series, rows), group)
        for series in every
        for group in ([None] if many else groups)
    ]
    cut = 0
    for i, curve in enumerate(curves):
        row, column = (0, i) if many else (2 * (i // columns), i % columns)
        cut += draw_curve(panels.panel(row, column), curve)
        if many:
            draw_shares(panels.panel(1, column), curve)
        draw_matrix(panels.panel(row + len(heights) - 1, column), curve, choices)
    panels.share_names()
    keys = chart.verdict_keys(BARS if many else None)
    panels.key([*keys, chart.Key("default analysis", DEFAULT, "markers")])
    about = "Point: median over groups; thick line: the middle half of them; thin line: all."
    fixed = [
        choice_words(choice, options[0])
        for choice, options in tried.items()
        if len(options) == 1 and options[0]
    ]
    bare = Counter(reason(row) for row in rows if not known(row.low, row.high))
    lost = Counter(reason(row) for row in every_row if not known(row.value))
    panels.notes(
        about if many else f"Lines: {levels(rows)} intervals." if levels(rows) else "",
        f"Intervals and verdicts are about {about_what(rows)}, as in the table of verdicts;",
        "verdicts go by p-values adjusted over all gaps of the suite under the same specification.",
        f"The same throughout: {'; '.join(fixed)}." if fixed else "",
        f"{cut} ends of intervals lie outside the panels." if cut and not many else "",
        *(_without("an interval", *each) for each in bare.most_common(4)),
        *(_without("a Δβ", *each) for each in lost.most_common(4)),
    )
    return panels.figure


def _without(missing: str, remark: str, count: int) -> str:
    """How many gaps, over all specifications, lack something and why."""
    return f"{count} gap{'s' * (count != 1)} without {missing}: {remark.removeprefix('no interval: ')}."
