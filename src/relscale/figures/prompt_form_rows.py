"""The rows and notes of the figure ``prompt-forms``."""

from collections.abc import Sequence
from dataclasses import dataclass

from relscale.confidence import LEVEL
from relscale.figures.chart.numbers import known, number
from relscale.figures.data import FigureData, Series, distinct
from relscale.figures.select import (
    ESTIMAND_WORDS,
    ESTIMANDS,
    MOST_REASONS,
    interval,
    listed,
    most_general,
    reason,
    series_rows,
)
from relscale.figures.suite import Suite
from relscale.fitting.analyses.prompt_forms import PromptFormRow
from relscale.measurements.metric import Metric


@dataclass(frozen=True)
class PromptFormRows:
    """The rows of a suite under several prompt forms.

    Attributes
    ----------
    metrics
        The suite's metric, and its accuracy with the same weights of subjects.
    forms
        All prompt forms, the reference form first.
    reference
        The form that accuracies are compared with; None without accuracies.
    shares
        R² of each metric and group under each form.
    gains
        Accuracy under each other form minus that under the reference, at each compute and pooled over all computes.
    """

    metrics: list[str]
    forms: list[str | None]
    reference: str | None
    shares: list[PromptFormRow]
    gains: list[PromptFormRow]

    @property
    def others(self) -> list[str | None]:
        """The forms that are compared with the reference."""
        return [form for form in self.forms if form != self.reference] if self.gains else []

    def gains_of(
        self, series: Series, form: str | None
    ) -> tuple[list[PromptFormRow], dict[str, PromptFormRow]]:
        """The gains of one form at each compute, and the gain of each group pooled over all computes."""
        gains = [row for row in series_rows(series, self.gains) if row.prompt == form and known(row.value)]
        at_points = [row for row in gains if _is_at_point(row)]
        at_points.sort(key=lambda row: number(row.training_flops))
        overall = most_general(row for row in gains if not _is_at_point(row))
        return at_points, {str(row.group): row for row in overall}

    @property
    def notes(self) -> list[str]:
        """Notes on the intervals, and on rows that could not be computed."""
        points = distinct(row.points for row in self.shares)
        level = next((row.level for row in (*self.shares, *self.gains)), LEVEL)
        methods = ", ".join(distinct(interval(row) for row in self.shares if interval(row)))
        notes = [
            f"Left: R² of a line on log compute through {' or '.join(points)}, of bits per byte in logs; {level:.0%} "
            f"intervals for these items ({methods})."
        ]
        overall = {row.estimand for row in self.gains if not _is_at_point(row)}
        estimand = next((ESTIMAND_WORDS[name] for name in ESTIMANDS if name in overall), None)
        if estimand:
            on_hover = (
                "" if len({row.group for row in self.gains}) <= 4 else ", shown when hovering over a group"
            )
            notes.append(
                f"Right: bands{on_hover}, {level:.0%} intervals from resampling the items of each point, with the same "
                f"draws under both forms. Right of the dotted line, all computes pooled: {level:.0%} interval for "
                f"{estimand}."
            )
        for status in distinct(reason(row) for row in self.shares if row.status != "ok")[:MOST_REASONS]:
            groups = distinct(str(row.group) for row in self.shares if reason(row) == status)
            notes.append(f"{listed(groups)}: {status}.")
        return notes


def prompt_form_rows(data: FigureData, suite: Suite) -> PromptFormRows:
    """The rows of a suite under all its prompt forms."""
    rows = data.rows(PromptFormRow, suite=suite.name)
    metrics = _metrics(rows, suite)
    shares = [row for row in rows if row.quantity == "r_squared" and row.metric in metrics]
    gains = [row for row in rows if row.quantity == "difference" and row.metric in metrics]
    reference = next((row.reference for row in gains), None)
    forms = sorted({row.prompt for row in rows}, key=lambda form: (form != reference, str(form)))
    return PromptFormRows(metrics, forms, reference, shares, gains)


def _is_at_point(row: PromptFormRow) -> bool:
    return bool(row.run) or known(row.budget)


def _metrics(rows: Sequence[PromptFormRow], suite: Suite) -> list[str]:
    """The suite's metric, and its accuracy with the same weights of subjects."""
    present = {name: Metric.parse(name) for name in distinct(str(row.metric) for row in rows)}
    subjects = Metric.parse(suite.metric).subjects
    accuracies = [
        name
        for name, metric in present.items()
        if metric.quantity == "accuracy" and metric.subjects in (subjects, None)
    ]
    return [name for name in (suite.metric, *accuracies[:1]) if name in present]
