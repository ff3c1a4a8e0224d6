"""The section on laws that the config adds, with their formulas, parameters and predictions."""

from collections.abc import Iterator, Sequence

from relscale.errors import RelscaleError
from relscale.fitting.estimation.law_predictions import PredictionRow
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import SeriesKey
from relscale.fitting.report.headline import further_fits
from relscale.fitting.status import Status
from relscale.fitting.verdicts import words
from relscale.laws.catalogue import example
from relscale.report.data_table import open_table
from relscale.report.markup import Markup, element, identifier, section
from relscale.report.report_data import ReportData
from relscale.storage.rows import names_of

DIGITS = 5
CURVE = names_of(SeriesKey)  # columns that distinguish the fits of a law


def laws(data: ReportData) -> Markup | None:
    """The formula, parameters and predictions of each added law; None without any."""
    fits = further_fits(data.rows("fits", ParameterRow))
    if not fits:
        return None
    predictions = data.rows("predictions", PredictionRow)
    parts = [
        part
        for name, rows in fits.items()
        for part in _law(name, rows, [row for row in predictions if row.fit == name])
    ]
    return section("laws", "Laws", *parts)


def _law(name: str, rows: Sequence[ParameterRow], predictions: Sequence[PredictionRow]) -> Iterator[Markup]:
    law = rows[0].law
    yield element("h3", f"{name}: {law}" if name != law else law, id=identifier("law", name))
    formula = _formula(law)
    if formula:
        yield element("p", element("code", formula))
    columns = _varying(rows)
    parameters = [
        [
            *_cells(row, columns),
            row.parameter or "",
            _estimate(row.value),
            words.limits(row.low, row.high, DIGITS),
            _note(row),
        ]
        for row in rows
    ]
    level = next((f"{words.percent(row.level)} interval" for row in rows if row.level), "interval")
    yield open_table("Parameters", [*columns, "parameter", "estimate", level, "note"], parameters)
    if predictions:
        columns = _varying([*rows, *predictions])
        errors = [
            [
                row.run or "",
                *_cells(row, columns),
                _estimate(row.observed),
                _estimate(row.predicted),
                words.limits(row.low, row.high, DIGITS),
                "" if row.relative_error is None else f"{row.relative_error:.2%}",
                _note(row),
            ]
            for row in predictions
        ]
        yield open_table(
            "Predictions of runs that the law was not fitted to",
            [
                "run",
                *columns,
                "observed",
                "predicted",
                f"{words.percent(predictions[0].level)} interval",
                "error",
                "note",
            ],
            errors,
        )


def _formula(law: str) -> str:
    """The formula of a law; empty if the law is not in the catalogue any more."""
    try:
        return example(law.partition(":")[0]).formula
    except RelscaleError:
        return ""


def _varying(rows: Sequence[SeriesKey]) -> list[str]:
    return [column for column in CURVE if len({getattr(row, column) for row in rows}) > 1]


def _cells(row: SeriesKey, columns: Sequence[str]) -> list[str]:
    return [str(getattr(row, column) or "") for column in columns]


def _estimate(value: float | None) -> str:
    return words.number(value, DIGITS) or "none"


def _note(row: ParameterRow | PredictionRow) -> str:
    return "" if row.status == Status.OK else row.note or str(row.status)
