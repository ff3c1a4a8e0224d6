"""How robust a suite's relative laws are: to single budgets, to the law's functional form, and by statistical power.

A row is a corpus. Left: the error of each functional form on the largest budgets, fitted to the others. Middle: how Δβ
changes without each budget (or run, or training). Right: the power to see a given Δβ with more budgets, runs or items.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, plain
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import GROUP, FigureData, Row, Suite, distinct
from relscale.figures.select import of, series_in

PER_SUITE = True
ENOUGH = 0.8  # the power that is called enough
CARRIER = chart.Style("#d55e00", "circle-open", size=15)
MEDIAN = chart.Style(chart.INK, "line-ns", size=16, width=3.2)
RESOURCES = {  # in colours that few suites come to use for a group
    name: chart.Style(colour, dash=dash)
    for name, colour, dash in zip(
        ("budgets", "runs", "items"), (chart.MEDIUM, *chart.COLOURS[-2:]), chart.DASHES, strict=False
    )
}


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("robustness", options)
    title = f"Robustness of the relative laws: {suite.title}"
    influence, forms, power = (
        [row for row in data.rows(table, **suite.key) if row.contrast in (None, GROUP)]
        for table in ("influence", "forms", "power")
    )
    influence = [row for row in influence if row.parameter in (None, "delta_beta")]
    forms = [row for row in forms if row.quantity in (None, "ratio")]
    smallest = min((row.delta_beta for row in power if known(row.delta_beta)), default=None)
    power = [row for row in power if row.delta_beta == smallest]
    changes = [row for row in influence if known(row.change, row.training_flops)]
    errors = [row for row in forms if known(row.rmse_log)]
    powers = [row for row in power if known(row.power, row.count)]
    if not changes and not errors and not powers:
        return chart.empty(
            title, f"The suite {suite.name!r} has no analysis of influence, forms or power with a result."
        )
    every = series_in(data, [*influence, *forms, *power])
    names = _best_first(forms)
    panels = chart.grid(
        title,
        len(every),
        3,
        gap_x=96,
        gap_y=chart.HEADING + 2 * chart.LINE + 62,
        left=int(max((chart.text_width(_words(form)) for form in names), default=40)) + 34,
        top=chart.HEADING + 2 * chart.LINE,
    )
    many = len(suite.labels) > MOST_STYLED
    style = {
        group: chart.Style(chart.MEDIUM, size=4, opacity=0.45) if many else replace(one, opacity=0.9)
        for group, one in chart.styles(suite.labels, suite.baseline).items()
        if group != suite.baseline
    }
    for row, series in enumerate(every):
        _draw_forms(panels.panel(row, 0), suite, series.label, of(series, errors), names, style)
        _draw_influence(panels.panel(row, 1), suite, of(series, changes), style)
        _draw_power(panels.panel(row, 2), of(series, powers), smallest)
    keys = [chart.Key(suite.labels[group], one, "markers", group) for group, one in style.items()]
    keys = (
        [chart.Key(f"one of {len(style)} groups", chart.Style(chart.MEDIUM, size=6), "markers")]
        if many
        else keys
    )
    if any(row.carries for row in changes):
        keys.append(chart.Key("direction clear only with this one", CARRIER, "markers"))
    keys.append(chart.Key("median over groups", MEDIAN, "markers"))
    tried = {row.resource for row in powers}
    keys += [chart.Key(name, one, "lines", name) for name, one in RESOURCES.items() if name in tried]
    panels.key(keys)
    why = distinct((row.resource, row.reason) for row in power if row.status not in (None, "ok"))[:4]
    lost = distinct((row.form, row.reason) for row in forms if not known(row.rmse_log))[:4]
    panels.notes(
        f"Right: line, median over groups; band, their range; horizontal line, {ENOUGH:.0%} power.",
        *(f"Power, {resource}: {status}." for resource, status in why),
        *(f"{_words(form)}: {status}." for form, status in lost),
    )
    return panels.figure


def _draw_influence(
    panel: chart.Panel, suite: Suite, rows: Sequence[Row], style: Mapping[str, chart.Style]
) -> None:
    x = chart.compute_axis([row.training_flops for row in rows], panel.width)
    panel.axes(x, chart.linear_axis([row.change for row in rows], "change of Δβ", most=6, zero=True))
    panel.reference_line(0.0)
    if not rows:
        panel.message("too few points to leave one out")
    for group, one in style.items():
        own = [row for row in rows if row.group == group]
        panel.points(
            [row.training_flops for row in own],
            [row.change for row in own],
            one,
            about=[row.without for row in own],
            hover=f"{suite.labels[group]} without %{{customdata}}<br>Δβ changes by %{{y}}",
            group=group,
        )
    carriers = [row for row in rows if row.carries]
    panel.points(
        [row.training_flops for row in carriers],
        [row.change for row in carriers],
        CARRIER,
        about=[f"{suite.labels.get(row.group, row.group)} without {row.without}" for row in carriers],
        hover="%{customdata}: direction no longer clear",
    )
    depend = f"{len({row.group for row in carriers})} of {len({row.group for row in rows})} directions"
    number = len({row.without for row in rows})
    panel.heading("Δβ, leave one out", f"{number} left out in turn; {depend} depend on one" if rows else "")


def _best_first(rows: Sequence[Row]) -> list[str]:
    """The functional forms by their median error."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        errors.setdefault(row.form, []).extend([row.rmse_log] if known(row.rmse_log) else [])
    return sorted(errors, key=lambda form: (median(errors[form]) if errors[form] else math.inf, form))


