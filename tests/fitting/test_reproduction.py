from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.fitting.curves.frontier import frontier
from relscale.fitting.curves.point_rows import point_rows
from relscale.fitting.curves.run_matrix import run_matrices
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits
from relscale.fitting.report.reproduction import reproduction
from relscale.fitting.report.reproduction_row import AnswerRow
from relscale.package_files import REFERENCE
from relscale.storage.rows import names_of
from relscale.storage.tables import read_table

Row = dict[str, Any]


@pytest.fixture(name="fits", scope="module")
def fitted(World: Any) -> Fits:
    world = World({"a": (1.5, 0.08, 0.3), "b": (1.0, 0.05, 0.0)}, noise=0.01, corpora=("text", "code"))
    return fit(world.measurements, suites={"s": {"baseline": "b"}})


BETA = {"table": "fits", "where": "law=power; parameter=beta; group=a; corpus=text", "column": "value"}


def held(fits: Fits, **answer: Any) -> list[Row]:
    row = (
        dict.fromkeys(names_of(AnswerRow))
        | {"quantity": "slope", "data": "{corpus}: {group}"}
        | BETA
        | answer
    )
    types = {name: pa.float64() for name in ("published", "published_stderr", "tolerance")}
    schema = pa.schema({name: types.get(name, pa.string()) for name in names_of(AnswerRow)})
    return reproduction(pa.Table.from_pylist([row], schema), fits).to_pylist()


def test_a_published_number_stands_beside_ours_and_the_difference(fits: Fits) -> None:
    (row,) = held(fits, published=0.08, tolerance=0.005, source="a paper")
    assert row["difference"] == pytest.approx(row["reproduced"] - 0.08)
    assert row["low"] < row["reproduced"] < row["high"]
    assert (row["data"], row["source"], row["status"]) == ("text: a", "a paper", "ok")
    assert row["within"] == (row["low"] <= 0.08 <= row["high"])
    assert row["agrees"] == (abs(row["difference"]) <= 0.005)


def test_a_number_that_rounds_to_other_digits_does_not_agree(fits: Fits) -> None:
    (row,) = held(fits, published=0.5, tolerance=0.05)
    assert (row["agrees"], row["within"]) == (False, False)


def test_without_a_published_number_ours_stands_alone_for_every_row(fits: Fits) -> None:
    rows = held(fits, where="law=power; parameter=beta; group=a")
    assert [row["data"] for row in rows] == ["code: a", "text: a"]
    for row in rows:
        assert row["status"] == "no published number"
        assert row["low"] < row["reproduced"] < row["high"]
        assert row["published"] is row["difference"] is row["agrees"] is None


def test_percent_is_a_hundred_times_and_bars_take_the_magnitude(fits: Fits) -> None:
    slope = "law=relative; parameter=delta_beta; group=a; corpus=text"
    (row,) = held(fits, where=slope, unit="%", column="|value|")
    (plain,) = held(fits, where=slope)
    assert plain["reproduced"] < 0
    assert row["reproduced"] == pytest.approx(-100 * plain["reproduced"])
    assert (row["low"], row["high"]) == pytest.approx((-100 * plain["high"], -100 * plain["low"]))


def test_compute_optimal_tokens_come_with_their_own_limits(fits: Fits) -> None:
    rows = held(fits, table="frontier", where="corpus=text", column="tokens", data="{budget}")
    assert [row["data"] for row in rows] == ["1×10¹¹", "3×10¹¹", "1×10¹²", "3×10¹²", "1×10¹³"]
    assert all(row["low"] < row["reproduced"] < row["high"] for row in rows)


def test_numbers_of_the_atlas_are_left_to_it(fits: Fits) -> None:
    assert held(fits, table="atlas", where="entry=annealing", published=2.6, tolerance=1e-4) == []


def test_every_answer_of_the_shipped_table_is_of_a_table_of_fits_or_of_the_atlas(fits: Fits) -> None:
    answers = read_table(REFERENCE / "published_answers.csv", names_of(AnswerRow))
    rows = reproduction(answers, fits)  # an unknown table or column would be an error
    assert 0 < rows.num_rows < answers.num_rows


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"where": "parameter=omega", "published": 1.0}, "no row of fits has parameter=omega"),
        ({"where": "parameter=omega"}, "no row of fits has parameter=omega"),
        ({"where": "parameter=beta", "published": 1.0}, "rows of fits have parameter=beta"),
    ],
)
def test_an_answer_that_nothing_fits_keeps_its_row_and_says_so(fits: Fits, answer: Row, status: str) -> None:
    (row,) = held(fits, **answer)
    assert status in row["note"]
    assert row["reproduced"] is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"table": "fit"}, "no table 'fit'; there are frontier, errors"),
        ({"where": "colour=red"}, "fits has no column 'colour'"),
        ({"where": "parameter"}, "is not of the form 'column=value; column=value'"),
        ({"column": "worth"}, "fits has no column 'worth'"),
        ({"data": "{colour}"}, "no column 'colour'"),
    ],
)
def test_an_answer_that_is_wrong_is_one_line(fits: Fits, answer: Row, message: str) -> None:
    with pytest.raises(RelscaleError, match=message):
        held(fits, **answer)


def test_a_missing_column_is_named(fits: Fits) -> None:
    with pytest.raises(RelscaleError, match="answers: no column 'quantity'"):
        reproduction(pa.table({"a": [1]}), fits)


@pytest.mark.slow
def test_limits_of_the_optimum_cover_it(World: Any) -> None:
    """120 data sets of five budgets: 95% limits hold the true optimum in 95% of them, within Monte Carlo error."""
    covered = []
    for seed in range(120):
        (matrix,) = run_matrices(World({}, noise=0.002, widths=6, seed=seed).measurements)
        rows = list(point_rows(matrix, frontier(matrix), level=0.95))
        truth = [1e6 * (row.budget / 1e12) ** 0.5 for row in rows]
        covered += [row.tokens_low < best < row.tokens_high for row, best in zip(rows, truth, strict=True)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)
