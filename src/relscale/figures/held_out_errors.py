"""The error of each functional form on the largest budgets, fitted to the others."""

from collections.abc import Mapping, Sequence

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number
from relscale.figures.groups import medians
from relscale.figures.suite import Suite
from relscale.fitting.analyses.held_out_comparison import FormRow

MEDIAN = chart.Style(chart.INK, "line-ns", size=16, width=3.2)


def forms_by_error(forms: Sequence[FormRow]) -> list[str]:
    """The names of the forms in ascending order of their median error; those without an error last."""
    errors = medians([row for row in forms if known(row.rmse_log)], _form, _percent)
    return sorted({row.form for row in forms}, key=lambda form: (errors.get(form, float("inf")), form))


def form_words(form: str) -> str:
    """The name of a form in words."""
    return form.replace("_", " ")


def draw_held_out_errors(
    panel: chart.Panel,
    suite: Suite,
    series: str,
    rows: Sequence[FormRow],
    names: Sequence[str],
    styles: Mapping[str, chart.Style],
) -> None:
    """Draw one row per form, with a mark per group and the median over groups."""

    def height(row: FormRow) -> float:
        return names.index(row.form)

    rows = [row for row in rows if _percent(row) > 0]
    errors_axis = chart.log_axis(map(_percent, rows), "held-out error (%)", most=5)
    panel.axes(errors_axis, chart.names_axis([form_words(form) for form in names] or [""]))
    panel.message("no form could be tested on held-out budgets" if not rows else "")
    for group, style in styles.items():
        group_rows = [row for row in rows if row.group == group]
        hover = f"{suite.labels[group]}<br>%{{x}}%"
        x, y = list(map(_percent, group_rows)), list(map(height, group_rows))
        panel.points(x, y, style, hover=hover, group=group)
    errors = medians(rows, height, _percent)
    panel.points(list(errors.values()), list(errors), MEDIAN, hover="median over groups: %{x}%")
    split = f"fitted to {rows[0].n_fitted} computes, tested on {rows[0].n_held_out}" if rows else ""
    panel.heading("Extrapolation error by form", series, split)


def _form(row: FormRow) -> str:
    return row.form


def _percent(row: FormRow) -> float:
    """The held-out error in percent."""
    return 100 * number(row.rmse_log)
