"""Robustness of a suite's relative laws: to single budgets, to the law's functional form, and statistical power.

One row per corpus. Left: extrapolation error of each functional form, fitted to the smaller budgets and tested on the
largest. Middle: leave-one-out changes of Δβ by budget (or run, or training). Right: power to detect a given Δβ with
more budgets, runs or items.
"""

from dataclasses import replace

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData
from relscale.figures.groups import group_keys, group_styles
from relscale.figures.held_out_errors import MEDIAN, draw_held_out_errors, form_words, forms_by_error
from relscale.figures.leave_one_out import LOST_VERDICT, draw_leave_one_out
from relscale.figures.options import OneSuite
from relscale.figures.power_curves import RESOURCE_WORDS, RESOURCES, draw_power
from relscale.figures.select import between_groups, estimands_in_words, reasons, series_present, series_rows
from relscale.fitting.analyses.held_out_comparison import FormRow
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.statistical_power import ENOUGH, PowerRow

PER_SUITE = True
CROWDED = chart.Style(chart.MEDIUM, size=5, opacity=0.45)


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of this name.
    """
    suite = data.required_suite("robustness", options)
    title = f"Robustness of the relative laws: {suite.title}"
    influence = between_groups(data.rows(InfluenceRow, **suite.key))
    forms = between_groups(data.rows(FormRow, **suite.key, quantity="ratio"))
    power = between_groups(data.rows(PowerRow, **suite.key))
    smallest = min((row.delta_beta for row in power if known(row.delta_beta)), default=None)
    power = [row for row in power if row.delta_beta == smallest]
    changes = [
        row for row in influence if row.parameter == "delta_beta" and known(row.change, row.training_flops)
    ]
    errors = [row for row in forms if known(row.rmse_log)]
    powers = [row for row in power if known(row.power, row.count)]
    if not changes and not errors and not powers:
        return chart.empty(
            title, f"The suite {suite.name!r} has no results on leave-one-out, functional forms or power."
        )
    names = forms_by_error(forms)
    all_series = series_present(data, [*influence, *forms, *power])
    panels = chart.grid(
        title, len(all_series), 3, gap_x=96, lines=3, names=[form_words(form) for form in names]
    )
    styles = {
        group: replace(style, opacity=0.9) if not suite.is_crowded else style
        for group, style in group_styles(suite, CROWDED, baseline=False).items()
    }
    for row, series in enumerate(all_series):
        draw_held_out_errors(
            panels.panel(row, 0), suite, series.label, series_rows(series, errors), names, styles
        )
        draw_leave_one_out(
            panels.panel(row, 1), data, suite, series.label, series_rows(series, changes), styles
        )
        draw_power(panels.panel(row, 2), series.label, series_rows(series, powers), smallest)
    resources = {row.resource for row in powers}
    panels.key(
        [
            *group_keys(suite, styles, "markers"),
            *[chart.Key("verdict lost if left out", LOST_VERDICT, "markers")]
            * any(row.carries for row in changes),
            chart.Key("median over groups", MEDIAN, "markers"),
            *(
                chart.Key(RESOURCE_WORDS[name], style, "lines", name)
                for name, style in RESOURCES.items()
                if name in resources
            ),
        ]
    )
    panels.notes(
        f"Middle: verdicts for {estimands_in_words(changes)}, by p-values adjusted over the suite's gaps as in the "
        "table of verdicts, with all points and with each left out in turn."
        if changes
        else "",
        f"Right: line, median over groups; band, their range; horizontal line, {ENOUGH:.0%} power.",
        *(f"Power, {name}: {text}." for name, text in reasons(power, lambda row: row.resource)),
        *(f"Left, {form_words(form)} form: {text}." for form, text in reasons(forms, lambda row: row.form)),
    )
    return panels.figure