def _draw_forms(
    panel: chart.Panel,
    suite: Suite,
    series: str,
    rows: Sequence[Row],
    forms: Sequence[str],
    style: Mapping[str, chart.Style],
) -> None:
    rows = [row for row in rows if row.rmse_log > 0]
    x = chart.log_axis([100 * row.rmse_log for row in rows], "held-out error (%)", most=5)
    panel.axes(x, chart.names_axis([_words(form) for form in forms] or [""]))
    if not rows:
        panel.message("no form could be tried on held-out budgets")
    for group, one in style.items():
        own = [row for row in rows if row.group == group]
        places = [forms.index(row.form) for row in own]
        hover = f"{suite.labels[group]}<br>%{{x}}%"
        panel.points([100 * row.rmse_log for row in own], places, one, hover=hover, group=group)
    errors = {form: [100 * row.rmse_log for row in rows if row.form == form] for form in forms}
    middle = {place: median(errors[form]) for place, form in enumerate(forms) if errors[form]}
    panel.points(list(middle.values()), list(middle), MEDIAN, hover="median over groups: %{x}%")
    first = next(iter(rows), None)
    how = f"fitted to {first.n_fitted} computes, tested on the largest {first.n_held_out}" if first else ""
    panel.heading("Extrapolation error by form", series, how)


def _draw_power(panel: chart.Panel, rows: Sequence[Row], size: float | None) -> None:
    x = chart.log_axis([row.count for row in rows], "number of budgets, runs or items", most=6)
    panel.axes(x, chart.linear_axis([0, 1], "power", most=6, pad=0.04))
    panel.reference_line(ENOUGH)
    if not rows:
        panel.message("no power could be simulated")
    needs = []
    for resource, style in RESOURCES.items():
        own = [row for row in rows if row.resource == resource]
        counts = sorted({row.count for row in own})
        if not counts:
            continue
        powers = [[row.power for row in own if row.count == count] for count in counts]
        middle = [median(values) for values in powers]
        low, high = [min(values) for values in powers], [max(values) for values in powers]
        panel.line(counts, middle, style, low=low, high=high, name=resource, group=resource)
        least = next((count for count, value in zip(counts, middle, strict=True) if value >= ENOUGH), None)
        needs.append(f"{resource} {f'> {counts[-1]:g}' if least is None else f'{least:g}'}")
    title = "Power" if size is None else f"Power to see Δβ = {plain(size)}"
    panel.heading(title, f"{ENOUGH:.0%} needs: {', or '.join(needs)}" if needs else "")


def _words(form: str) -> str:
    return form.replace("_", " ")
