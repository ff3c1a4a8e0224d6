"""Robustness of a suite's relative laws: to single budgets, to the law's functional form, and statistical power.

A row is a corpus. Left: the error of each functional form on the largest budgets, fitted to the others. Middle: how Δβ
changes without each budget (or run, or training). Right: the power to see a given Δβ with more budgets, runs or items.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number
from relscale.figures.data import GROUP, FigureData, Suite
from relscale.figures.groups import group_keys, group_styles, medians
from relscale.figures.leave_one_out import CARRIER, draw_leave_one_out
from relscale.figures.options import OneSuite
from relscale.figures.power_curves import RESOURCE_WORDS, RESOURCES, draw_power
from relscale.figures.select import about_what, of, reasons, series_in
from relscale.fitting.analyses.held_out_comparison import FormRow
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow
from relscale.fitting.keys import CurveKey

C = TypeVar("C", bound=CurveKey)

PER_SUITE = True
MEDIAN = chart.Style(chart.INK, "line-ns", size=16, width=3.2)
CROWDED = chart.Style(chart.MEDIUM, size=5, opacity=0.45)
Styles = Mapping[str, chart.Style]


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("robustness", options)
    title = f"Robustness of the relative laws: {suite.title}"
    influence = _between_groups(data.rows(InfluenceRow, **suite.key))
    forms = _between_groups(data.rows(FormRow, **suite.key, quantity="ratio"))
    power = _between_groups(data.rows(PowerRow, **suite.key))
    smallest = min((row.delta_beta for row in power if known(row.delta_beta)), default=None)
    power = [row for row in power if row.delta_beta == smallest]
    changes = [
        row for row in influence if row.parameter == "delta_beta" and known(row.change, row.training_flops)
    ]
    errors = [row for row in forms if known(row.rmse_log)]
    powers = [row for row in power if known(row.power, row.count)]
    if not changes and not errors and not powers:
        return chart.empty(
            title, f"The suite {suite.name!r} has no analysis of influence, forms or power with a result."
        )
    middle = medians(errors, lambda row: row.form, _percent)
    names = sorted({row.form for row in forms}, key=lambda form: (middle.get(form, float("inf")), form))
    all_series = series_in(data, [*influence, *forms, *power])
    panels = chart.grid(title, len(all_series), 3, gap_x=96, lines=3, names=[_words(form) for form in names])
    styles = {
        group: replace(style, opacity=0.9) if not suite.is_crowded else style
        for group, style in group_styles(suite, CROWDED, baseline=False).items()
    }
    for row, series in enumerate(all_series):
        _draw_forms(panels.panel(row, 0), suite, series.label, of(series, errors), names, styles)
        draw_leave_one_out(panels.panel(row, 1), data, suite, series.label, of(series, changes), styles)
        draw_power(panels.panel(row, 2), series.label, of(series, powers), smallest)
    resources = {row.resource for row in powers}
    panels.key(
        [
            *group_keys(suite, styles, "markers"),
            *[chart.Key("verdict needs this one", CARRIER, "markers")] * any(row.carries for row in changes),
            chart.Key("median over groups", MEDIAN, "markers"),
            *(
                chart.Key(RESOURCE_WORDS[name], style, "lines", name)
                for name, style in RESOURCES.items()
                if name in resources
            ),
        ]
    )
    panels.notes(
        f"Middle: verdicts about {about_what(changes)}, by p-values adjusted over the suite's gaps, as in the table of "
        "verdicts; with all points and with each left out in turn."
        if changes
        else "",
        f"Right: line, median over groups; band, their range; horizontal line, {ENOUGH:.0%} power.",
        *(f"Power, {name}: {remark}." for name, remark in reasons(power, lambda row: row.resource)),
        *(f"Left, {_words(form)} form: {remark}." for form, remark in reasons(forms, lambda row: row.form)),
    )
    return panels.figure


def _between_groups(rows: Iterable[C]) -> list[C]:
    return [row for row in rows if row.contrast in (None, GROUP)]


def _percent(row: FormRow) -> float:
    """The held-out error in percent."""
    return 100 * number(row.rmse_log)


def _words(form: str) -> str:
    return form.replace("_", " ")


def _draw_forms(
    panel: chart.Panel,
    suite: Suite,
    series: str,
    rows: Sequence[FormRow],
    names: Sequence[str],
    styles: Styles,
) -> None:
    def height(row: FormRow) -> float:
        return names.index(row.form)

    rows = [row for row in rows if _percent(row) > 0]
    x = chart.log_axis(map(_percent, rows), "held-out error (%)", most=5)
    panel.axes(x, chart.names_axis([_words(form) for form in names] or [""]))
    panel.message("no form could be tried on held-out budgets" if not rows else "")
    for group, style in styles.items():
        of_group = [row for row in rows if row.group == group]
        hover = f"{suite.labels[group]}<br>%{{x}}%"
        panel.rows(of_group, _percent, height, style, hover=hover, group=group)
    middle = medians(rows, height, _percent)
    panel.points(list(middle.values()), list(middle), MEDIAN, hover="median over groups: %{x}%")
    how = f"fitted to {rows[0].n_fitted} computes, tested on {rows[0].n_held_out}" if rows else ""
    panel.heading("Extrapolation error by form", series, how)
