"""A forecast on record is kept as it was and scored by what is measured later."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.fitting.curves.point_rows import ErrorRow, FrontierRow
from relscale.fitting.fits import from_rows, read
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.forecasts.record import RecordRow, digest_of, record, score_record
from relscale.storage.rows import names_of, rows_of, table_of
from relscale.storage.tables import read_table, write_table

KEY = {"experiment": "now", "corpus": "text", "suite": "s", "prompt": "p", "metric": "nats", "group": "g"}


@pytest.fixture
def forecast():
    row = ForecastRow(
        **KEY,
        quantity="error",
        training_flops=1e22,
        candidate="ensemble",
        value=2.0,
        low=1.9,
        high=2.1,
        level=0.95,
        data="d",
        code="c",
        status="ok",
    )
    return from_rows({"forecasts": [row, replace(row, candidate="power law", value=9.0)]})


def later(flops, value):
    point = ErrorRow(
        **KEY | {"experiment": "later"},
        budget=None,
        run="r",
        training_flops=flops,
        value=value,
        stderr_runs=None,
        stderr_items=None,
        runs=1,
        excluded=0,
        status="ok",
        note=None,
    )
    return from_rows({"errors": [point]})


def test_a_record_comes_back_from_either_kind_of_file_as_it_was_written(forecast, tmp_path):
    named = [replace(row, group="2020", prompt=None) for row in rows_of(ForecastRow, forecast.forecasts)]
    fits = from_rows({"forecasts": [replace(row, value=2.0, low=0.1 + 0.2, high=None) for row in named]})
    for suffix in (".parquet", ".csv"):
        path = tmp_path / f"record{suffix}"
        written = record(fits, path).rows
        outcomes = score_record(path, later(1e23, 1.0))
        assert [outcome.group for outcome in outcomes] == ["2020"] * len(written)
        assert [outcome.low for outcome in outcomes] == [0.1 + 0.2] * len(written)
        assert {outcome.prompt for outcome in outcomes} == {None}


def test_a_forecast_is_scored_by_the_point_at_its_compute(forecast, tmp_path):
    record(forecast, tmp_path / "record.parquet")
    (outcome,) = score_record(tmp_path / "record.parquet", later(1.01e22, 2.05))
    assert outcome.log_error == pytest.approx(np.log(2.0 / 2.05))
    assert outcome.covered is True
    (missed,) = score_record(tmp_path / "record.parquet", later(1e22, 2.2))
    assert missed.covered is False
    assert missed.interval_score > outcome.interval_score


def test_a_compute_that_was_not_measured_is_reported(forecast, tmp_path):
    record(forecast, tmp_path / "record.parquet")
    (outcome,) = score_record(tmp_path / "record.parquet", later(3e22, 2.0))
    assert outcome.observed is None
    assert outcome.status == "nothing was measured at this compute"
    assert outcome.note.endswith("the nearest is 3e+22 FLOPs")


def renamed(fits, **names):
    return from_rows({"errors": [replace(row, **names) for row in rows_of(ErrorRow, fits.errors)]})


def test_a_later_table_may_have_another_name_and_a_later_suite_may_not(tmp_path):
    of_table = dict.fromkeys(("experiment", "corpus", "suite"), "january")
    row = ForecastRow(
        **KEY | of_table, quantity="error", training_flops=1e22, candidate="ensemble", value=2.0, status="ok"
    )
    record(from_rows({"forecasts": [row]}), tmp_path / "record.csv")
    june = renamed(later(1e22, 2.0), **dict.fromkeys(of_table, "june"))
    (outcome,) = score_record(tmp_path / "record.csv", june)
    assert outcome.observed == 2.0
    (outcome,) = score_record(tmp_path / "record.csv", renamed(june, suite="another"))
    assert (outcome.observed, outcome.status) == (None, "no such curve in the later fit")
    assert outcome.note == "the later fit has no suite january; it has another"


@pytest.mark.parametrize("name", ["corpus", "suite", "prompt", "metric", "group"])
def test_a_curve_that_the_later_fit_lacks_is_named(forecast, tmp_path, name):
    record(forecast, tmp_path / "record.parquet")
    (outcome,) = score_record(tmp_path / "record.parquet", renamed(later(1e22, 2.0), **{name: "other"}))
    assert outcome.observed is None
    assert outcome.note == f"the later fit has no {name} {KEY[name]}; it has other"


def test_models_that_the_fit_contains_are_not_recorded(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    both = [row, replace(row, training_flops=1e23)]
    fits = from_rows({"forecasts": both, "errors": rows_of(ErrorRow, later(1e22, 2.0).errors)})
    assert [kept.training_flops for kept in record(fits, tmp_path / "record.csv").rows] == [1e23]
    known = from_rows({"forecasts": [row], "errors": rows_of(ErrorRow, later(1e22, 2.0).errors)})
    with pytest.raises(RelscaleError, match="not measured; name a larger compute"):
        record(known, tmp_path / "known.csv")


def test_a_known_point_with_another_value_since_is_reported(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    known = list(rows_of(ErrorRow, later(1e21, 2.5).errors))
    record(from_rows({"forecasts": [row], "errors": known}), tmp_path / "record.csv")

    def with_known(value):
        points = [replace(known[0], value=value), replace(known[0], training_flops=1e22, value=2.0)]
        return score_record(tmp_path / "record.csv", from_rows({"errors": points}))[0]

    assert with_known(2.51).note is None
    assert with_known(2.5 / np.log(2)).note == (
        "other data: at 1e+21 FLOPs it was 2.5 when recorded, 3.607 now"
    )


def measured_with(*sizes):
    """A later fit of models of one compute, each with its parameters and value."""
    errors, frontier = [], []
    for number, (params, value) in enumerate(sizes):
        (row,) = rows_of(ErrorRow, later(1e22, value).errors)
        errors.append(replace(row, run=f"r{number}"))
        unknown = dict.fromkeys(names_of(FrontierRow))
        of_run = {
            "experiment": "later",
            "corpus": "text",
            "run": f"r{number}",
            "params": params,
            "status": "ok",
        }
        counts = {"level": 0.95, "runs": 1, "trainings": [f"r{number}"], "excluded": 0, "run_sd_df": 0}
        frontier.append(FrontierRow(**{**unknown, **counts, **of_run}))
    return from_rows({"errors": errors, "frontier": frontier})


def test_two_models_of_one_compute_score_the_forecasts_of_their_sizes(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    both = [replace(row, params=7e9, value=2.0), replace(row, params=7e10, value=3.0)]
    record(from_rows({"forecasts": both}), tmp_path / "record.parquet")
    small, large = score_record(tmp_path / "record.parquet", measured_with((7.1e10, 3.1), (6.9e9, 2.1)))
    assert (small.observed, large.observed) == pytest.approx((2.1, 3.1))
    assert small.note is None
    seeds = score_record(tmp_path / "record.parquet", measured_with((7e9, 2.0), (7e9, 2.2), (7e10, 3.0)))
    assert seeds[0].observed == pytest.approx(np.sqrt(2.0 * 2.2))
    (_, other) = score_record(tmp_path / "record.parquet", measured_with((7e9, 2.0)))
    assert other.note == "forecast for 7e+10 parameters, measured with 7e+09"


def test_a_record_is_never_overwritten_and_a_changed_one_is_refused(forecast, tmp_path):
    path = tmp_path / "record.parquet"
    record(forecast, path)
    with pytest.raises(RelscaleError, match="earlier record"):
        record(forecast, path)
    (row,) = rows_of(RecordRow, read_table(path))
    write_table(table_of(RecordRow, [replace(row, value=2.04)]), path)
    with pytest.raises(RelscaleError, match="row 1 was changed"):
        score_record(path, later(1e22, 2.04))


def test_a_deleted_row_is_noticed_and_records_may_be_joined(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    fits = from_rows({"forecasts": [row, replace(row, group="h")]})
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    first, second = (record(fits, tmp_path / f"record{moment.day}.csv", moment).rows for moment in moments)
    joined = tmp_path / "joined.parquet"
    write_table(table_of(RecordRow, first + second), joined)
    assert len(score_record(joined, later(1e22, 2.0))) == 4
    for kept in ([first[0]], [first[0], first[0]], [*first, second[1]]):
        write_table(table_of(RecordRow, kept), joined)
        with pytest.raises(RelscaleError, match="contains 1 of the 2 forecasts"):
            score_record(joined, later(1e22, 2.0))


def test_records_of_the_same_second_may_be_joined(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    joined = []
    for group in ("g", "h"):
        fits = from_rows({"forecasts": [replace(row, group=group), replace(row, group=group, params=7e9)]})
        joined += record(fits, tmp_path / f"{group}.csv", moment).rows
    write_table(table_of(RecordRow, joined), tmp_path / "joined.csv")
    assert len(score_record(tmp_path / "joined.csv", later(1e22, 2.0))) == 4
    write_table(table_of(RecordRow, joined[:3]), tmp_path / "joined.csv")
    with pytest.raises(RelscaleError, match="contains 1 of the 2 forecasts"):
        score_record(tmp_path / "joined.csv", later(1e22, 2.0))


def test_equal_forecasts_are_one_row_of_a_record(forecast, tmp_path):
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    fits = from_rows({"forecasts": [row, row, replace(row, training_flops=1e23)]})
    assert len(record(fits, tmp_path / "record.csv").rows) == 2
    assert len(score_record(tmp_path / "record.csv", later(1e22, 2.0))) == 2


def test_a_model_of_unknown_size_does_not_stand_for_every_size(forecast, tmp_path):
    """Of three forecasts at one compute, the fit has a model of one size, and one that does not tell its own."""
    (row, _) = rows_of(ForecastRow, forecast.forecasts)
    ahead = [replace(row, experiment="later", params=size) for size in (7e9, 7e10, None)]
    measured = measured_with((7e9, 2.1), (None, 2.6))
    of_fit = {
        "errors": rows_of(ErrorRow, measured.errors),
        "frontier": rows_of(FrontierRow, measured.frontier),
    }
    recorded = record(from_rows({"forecasts": ahead, **of_fit}), tmp_path / "record.csv")
    assert [kept.params for kept in recorded.rows] == [7e10]
    assert recorded.contained == 2
    record(from_rows({"forecasts": ahead}), tmp_path / "before.csv")
    small, large, unnamed = score_record(tmp_path / "before.csv", measured)
    assert (small.observed, large.observed) == (2.1, 2.1)
    assert large.note == "forecast for 7e+10 parameters, measured with 7e+09"
    assert unnamed.observed == pytest.approx(np.sqrt(2.1 * 2.6))


def test_a_record_without_the_number_of_its_rows_is_scored(forecast, tmp_path):
    path = tmp_path / "record.parquet"
    (row,) = record(forecast, path).rows
    names = [
        name for name in names_of(RecordRow) if name not in ("record", "rows", "known_flops", "known_value")
    ]
    older = replace(row, digest=digest_of(row, names))
    write_table(table_of(RecordRow, [older]).select(names), path)
    assert score_record(path, later(1e22, 2.0))[0].observed == 2.0


def test_tables_that_are_neither_fits_nor_a_record_are_named(forecast, tmp_path):
    table = tmp_path / "runs.csv"
    table.write_text("training_flops,loss\n1e18,2.1\n")
    with pytest.raises(RelscaleError, match=r"runs\.csv: a table, not a folder of fits"):
        read(table)
    with pytest.raises(RelscaleError, match=r"runs\.csv: not a record of forecasts"):
        score_record(table, forecast)
